"""Looks at pictures before they are attached, in the process for pictures, and keeps those that are whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from desktop_app.chat.attachments import Attachments
from desktop_app.chat.conversation import Picture, storable
from desktop_app.engine.messages import Event, Failed, Inspected, PictureRef
from desktop_app.errors import UserError
from desktop_app.file_addresses import existing
from desktop_app.services.background import Background
from desktop_app.services.conversation.previews import Previews
from desktop_app.services.engine import Engine


class Checked(NamedTuple):
    """A picture that was found to be whole, and is stored."""

    picture: Picture
    kinds: tuple[bool, bool]  # photographic: the demonstration model cannot recognise it; with much fine structure
    notes: tuple[UserError, ...]  # which part of the file is seen


class Inquiry(NamedTuple):
    """Who wants a picture to be checked, and what is done then."""

    is_wanted: Callable[[], bool]  # if not, nothing more follows
    done: Callable[[Checked], object]
    refused: Callable[[Exception], object]  # with a UserError, unless it is a bug


def name_of(path: str) -> str:
    """Return what a picture is called whose file is at `path`."""
    return storable(Path(path).name or path)


class PictureCheck:
    """Checks one picture for each inquiry."""

    def __init__(self, engine: Engine, attachments: Attachments, previews: Previews, files: Background) -> None:
        self._engine = engine
        self._attachments = attachments
        self._previews = previews
        self._files = files

    def file(self, path: str, inquiry: Inquiry) -> None:
        """Check a file; it is copied, so it may be deleted afterwards."""
        path = existing(path)
        name = name_of(path)
        store = partial(self._attachments.add_file, path, name)
        self._inspect(PictureRef("", path, name), store, inquiry)

    def stored(self, picture: Picture, inquiry: Inquiry) -> None:
        """Check a picture that was stored before it could be checked."""
        self._inspect(self._previews.reference(picture.sha256, picture.name), lambda: picture.sha256, inquiry)

    def storing_file(self, path: str) -> Callable[[], str]:
        """Return what stores a file that is not checked yet, and returns its SHA-256."""
        return partial(self._attachments.add_file, existing(path), name_of(path))

    def storing_data(self, data: bytes, name: str) -> Callable[[], str]:
        """Return the same for a picture from the clipboard."""
        return partial(self._attachments.add_bytes, data, name)

    def store(self, storing: Callable[[], str], then: Callable[[str], object]) -> None:
        """Store a picture that is not checked yet; `then(its SHA-256)`, unless that fails."""
        self._files.run(storing, then, lambda _error: None)

    def wait(self) -> None:
        """Return when everything is stored that was to be."""
        self._files.wait()

    def data(self, data: bytes, name: str, inquiry: Inquiry) -> None:
        """Check a picture from the clipboard or a drag without a file."""

        def inspect(sha256: str) -> None:
            # If it turns out to be no picture, the next start removes the file: nothing refers to it.
            self._inspect(self._previews.reference(sha256, name), lambda: sha256, inquiry)

        self._files.run(partial(self._attachments.add_bytes, data), inspect, inquiry.refused)

    def _inspect(self, picture: PictureRef, store: Callable[[], str], inquiry: Inquiry) -> None:
        self._engine.inspect(picture, partial(self._inspected, picture.name, store, inquiry))

    def _inspected(self, name: str, store: Callable[[], str], inquiry: Inquiry, event: Event) -> None:
        if not inquiry.is_wanted():
            return  # it was removed meanwhile
        if isinstance(event, Inspected):
            tell = partial(_tell, name, event, inquiry)
            self._files.run(partial(self._store, event, store), tell, inquiry.refused)
        elif isinstance(event, Failed):
            inquiry.refused(UserError(event.code, **event.parameters))
        else:  # a bug, which is reported
            inquiry.refused(UserError("picture-damaged", name=name))

    def _store(self, event: Inspected, store: Callable[[], str]) -> str:
        sha256 = store()
        self._previews.keep(event, sha256)
        return sha256


def _tell(name: str, event: Inspected, inquiry: Inquiry, sha256: str) -> None:
    kinds = event.looks_photographic, event.has_fine_structure
    inquiry.done(Checked(Picture(sha256, name, event.width, event.height), kinds, event.notes))

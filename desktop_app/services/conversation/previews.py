"""Previews of pictures. The engine process makes them: no other process decodes untrusted pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop_app.atomic_files import export_whole, not_saved
from desktop_app.chat.attachments import Attachments
from desktop_app.chat.conversation import Picture
from desktop_app.engine.messages import Event, Failed, Inspected, PictureRef
from desktop_app.errors import UserError
from desktop_app.services.background import Background
from desktop_app.services.conversation.picture_files import ending_of
from desktop_app.services.engine import Engine
from desktop_app.services.notices import Notice, Notices, action

_PIECE = 1 << 20  # bytes


class Previews(QObject):
    """Keeps a preview and a thumbnail beside each original.

    `ready(sha256)`: a preview asked for by `request` can be had now.
    """

    ready = Signal(str)

    def __init__(
        self,
        attachments: Attachments,
        engine: Engine,
        files: Background,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._attachments = attachments
        self._engine = engine
        self._files = files
        self._notices = notices
        self._requested: set[str] = set()

    def thumbnail(self, sha256: str) -> bytes | None:
        """Return a PNG of at most 192 px a side, or None when it is not there yet."""
        return _bytes_of(self._attachments.thumbnail_path(sha256))

    def preview(self, sha256: str) -> bytes | None:
        """Return a PNG or JPEG of at most 2048 px a side, or None when it is not there yet."""
        return _bytes_of(self._attachments.preview_path(sha256))

    def request(self, sha256: str) -> None:
        """Have a missing preview made again from the original; `ready` follows unless the original is gone."""
        if sha256 in self._requested:
            return
        self._requested.add(sha256)
        picture = self.reference(sha256, sha256[:8])
        self._engine.inspect(picture, partial(self._remade, sha256))

    def reference(self, sha256: str, name: str) -> PictureRef:
        """Return how the engine finds a stored picture."""
        return PictureRef(sha256, str(self._attachments.path(sha256)), name)

    def reference_of(self, picture: Picture) -> PictureRef:
        """Return how the engine finds a picture of a message."""
        return self.reference(picture.sha256, picture.name)._replace(width=picture.width, height=picture.height)

    def keep(self, inspected: Inspected, sha256: str) -> None:
        """Store what the engine made of a picture. Blocks: call it on the files' thread."""
        self._attachments.store_derived(sha256, inspected.preview, inspected.thumbnail)

    def ending(self, sha256: str) -> str:
        """Return the ending that belongs to the original (".png"), "" when it is gone."""
        try:
            return ending_of(self._attachments.path(sha256))
        except OSError:
            return ""

    def save_original(self, sha256: str, target: str, on_error: Callable[[Exception], object] | None = None) -> None:
        """Copy the original to a place the person chose."""
        path = Path(target)
        self._files.run(partial(_copy, self._attachments.path(sha256), path), lambda _: self._saved(path), on_error)

    def _saved(self, target: Path) -> None:
        where = action("show-in-folder", str(target))
        self._notices.post(Notice("original-saved", {"name": target.name}, actions=(where,)))

    def _remade(self, sha256: str, event: Event) -> None:
        if isinstance(event, Inspected):
            self._files.run(lambda: self.keep(event, sha256), lambda _: self._announce(sha256))
        elif not isinstance(event, Failed):
            self._requested.discard(sha256)  # a bug, which is reported: it may be asked again

    def _announce(self, sha256: str) -> None:
        self._requested.discard(sha256)
        self.ready.emit(sha256)


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:  # missing, or on a disk that fails
        return None


def _copy(source: Path, target: Path) -> None:
    try:
        original = source.open("rb")
    except OSError as error:
        raise UserError("file-missing", name=target.name) from error
    with original:
        try:
            export_whole(target, iter(partial(original.read, _PIECE), b""))
        except OSError as error:
            raise not_saved(error, target.name) from error

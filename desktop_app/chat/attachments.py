"""Keeps the pictures of conversations as files, each named by the SHA-256 of its bytes.

A file's own name never becomes a path here. The same picture is stored once however often it is
shown. Previews and thumbnails, which can be made again, lie apart.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from desktop_app.atomic_files import INCOMING, finish, new_file, not_saved, set_aside, sync_folder, write_whole
from desktop_app.errors import UserError
from model_store.foreign_files import is_missing, open_file

if TYPE_CHECKING:
    import hashlib

LARGEST_MB = 1024  # a film dropped by mistake must not fill the disk
_PIECE = 1 << 20  # bytes
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_PREVIEW, _THUMBNAIL = ".preview", ".thumbnail"
_TWO_LEVELS = "[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"
_OLD_S = 24 * 3600.0


class Attachments:
    """The originals below `folder`. All methods may be called from any thread."""

    def __init__(
        self,
        folder: Path,
        derived: Path | None = None,
        paced: Callable[[Iterable[bytes]], Iterator[bytes]] = iter,
    ) -> None:
        """Use `folder` for originals and `derived` for what is made from them.

        `paced` may wait before each piece of a file that is copied.
        """
        self._paced = paced
        self._folder = folder
        self._derived = derived or folder / "derived"

    def path(self, sha256: str) -> Path:
        """Return where the original lies, or would lie. Raises ValueError for anything but a hash."""
        return _place(self._folder, sha256)

    def preview_path(self, sha256: str) -> Path:
        """Return where the preview for the window lies, or would lie."""
        return _place(self._derived, sha256, _PREVIEW)

    def thumbnail_path(self, sha256: str) -> Path:
        """Return where the thumbnail lies, or would lie."""
        return _place(self._derived, sha256, _THUMBNAIL)

    def add_file(self, path: str | Path, name: str) -> str:
        """Copy a file and return its SHA-256. `name` is only for the sentence if it fails.

        Raises UserError: file-missing, is-a-folder, file-unreadable, file-empty, file-too-large,
        disk-full, not-saved.
        """
        try:
            source = open_file(path)
        except IsADirectoryError as error:
            raise UserError("is-a-folder", name=name) from error
        except OSError as error:
            raise UserError("file-missing" if is_missing(error) else "file-unreadable", name=name) from error
        with source:
            return self._add(_pieces_of(source, name), name)

    def add_bytes(self, data: bytes, name: str = "picture.png") -> str:
        """Store a picture from the clipboard and return its SHA-256. Raises UserError as above."""
        return self._add((data,), name)

    def add_pieces(self, pieces: Iterable[bytes], name: str) -> str:
        """Store a picture that comes in pieces and return its SHA-256. Raises UserError as above."""
        return self._add(pieces, name)

    def store_derived(self, sha256: str, preview: bytes, thumbnail: bytes) -> None:
        """Store what was made from an original, as encoded pictures. Raises UserError."""
        for path, data in ((self.preview_path(sha256), preview), (self.thumbnail_path(sha256), thumbnail)):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, data)
            except OSError as error:
                raise not_saved(error, path.name) from error

    def verify(self, sha256: str) -> bool:
        """Tell whether the original is there and still has the bytes it came with."""
        digest = _sha256()
        try:
            with self.path(sha256).open("rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
        except OSError:
            return False
        return digest.hexdigest() == sha256

    def remove(self, sha256s: Iterable[str]) -> None:
        """Remove originals and what was made from them, as `History.purge_deleted` names them.

        The original goes last: if the program is killed meanwhile, `remove_unreferenced` finds what is left by it.
        """
        for sha256 in sha256s:
            for path in (self.preview_path(sha256), self.thumbnail_path(sha256), self.path(sha256)):
                path.unlink(missing_ok=True)

    def remove_unreferenced(self, keep: Collection[str] | None, older_than_s: float = _OLD_S) -> int:
        """Remove all pictures but those to keep (None: all); return how many originals went.

        What was added in the last `older_than_s` seconds stays: it may be in no message yet.
        """
        added_before = time.time() - older_than_s
        gone = [
            path.name
            for path in self._folder.glob(_TWO_LEVELS)
            if keep is not None
            and path.name not in keep
            and _SHA256.match(path.name)
            and path.stat().st_mtime <= added_before
        ]
        self.remove(gone)
        for path in self._folder.glob(f"{INCOMING}*"):  # the program was killed while it copied
            if path.stat().st_mtime <= added_before:
                path.unlink(missing_ok=True)
        return len(gone)

    def _add(self, pieces: Iterable[bytes], name: str) -> str:
        digest = _sha256()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with new_file(self._folder) as (file, incoming):
                for piece in self._paced(pieces):
                    digest.update(piece)
                    file.write(piece)
                if not file.tell():
                    raise UserError("file-empty", name=name)
                finish(file)
                sha256 = digest.hexdigest()
                self._keep(incoming, sha256)
        except OSError as error:
            raise not_saved(error, name) from error
        return sha256

    def _keep(self, incoming: Path, sha256: str) -> None:
        target = self.path(sha256)
        if target.exists():
            if self.verify(sha256):
                os.utime(target)  # young again for `remove_unreferenced`
                return
            set_aside(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        incoming.replace(target)
        for folder in (target.parent, target.parent.parent, self._folder):
            sync_folder(folder)


def _place(root: Path, sha256: str, ending: str = "") -> Path:
    if not _SHA256.match(sha256):  # it may come from an imported file: no way out of the folder
        raise ValueError("not the SHA-256 of a picture")
    return root / sha256[:2] / sha256[2:4] / (sha256 + ending)


def _sha256() -> hashlib._Hash:
    import hashlib  # only now: it brings OpenSSL, which the window need not wait for

    return hashlib.sha256()


def _pieces_of(source: BinaryIO, name: str) -> Iterator[bytes]:
    room = LARGEST_MB << 20
    while True:
        try:
            piece = source.read(_PIECE)
        except OSError as error:  # a stick that was pulled out
            raise UserError("file-unreadable", name=name) from error
        if not piece:
            return
        room -= len(piece)
        if room < 0:
            raise UserError("file-too-large", name=name, limit=LARGEST_MB)
        yield piece

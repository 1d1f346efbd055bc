"""What comes through pipes: pictures, kept in files while the engine needs them, and a question.

A question is read only where it is asked for: in a loop of the shell, standard input is the list of what is to be done.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO

import filelock

from desktop_app.chat.attachments import LARGEST_MB
from desktop_app.errors import UserError
from model_store.foreign_files import exists

_PREFIX = "eyebright-piped-"
_LOCK = ".lock"
_PIECE = 1 << 20  # bytes
_LONGEST = 1_000_000  # characters of a question; more fits in no context


class PipedPictures:
    """A folder for what comes through pipes, each of which can be read only once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def kept(self, name: str, label: str) -> Path:
        """Return the file with what came through standard input ("-") or a named pipe. Raises `UserError`."""
        copy = self._folder / hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()
        if not exists(copy):
            with copy.open("wb") as file, _opened(name, label) as source:
                left = LARGEST_MB << 20
                while piece := _read(source, min(_PIECE, left + 1), name, label):
                    left -= len(piece)
                    if left < 0:
                        raise UserError("file-too-large", name=label, limit=LARGEST_MB)
                    file.write(piece)
        return copy


@contextmanager
def piped_pictures() -> Iterator[PipedPictures]:
    """Yield a folder that is removed afterwards, and remove those of programs that were killed."""
    place = Path(tempfile.gettempdir())
    _remove_left_overs(place)
    folder = place / f"{_PREFIX}{uuid.uuid4().hex}"
    lock = folder.with_suffix(_LOCK)
    try:
        # The lock is there before its folder, and after it: a folder whose lock is free belongs to nobody.
        with filelock.FileLock(lock, mode=0o600):
            try:
                folder.mkdir(mode=0o700)
                yield PipedPictures(folder)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        lock.unlink(missing_ok=True)


def _remove_left_overs(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        if folder.suffix or not _is_ours(folder):
            continue
        lock = folder.with_suffix(_LOCK)
        with suppress(OSError, filelock.Timeout):
            with filelock.FileLock(lock, timeout=0, mode=0o600):
                shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


def _is_ours(folder: Path) -> bool:
    try:
        about = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(about.st_mode) and (os.name == "nt" or about.st_uid == os.geteuid())


def _opened(name: str, label: str) -> AbstractContextManager[IO[bytes]]:
    """Open a named pipe, such as a shell makes for <(command), or standard input for "-"."""
    if name == "-":
        if sys.stdin is None:  # closed, as by <&-
            raise UserError("no-standard-input")
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise UserError("file-unreadable", name=label) from error


def _read(source: IO[bytes], size: int, name: str, label: str) -> bytes:
    try:
        return source.read(size)
    except OSError as error:  # it is open for writing only, say
        if name == "-":
            raise UserError("no-standard-input") from error
        raise UserError("file-unreadable", name=label) from error


def piped_question() -> str:
    """Return what comes through standard input. Raises `UserError`."""
    if sys.stdin is None:  # closed, as by <&-
        raise UserError("no-standard-input")
    try:
        data = sys.stdin.buffer.read(4 * _LONGEST + 1)  # a character has four bytes at most
    except OSError as error:  # it is open for writing only, say
        raise UserError("no-standard-input") from error
    text = data.decode(errors="replace").strip()
    if len(text) > _LONGEST:
        raise UserError("piped-text-too-long", limit=_LONGEST)
    return text


def is_something_piped() -> bool:
    """Return whether words wait in a pipe at standard input. They stay there."""
    if sys.stdin is None or os.name == "nt":  # Windows cannot tell
        return False
    import fcntl
    import termios

    waiting = bytearray(4)
    try:
        pipe = sys.stdin.fileno()
        if not stat.S_ISFIFO(os.fstat(pipe).st_mode):
            return False
        fcntl.ioctl(pipe, termios.FIONREAD, waiting)
    except (OSError, ValueError):  # no real file, in a test say
        return False
    return any(waiting)

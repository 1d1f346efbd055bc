"""Keeps one window per user: a second start of the program sends its pictures to the open window.

The two processes use a local socket (a named pipe on Windows), never the network. A key in a file that only this user
can read keeps other users of the computer out.

The socket is created after the window has appeared, because the modules for it take long to import. Until then a second
start waits at a lock.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QLockFile, QObject, Signal

from desktop_app.errors import UserError

if TYPE_CHECKING:  # imported only if a second start finds a window
    from multiprocessing.connection import Connection, Listener

_log = logging.getLogger(__name__)
_CLOSE = "close"
_CLOSE_TIMEOUT_S = 2.0
_WINDOW_TIMEOUT_S = 12.0  # for a window that does not answer: it may still be starting, or hang
_NAME_BYTES = 12  # of the key, used as the name of the socket, which all users can see
_KEY_BYTES = 44  # the other bytes are secret


class Door(NamedTuple):
    """How a later start reaches the window; the key file says it."""

    key: bytes
    address: str  # the path of a socket, or the name of a pipe on Windows

    @staticmethod
    def read(key_file: Path) -> Door | None:
        """Return what a key file says, None if no window is open."""
        try:
            said = key_file.read_bytes()
        except FileNotFoundError:
            return None
        key, address = said[:_KEY_BYTES], said[_KEY_BYTES:]
        return Door(key, os.fsdecode(address)) if len(key) == _KEY_BYTES and address else None

    def write(self, key_file: Path) -> None:
        """Say it to later starts of this user, and to nobody else."""
        with open(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            file.write(self.key + os.fsencode(self.address))


def _addresses(key_file: Path, key: bytes) -> list[str]:
    """Return where a window may listen, the best first."""
    name = f"eyebright-{key[:_NAME_BYTES].hex()}"
    if sys.platform == "win32":
        return [rf"\\.\pipe\{name}"]
    # Beside the key nobody tidies up. But the path of a socket must be short, about 100 bytes, and not every file
    # system can have one.
    return [str(folder / name) for folder in (key_file.parent, Path(tempfile.gettempdir()), Path("/tmp"))]


def _remove_leftovers(key_file: Path) -> None:
    """Delete the key and the socket of a window that was killed."""
    door = Door.read(key_file)
    if door is not None and sys.platform != "win32":  # on Windows a pipe ends with its process
        Path(door.address).unlink(missing_ok=True)
    key_file.unlink(missing_ok=True)


def hand_over(key_file: Path, pictures: Sequence[str]) -> bool:
    """Send pictures to the open window; return False if there is none.

    Raises UserError("window-hangs") if it does not accept them within some seconds.
    """
    door = Door.read(key_file)
    if door is None:
        return False
    taken: list[bool] = []
    # Neither connecting nor authentication takes a timeout, so they run on another thread.
    sending = threading.Thread(target=lambda: taken.append(_send(door, pictures)), name="hand-over", daemon=True)
    sending.start()
    sending.join(_WINDOW_TIMEOUT_S)
    if not taken:
        raise UserError("window-hangs")
    return taken[0]


def _send(door: Door, pictures: Sequence[str]) -> bool:
    import json
    from multiprocessing import AuthenticationError
    from multiprocessing.connection import Client

    try:
        with Client(door.address, authkey=door.key) as connection:
            connection.send_bytes(json.dumps([str(Path(picture).absolute()) for picture in pictures]).encode())
            return connection.recv_bytes() == b"taken"
    except (OSError, EOFError, AuthenticationError):
        return False  # the window was killed, and its socket remains


def receive_or_hand_over(key_file: Path, pictures: Sequence[str]) -> SingleInstance | None:
    """Return the receiver for this window, or None if the pictures were sent to an open window.

    Raises UserError as `hand_over`, also if another window is starting and does not appear in time.
    """
    # If two starts happen at the same moment, one gets the lock, and the other waits until its window listens.
    lock = QLockFile(str(key_file.with_suffix(".lock")))
    starting = not lock.tryLock(int(_WINDOW_TIMEOUT_S * 1000)) and lock.error() is QLockFile.LockError.LockFailedError
    with ExitStack() as ending:
        ending.callback(lock.unlock)
        if hand_over(key_file, pictures):
            return None
        if starting:
            raise UserError("window-hangs")
        ending.pop_all()
    return SingleInstance(key_file, lock)


class SingleInstance(QObject):
    """Receives the pictures of later starts: `arrived(list of file names)`, empty if a start has none.

    Later starts wait at `lock` until it listens.
    """

    arrived = Signal(object)  # as a list Qt would take it apart, and change names that are no UTF-8

    def __init__(self, key_file: Path, lock: QLockFile, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._door = Door(os.urandom(_KEY_BYTES), "")
        self._key_file = key_file
        self._lock = lock
        self._ready = threading.Event()  # it listens, or failed to
        self._listening = False
        self._thread = threading.Thread(target=self._listen, name="handover", daemon=True)

    def listen(self) -> None:
        """Start receiving; returns at once."""
        self._thread.start()

    def is_listening(self) -> bool:
        """Return whether later starts can hand over."""
        return self._listening

    def close(self) -> None:
        """Stop listening."""
        if self._thread.is_alive():
            self._ready.wait(_CLOSE_TIMEOUT_S)
        if self._listening:
            self._key_file.unlink(missing_ok=True)
            # The socket may have been deleted, or blocked by a start that hangs; the window closes all the same.
            closing = threading.Thread(target=self._send_close, name="handover-close", daemon=True)
            closing.start()
            for thread in (self._thread, closing):
                thread.join(_CLOSE_TIMEOUT_S)
        self._lock.unlock()

    def _send_close(self) -> None:
        import json
        from multiprocessing.connection import Client

        try:
            with Client(self._door.address, authkey=self._door.key) as connection:
                connection.send_bytes(json.dumps(_CLOSE).encode())
        except (OSError, EOFError) as error:
            _log.warning("the listening thread cannot be told to stop: %s", type(error).__name__)

    def _listen(self) -> None:
        try:
            _remove_leftovers(self._key_file)
            with self._listener() as listener:
                self._door.write(self._key_file)
                self._listening = True
                self._release_later_starts()
                self._receive(listener)
        except OSError as error:  # a full disk, for example: the window works, but later starts cannot find it
            _log.warning("later starts cannot hand over: %s", error.strerror)
            self._release_later_starts()

    def _listener(self) -> Listener:
        """Return a listener at the first address that this computer allows."""
        from multiprocessing.connection import Listener

        *others, last = _addresses(self._key_file, self._door.key)
        for address in others:
            self._door = self._door._replace(address=address)
            with suppress(OSError):
                return Listener(address, authkey=self._door.key)
        self._door = self._door._replace(address=last)
        return Listener(last, authkey=self._door.key)

    def _release_later_starts(self) -> None:
        """Let later starts that wait at the lock continue."""
        self._lock.unlock()
        self._ready.set()

    def _receive(self, listener: Listener) -> None:
        from multiprocessing import AuthenticationError

        while True:
            try:
                with listener.accept() as connection:
                    if self._receive_one(connection) == _CLOSE:
                        return
            except (OSError, EOFError, AuthenticationError):
                continue  # another program, or a start that was killed

    def _receive_one(self, connection: Connection[Any, Any]) -> object:
        import json

        message = json.loads(connection.recv_bytes(1 << 20))
        if message != _CLOSE:
            connection.send_bytes(b"taken")
            self.arrived.emit([str(picture) for picture in message])
        return message

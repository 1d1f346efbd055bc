"""The system ends the program: by a signal (SIGTERM, Ctrl-C in its terminal), or because the person logs out."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from PySide6.QtCore import QObject, QSocketNotifier
from PySide6.QtGui import QGuiApplication, QSessionManager

_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")


class Ending(QObject):
    """Quits the application as closing its window does, and has everything saved before a session ends.

    `save` is called when the session asks; the person may still decide to stay. `release` gives the signals back.
    """

    def __init__(self, application: QGuiApplication, save: Callable[[], None]) -> None:
        super().__init__(application)
        self._save = save
        self._before: dict[int, object] = {}
        self._pipe: tuple[int, int] | None = None
        application.commitDataRequest.connect(self._session_ends)
        if os.name == "posix":  # elsewhere no signal comes that could be heard, or Qt closes the windows
            self._listen()

    def release(self) -> None:
        """Leave signals to Python again."""
        if self._pipe is None:
            return
        self._heard.setEnabled(False)
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what it was before
        for end in self._pipe:
            os.close(end)
        self._pipe = None

    def _listen(self) -> None:
        """Let a signal wake the loop of Qt: by itself Python hears of it only when Qt next calls Python."""
        self._pipe = read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for name in _SIGNALS:
            number = getattr(signal, name)
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
                self._before[number] = signal.signal(number, lambda *_: None)
        self._heard = QSocketNotifier(read, QSocketNotifier.Type.Read, self)
        self._heard.activated.connect(self._quit)

    def _quit(self) -> None:
        assert self._pipe is not None
        numbers = os.read(self._pipe[0], 100)
        if any(number in self._before for number in numbers):
            QGuiApplication.quit()  # closes the windows first

    def _session_ends(self, _session: QSessionManager) -> None:
        self._save()

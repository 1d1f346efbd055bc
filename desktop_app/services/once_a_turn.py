"""Bundles what would be done again and again while much happens at once, such as a folder that is dropped."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


class OnceATurn(QObject):
    """Runs something when it is called; of more calls in the same turn of the event loop, once more at its end."""

    def __init__(self, run: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self._run = run
        self._is_wanted = False  # once more, at the end of this turn
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.setInterval(0)
        self._turn.timeout.connect(self._end_turn)

    def __call__(self, _what: object = None) -> None:
        """Run it now, or at the end of this turn if it has run already."""
        if self._turn.isActive():
            self._is_wanted = True
        else:
            self._turn.start()
            self._run()

    def _end_turn(self) -> None:
        if self._is_wanted:
            self._is_wanted = False
            self()

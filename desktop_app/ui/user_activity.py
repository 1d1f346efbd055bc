"""Notices that the person does something in the program, as long as somebody wants to know."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QObject

from desktop_app.services.tuner import Tuner

_SIGNS = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
        QEvent.Type.DragEnter,
        QEvent.Type.InputMethod,
    }
)


class UserActivity(QObject):
    """Lets the tuner give way. It sees every event of the program, so it looks only while that matters."""

    def __init__(self, tuner: Tuner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tuner = tuner
        tuner.wanted_changed.connect(self._look)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """See whether an event comes from the person; let it pass."""
        if event.type() in _SIGNS:
            self._tuner.give_way()
        return False

    def _look(self, wanted: bool) -> None:
        application = QCoreApplication.instance()
        if application is None:
            return
        if wanted:
            application.installEventFilter(self)
        else:
            application.removeEventFilter(self)

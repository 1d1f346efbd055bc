"""Detects keys, clicks and other activity of the person, while a measurement needs to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QObject

if TYPE_CHECKING:  # only for annotations, so the window does not wait for it
    from desktop_app.ui.protocols.engine import Tuner

_ACTIVITY = frozenset(
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
    """Makes the tuner stop when the person is active. Filters all events, so it is installed only while needed."""

    def __init__(self, tuner: Tuner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tuner = tuner
        tuner.wanted_changed.connect(self._watch)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Tell the tuner about events that come from the person; filter out none."""
        if event.type() in _ACTIVITY:
            self._tuner.stop_for_user()
        return False

    def _watch(self, wanted: bool) -> None:
        application = QCoreApplication.instance()
        if application is None:
            return
        if wanted:
            application.installEventFilter(self)
        else:
            application.removeEventFilter(self)

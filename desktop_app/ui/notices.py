"""The bar above the composer that shows short notices, one at a time."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEasingCurve, QEvent, Qt, QTimer, QVariantAnimation
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop_app.services.notices import Notice, Notices
from desktop_app.ui.sentences import action_label, notice_text
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import IconButton, Label, push_button
from desktop_app.ui.widgets.fitting import BesideOrBelow, WrappingRow
from desktop_app.ui.widgets.theme import COLUMN, GRID, ColourRole, theme

_STAYS_MS = 10_000  # then a notice that is not sticky closes, unless the pointer is on it or nobody is there
_LONGER = 3  # times as long a warning or an error stays
_WEIGHT = {"error": 2, "warning": 1, "info": 0}
_ICONS: dict[str, tuple[str, ColourRole]] = {
    "info": ("info", "muted"),
    "warning": ("warning", "warning"),
    "error": ("warning", "danger"),
}


def _rank(notice: Notice) -> int:
    return _WEIGHT[notice.kind] if notice.sticky else 0


class NoticeBar(QWidget):
    """Shows one notice at a time: first what leaves by itself, then what stays, errors before the rest.

    What only informs leaves after 10 s, a warning or an error after 30 s or with the conversation that is open.
    """

    def __init__(self, notices: Notices, parent: QWidget | None = None, stays_ms: int = _STAYS_MS) -> None:
        super().__init__(parent)
        self._notices = notices
        self._queue: list[Notice] = []
        self._build()
        self._leave = QTimer(self)
        self._leave.setSingleShot(True)
        self._stays_ms = stays_ms
        self._leave.timeout.connect(self._time_is_up)
        self._slide = QVariantAnimation(self)
        self._slide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._slide.valueChanged.connect(self._slid)
        self._slide.finished.connect(self._settled)
        self.setVisible(False)
        notices.posted.connect(self._post)
        notices.withdrawn.connect(self._withdraw)
        theme.changed.connect(self._tint)

    def current(self) -> Notice | None:
        """Return the notice that is shown."""
        newest_first = reversed(self._queue)
        return max(newest_first, key=lambda notice: (not notice.sticky, _rank(notice)), default=None)

    def conversation_opened(self) -> None:
        """Let go of what was said about the conversation that was open, errors included."""
        for notice in list(self._queue):
            if not notice.sticky and (notice.of_conversation or notice.kind != "info"):
                self._notices.withdraw(notice.id)

    def _build(self) -> None:
        self.card = QFrame(self)
        self.card.setObjectName("notice")
        self.card.setMaximumWidth(COLUMN + 4 * GRID)  # as wide as the composer
        outer = self._outer = QVBoxLayout(self)
        outer.setContentsMargins(GRID, 0, GRID, GRID)
        centred = QHBoxLayout()
        centred.addStretch(1)
        centred.addWidget(self.card, 1000)
        centred.addStretch(1)
        outer.addLayout(centred)
        row = QHBoxLayout(self.card)
        row.setContentsMargins(2 * GRID - 2, GRID, GRID, GRID)
        row.setSpacing(12)
        self._icon = QLabel(self.card)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignVCenter)
        self.words = Label("", "small", parent=self.card, wrap=True)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.MinimumExpanding)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.buttons: list[QPushButton] = []
        self._buttons = WrappingRow()
        self._buttons.setSpacing(0)
        beside = BesideOrBelow()
        beside.setSpacing(4)
        beside.addWidget(self.words)
        beside.add_layout(self._buttons)
        row.addLayout(beside, 1)
        self.close_button = IconButton("close", self.tr("Close this notice"), self.card, "muted", 16)
        self.close_button.clicked.connect(self._dismiss)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignVCenter)

    # ---- the queue -------------------------------------------------------------------------

    def _post(self, notice: Notice) -> None:
        same = [
            known
            for known in self._queue
            if (known.text_code, known.parameters) == (notice.text_code, notice.parameters)
        ]
        self._queue = [known for known in self._queue if known not in same]
        self._queue.append(notice)
        self._show_current()

    def _withdraw(self, notice_id: str) -> None:
        before = self.current()
        self._queue = [notice for notice in self._queue if notice.id != notice_id]
        if self.current() is not before:
            self._show_current()

    def _dismiss(self) -> None:
        current = self.current()
        if current is not None:
            self._notices.dismiss(current.id)

    def _close(self) -> None:
        current = self.current()
        if current is not None:
            self._notices.withdraw(current.id)

    def _show_current(self) -> None:
        notice = self.current()
        self._leave.stop()
        if notice is None:
            self._move(0)
            return
        text = notice_text(notice)
        self.words.setText(text)
        self.card.setAccessibleName(text)
        from PySide6.QtGui import QAccessible, QAccessibleEvent  # takes long to import for a window with no notice

        QAccessible.updateAccessibility(QAccessibleEvent(self.card, QAccessible.Event.Alert))
        self._tint()
        for button in self.buttons:
            self._buttons.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = []
        for action in notice.buttons[:2]:
            button = push_button(action_label(action), "link", self.card)
            button.clicked.connect(partial(self._notices.act, notice.id, action.code, action.argument))
            self._buttons.addWidget(button)
            self.buttons.append(button)
        self._start_to_leave()
        self._move(self._wanted_height())

    def _start_to_leave(self) -> None:
        notice = self.current()
        if notice is not None and not notice.sticky:
            self._leave.start(self._stays_ms * (1 if notice.kind == "info" else _LONGER))

    def _time_is_up(self) -> None:
        if QApplication.activeWindow() is None:
            self._start_to_leave()  # the person looks elsewhere
        else:
            self._close()

    def _tint(self) -> None:
        notice = self.current()
        if notice is not None:
            name, role = _ICONS[notice.kind]
            self._icon.setPixmap(icons.pixmap(name, theme.colour(role)))

    # ---- sliding ---------------------------------------------------------------------------

    def _wanted_height(self) -> int:
        parent = self.parentWidget()
        width = parent.width() if parent is not None and not self.isVisible() else self.width()
        return self._outer.totalHeightForWidth(width)

    def _move(self, height: int) -> None:
        self._slide.stop()
        start = self.height() if self.isVisible() else 0
        if height:
            self.setVisible(True)
        self._slide.setStartValue(start)
        self._slide.setEndValue(height)
        self._slide.setDuration(theme.animation_ms())
        self._slide.start()

    def _slid(self, height: int) -> None:
        self.setFixedHeight(max(0, height))

    def _settled(self) -> None:
        if self.current() is None:
            self.setVisible(False)
        else:
            # From now on the words decide: they wrap when the window gets narrower.
            self.setMinimumHeight(0)
            self.setMaximumHeight(16_777_215)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Keep the notice while the pointer is on it."""
        self._leave.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Start the timer again when the pointer has left."""
        self._start_to_leave()
        super().leaveEvent(event)

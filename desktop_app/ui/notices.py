"""The bar that shows short notices, one at a time: above the composer, and in the manager of models."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEasingCurve, QEvent, Qt, QTimer, QVariantAnimation
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop_app.services.notices import Notice, Notices, Owner
from desktop_app.ui.sentences import action_label, notice_text, part_lines
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import IconButton, Label, action_button, push_button
from desktop_app.ui.widgets.fitting import BesideOrBelow, WrappingRow, lay_out_now
from desktop_app.ui.widgets.plain_text import set_tip
from desktop_app.ui.widgets.theme import COLUMN, GRID, ColourRole, theme

if TYPE_CHECKING:
    from desktop_app.ui.widgets.line_list import LineList

_STAYS_MS = 10_000  # then a notice that is not sticky closes, unless the pointer is on it or nobody is there
_LONGER = 3  # times as long a warning or an error stays
_TO_UNDO = 2  # times as long something stays that can be undone
_WEIGHT = {"error": 2, "warning": 1, "info": 0}
_ICONS: dict[str, tuple[str, ColourRole]] = {
    "info": ("info", "muted"),
    "warning": ("warning", "warning"),
    "error": ("warning", "danger"),
}


class NoticeBar(QWidget):
    """Shows one notice at a time, and how many there are: what was just done before what stays, errors before the rest.

    What only informs leaves after 10 s, what can be undone after 20 s, a warning or an error after 30 s, unless the
    pointer is on it. When the last one goes with the pointer on it, its room stays until the pointer leaves: nothing
    moves under it.
    """

    def __init__(
        self,
        notices: Notices,
        parent: QWidget | None = None,
        stays_ms: int = _STAYS_MS,
        owners: frozenset[Owner] = frozenset(),
    ) -> None:
        """`owners`: show only what belongs to these; none: show everything."""
        super().__init__(parent)
        self._notices = notices
        self._owners = owners
        self._elsewhere: frozenset[Owner] = frozenset()  # whose notices another bar shows
        self._shown = ""  # id of the notice that is shown
        self._stepped_to = ""  # id of the one to which the person went
        self._list: LineList | None = None
        self._build()
        self._leave = QTimer(self)
        self._leave.setSingleShot(True)
        self._stays_ms = stays_ms
        self._leave.timeout.connect(self._time_is_up)
        self._slide = QVariantAnimation(self)
        self._slide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._slide.valueChanged.connect(self._slid)
        self._slide.finished.connect(self._settled)
        self._is_empty = True
        self.setVisible(False)
        notices.posted.connect(self._posted)
        notices.withdrawn.connect(self._withdrawn)
        notices.relabelled.connect(self._relabel)
        theme.changed.connect(self._tint)
        if notices.has_window and self.current() is not None:
            self._show_current()

    def ordered(self) -> list[Notice]:
        """Return the notices in the order in which the person should see them."""
        ours = [each for each in self._notices.standing() if self._shows(each)]
        newest_of = {each.owner: place for place, each in enumerate(ours) if not each.sticky}

        def rank(placed: tuple[int, Notice]) -> tuple[bool, int, int, int]:
            place, notice = placed
            told = -1 if notice.sticky else newest_of[notice.owner]
            return not notice.sticky, told, _WEIGHT[notice.kind], place

        return [notice for _place, notice in sorted(enumerate(ours), key=rank, reverse=True)]

    def current(self) -> Notice | None:
        """Return the notice that is shown."""
        ordered = self.ordered()
        stepped_to = [notice for notice in ordered if notice.id == self._stepped_to]
        return next(iter(stepped_to + ordered), None)

    def leave_to_another(self, owners: frozenset[Owner]) -> None:
        """Show nothing that belongs to these from now on: another bar, which is in sight, does."""
        self._elsewhere = owners
        self._withdrawn("")

    def _shows(self, notice: Notice) -> bool:
        is_ours = not self._owners or notice.owner in self._owners
        return is_ours and notice.owner not in self._elsewhere

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
        self._column = QVBoxLayout(self.card)
        self._column.setContentsMargins(2 * GRID - 2, GRID, GRID, GRID)
        row = QHBoxLayout()
        row.setSpacing(12)
        self._column.addLayout(row)
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
        said = QVBoxLayout()
        said.setSpacing(2)
        said.addWidget(self.words)
        self.details = Label("", "small", "muted", self.card, wrap=True)
        self.details.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.MinimumExpanding)
        said.addWidget(self.details)
        beside.add_layout(said)
        beside.add_layout(self._buttons)
        row.addLayout(beside, 1)
        self.next_button = push_button("", "link", self.card)
        self.next_button.setProperty("tone", "muted")
        set_tip(self.next_button, self.tr("Show the next one"))
        self.next_button.clicked.connect(self._step)
        row.addWidget(self.next_button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.close_button = IconButton("close", self.tr("Close this notice"), self.card, "muted", 16)
        self.close_button.clicked.connect(self._dismiss)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignVCenter)

    # ---- which one is shown ------------------------------------------------------------------

    def _posted(self, notice: Notice) -> None:
        if self._shows(notice):
            self._stepped_to = ""
            self._show_current()

    def _dismiss(self) -> None:
        current = self.current()
        if current is not None:
            self._notices.dismiss(current.id)

    def _withdrawn(self, _notice_id: str) -> None:
        current = self.current()
        if (current.id if current is not None else "") != self._shown:
            self._show_current()
        else:
            self._count()

    def _close(self) -> None:
        current = self.current()
        if current is not None:
            self._notices.withdraw(current.id)

    def _step(self) -> None:
        ids = [notice.id for notice in self.ordered()]
        self._stepped_to = ids[(ids.index(self._shown) + 1) % len(ids)]
        self._show_current()

    def _count(self) -> None:
        """Say how many there are, where there are more."""
        ids = [notice.id for notice in self.ordered()]
        several = len(ids) > 1 and self._shown in ids
        if several:
            place = ids.index(self._shown) + 1
            self.next_button.setText(self.tr("{place} of {count} ›").format(place=place, count=len(ids)))
        self.next_button.setVisible(several)

    def _show_current(self) -> None:
        notice = self.current()
        self._leave.stop()
        is_another = notice is None or notice.id != self._shown
        self._shown = notice.id if notice is not None else ""
        if notice is None:
            self._empty()
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
        labelled = ((action, action_label(action, self._notices)) for action in notice.buttons)
        offered = [each for each in labelled if each[1]][:2]
        details = "\n".join(filter(None, (self._notices.details(action.code) for action, _text in offered)))
        self.details.setText(details)
        self.details.setVisible(bool(details))
        for action, text in offered:
            button = action_button(action, text, self.card)
            button.clicked.connect(partial(self._notices.act, notice.id, action.code, action.argument))
            self._buttons.addWidget(button)
            self.buttons.append(button)
        if notice.parts:
            self.list_button = push_button("", "link", self.card)
            self.list_button.clicked.connect(self._toggle_list)
            self._buttons.addWidget(self.list_button)
            self.buttons.append(self.list_button)
        self._show_list(notice, shown=self._list is not None and not is_another)
        self._count()
        self._start_to_leave()
        self.card.setVisible(True)
        self._move(self._wanted_height())

    def _start_to_leave(self) -> None:
        notice = self.current()
        if notice is not None and not notice.sticky and self._list is None:
            times = _LONGER if notice.kind != "info" else _TO_UNDO if notice.can_be_undone else 1
            self._leave.start(self._stays_ms * times)

    def _time_is_up(self) -> None:
        if QApplication.activeWindow() is None or not self.isVisible():
            self._start_to_leave()  # the person looks elsewhere
        else:
            self._close()

    def _relabel(self) -> None:
        """Show the words that its buttons have now."""
        current = self.current()
        if current is not None and any(self._notices.own_label(each.code) is not None for each in current.buttons):
            self._show_current()

    def _tint(self) -> None:
        notice = self.current()
        if notice is not None:
            name, role = _ICONS[notice.kind]
            self._icon.setPixmap(icons.pixmap(name, theme.colour(role)))

    # ---- height ------------------------------------------------------------------------------

    def widget(self) -> QWidget:
        """Return itself."""
        return self

    def heights(self, width: int) -> tuple[int, int]:
        """Return how high it wants to be in a width, and how low it can be: its list scrolls then."""
        if self.isHidden():
            return 0, 0
        lay_out_now(self, self.card)
        words = self._outer.totalHeightForWidth(width)
        gives = self._list.maximumHeight() - self._list.minimumHeight() if self._list is not None else 0
        is_sliding = self.minimumHeight() == self.maximumHeight()
        height = self.height() if is_sliding else words
        return height, min(height, words - gives)

    def take(self, width: int, height: int) -> None:
        """Do with such a height: the layout gives it to words and list."""

    # ---- the list of what it counts ----------------------------------------------------------

    @property
    def list(self) -> LineList | None:
        """Return the list of what the notice counts, while it is shown."""
        return self._list

    def _toggle_list(self) -> None:
        notice = self.current()
        if notice is not None:
            self._show_list(notice, shown=self._list is None)
            self._leave.stop()  # it is being read
            self._start_to_leave()
            self._move(self._wanted_height())

    def _show_list(self, notice: Notice, *, shown: bool) -> None:
        if self._list is not None:
            self._column.removeWidget(self._list)
            self._list.hide()
            self._list.deleteLater()
            self._list = None
        if not notice.parts:
            return
        self.list_button.setText(self.tr("Hide the list") if shown else self.tr("Show the list"))
        if shown:
            from desktop_app.ui.widgets.line_list import LineList  # no window starts with one

            self._list = LineList(self.tr("What could not be added"), part_lines(notice.parts), self.card)
            self._column.addWidget(self._list)
            self._list.show()  # the layout would do it later, and count it only then

    # ---- sliding ---------------------------------------------------------------------------

    def _empty(self) -> None:
        self._is_empty = True
        if self.isVisible() and self.underMouse():
            self._slide.stop()
            self.setFixedHeight(self.height())
            self.card.setVisible(False)
        else:
            self._move(0)

    def _wanted_height(self) -> int:
        parent = self.parentWidget()
        width = parent.width() if parent is not None and not self.isVisible() else self.width()
        lay_out_now(self, self.card)
        return self._outer.totalHeightForWidth(width)

    def _move(self, height: int) -> None:
        self._slide.stop()
        start = self.height() if self.isVisible() else 0
        self._is_empty = not height
        if height:
            self.setVisible(True)
        self._slide.setStartValue(start)
        self._slide.setEndValue(height)
        self._slide.setDuration(theme.animation_ms())
        self._slide.start()

    def _slid(self, height: int) -> None:
        self.setFixedHeight(max(0, height))

    def _settled(self) -> None:
        if self._is_empty:
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
        """Start the timer again when the pointer has left; give back the room that was kept under it."""
        self._start_to_leave()
        if self._is_empty:
            self._move(0)
        super().leaveEvent(event)

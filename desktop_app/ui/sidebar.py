"""The sidebar: the list of conversations, a search field, and buttons for a new one and the settings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QVBoxLayout, QWidget

from desktop_app.chat.conversation import ConversationSummary
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import IconButton, Label, push_button
from desktop_app.ui.widgets.search_field import SearchField
from desktop_app.ui.widgets.theme import GRID, SIDEBAR, theme

if TYPE_CHECKING:  # imported when there is a conversation to list
    from desktop_app.ui.conversation_list import ConversationView
    from desktop_app.ui.protocols.conversation import Activity, Conversations, Previews  # only for annotations

_SEARCH_AFTER_MS = 150
_LONGEST_QUERY = 200
_WIDEST = 420  # px, with large text
_SHARE = 0.46  # of the window, at most


class Sidebar(QWidget):
    """Lists the conversations and marks the open one.

    `hide_wanted()`: the person closes it. `settings_wanted()`. `left()`: back to writing (Esc in the search).
    `export_wanted(conversation id)`: it is to be written to a file.
    `hit_chosen(conversation id, query)`: a conversation that a search has found is opened; `step_wanted(1 or -1)`
    goes on to its next hit or back, and `search_ended()` when other words are searched for, or none.
    `new_wanted()`.
    """

    hide_wanted = Signal()
    new_wanted = Signal()
    settings_wanted = Signal()
    left = Signal()
    export_wanted = Signal(str)
    hit_chosen = Signal(str, str)
    step_wanted = Signal(int)
    search_ended = Signal()

    def __init__(
        self, conversations: Conversations, previews: Previews, activity: Activity, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("sidebar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._conversations = conversations
        self._previews = previews
        self._activity = activity
        self._most = _WIDEST
        self._marked = ""  # the search whose words are marked on the page
        self._view: ConversationView | None = None
        self._build()
        self._connect()
        self._tint()
        self._listed()

    def focus_search(self) -> None:
        """Go to the search field."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def end_search(self) -> None:
        """List all conversations again."""
        self.search.clear()

    def first_focus(self) -> QWidget:
        """Return where the keyboard comes to the sidebar: the list, while there is one."""
        return self._view if self._view is not None and self._view.isVisible() else self.search

    def rename_current(self) -> None:
        """Edit the title of the open conversation in place."""
        self.rename(self._conversations.current_id())

    def rename(self, conversation_id: str) -> None:
        """Edit the title of a conversation in place."""
        if self._view is not None:
            self._view.rename(conversation_id)

    # ---- building --------------------------------------------------------------------------

    def _build(self) -> None:
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 13, 12)
        column.setSpacing(GRID)
        column.addLayout(self._head())
        self.new_button = push_button(self.tr("New conversation"), "quiet", self)
        self.new_button.setObjectName("new_conversation")
        column.addWidget(self.new_button)
        self.search = SearchField(self.tr("Search all conversations"), self.tr("Search"), self)
        self.search.setMaxLength(_LONGEST_QUERY)
        self.search.installEventFilter(self)
        column.addWidget(self.search)
        self.nothing = Label("", "small", "muted", self, wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self.nothing.setContentsMargins(GRID, 2 * GRID, GRID, 0)
        column.addWidget(self.nothing, 1)
        self.settings_button = push_button(self.tr("Settings"), "quiet", self)
        self.settings_button.setObjectName("open_settings")
        column.addWidget(self.settings_button)
        self._search_timer = QTimer(self)
        self._search_timer.setSingleShot(True)
        self._search_timer.setInterval(_SEARCH_AFTER_MS)

    def _head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(GRID, 0, 0, 0)
        row.setSpacing(GRID)
        self._flower = QLabel(self)
        row.addWidget(self._flower)
        row.addWidget(Label("Eyebright", "strong", parent=self), 1)
        self.hide_button = IconButton("sidebar", self.tr("Hide the sidebar"), self, "muted")
        row.addWidget(self.hide_button)
        return row

    @property
    def view(self) -> ConversationView:
        """Return the list, which is built with the first conversation."""
        if self._view is None:
            from desktop_app.ui.conversation_list import ConversationModel, ConversationView

            model = ConversationModel(self._previews, self._activity, self)
            view = self._view = ConversationView(model, self)
            view.chosen.connect(self._chosen)
            view.delete_wanted.connect(self._conversations.delete)
            view.menu_wanted.connect(self._open_menu)
            model.renamed.connect(self._conversations.rename)
            self._column.insertWidget(self._column.indexOf(self.nothing), view, 1)
        return self._view

    def _connect(self) -> None:
        self.new_button.clicked.connect(self.new_wanted)
        self.settings_button.clicked.connect(self.settings_wanted)
        self.hide_button.clicked.connect(self.hide_wanted)
        self.search.textChanged.connect(self._search_changed)
        self._search_timer.timeout.connect(self._run_search)
        self._conversations.listed.connect(self._listed)
        self._conversations.opened.connect(self._opened)
        self._conversations.found.connect(self._found)
        theme.changed.connect(self._tint)

    def set_room(self, width: int) -> None:
        """Leave enough of a window that is `width` px wide to the page beside it."""
        self._most = round(width * _SHARE)
        self._fit()

    def _fit(self) -> None:
        self.setFixedWidth(min(theme.px(SIDEBAR), self._most, _WIDEST))

    def _tint(self) -> None:
        self._fit()
        self._flower.setPixmap(icons.flower(22))
        for button in (self.new_button, self.settings_button):
            button.setIconSize(icons.square())
        self.new_button.setIcon(icons.icon("new", "accent"))
        self.settings_button.setIcon(icons.icon("settings", "muted"))

    # ---- what happens ----------------------------------------------------------------------

    def _listed(self) -> None:
        if self.search.text().strip():
            self._run_search()
        else:
            self._show(self._conversations.summaries())

    def _opened(self, conversation_id: str) -> None:
        if self._view is not None:
            self._view.show_opened(conversation_id)

    def _chosen(self, conversation_id: str) -> None:
        query = self._marked = self.search.text().strip()
        if query:
            self.hit_chosen.emit(conversation_id, query)
        self._conversations.open(conversation_id)

    def _search_changed(self, text: str) -> None:
        if self._marked and text.strip() != self._marked:
            self._marked = ""
            self.search_ended.emit()
        if text.strip():
            self._search_timer.start()
        else:
            self._search_timer.stop()
            self._show(self._conversations.summaries())

    def _run_search(self) -> None:
        self._conversations.search(self.search.text())

    def _found(self, query: str, rows: list[ConversationSummary]) -> None:
        if query == self.search.text():
            self._show(rows)

    def _show(self, rows: list[ConversationSummary]) -> None:
        if rows or self._view is not None:
            self.view.show_rows(rows, self._conversations.current_id())
            self.view.setVisible(bool(rows))
        query = self.search.text().strip()
        if query:
            self.nothing.setText(self.tr("Nothing found for “{words}”.").format(words=query))
        else:
            self.nothing.setText(self.tr("Your conversations will appear here. They are stored only on this computer."))
        self.nothing.setVisible(not rows)

    def _open_menu(self, conversation_id: str, where: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Open")).triggered.connect(partial(self._conversations.open, conversation_id))
        menu.addAction(self.tr("Rename…")).triggered.connect(partial(self.rename, conversation_id))
        menu.addAction(self.tr("Export…")).triggered.connect(partial(self.export_wanted.emit, conversation_id))
        menu.addSeparator()
        menu.addAction(self.tr("Delete")).triggered.connect(partial(self._conversations.delete, conversation_id))
        menu.popup(where)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """In the search field, Down and Enter go to the results, and Esc clears the search.

        When a result is open, Enter goes to the next hit in it.
        """
        if watched is self.search and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if is_enter and self._marked:
                self.step_wanted.emit(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
                return True
            if (is_enter or event.key() == Qt.Key.Key_Down) and self._view and self._view.isVisible():
                self._view.setFocus(Qt.FocusReason.TabFocusReason)
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.search.clear()
                self.left.emit()
                return True
        return super().eventFilter(watched, event)

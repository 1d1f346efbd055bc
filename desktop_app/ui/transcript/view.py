"""The conversation view: connects the page of messages to the chat and places buttons and the editor on it."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile
from typing import Any

from PySide6.QtCore import QPoint, QRect, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from desktop_app.chat.certainty import KEY as CERTAINTY_KEY
from desktop_app.chat.certainty import as_wished
from desktop_app.chat.conversation import Message, Picture, Role, State
from desktop_app.engine.messages import Phase
from desktop_app.ui.files.picture_copies import copy_picture, save_picture
from desktop_app.ui.protocols.services import Services
from desktop_app.ui.sentences import title_of
from desktop_app.ui.transcript import phrases as words
from desktop_app.ui.transcript.accessibility import SpokenMessages
from desktop_app.ui.transcript.actions import ActionBar, MessageAction
from desktop_app.ui.transcript.editor import QuestionEditor
from desktop_app.ui.transcript.links import LinkAddress
from desktop_app.ui.transcript.markdown.copy_buttons import CopyButtons
from desktop_app.ui.transcript.markdown.copying import Piece, copy
from desktop_app.ui.transcript.markdown.finishing import finisher
from desktop_app.ui.transcript.page import TranscriptPage
from desktop_app.ui.transcript.pictures import PictureCache
from desktop_app.ui.transcript.remedies import RemedyButtons, remedies_of
from desktop_app.ui.transcript.waiting import Waiting
from desktop_app.ui.widgets.controls import FloatingButton, Popover
from desktop_app.ui.widgets.theme import GRID

_WARM_UP_MS = 300  # after the window has been shown


class TranscriptView(QWidget):
    """Shows the open conversation. `picture_opened(sha256)`: the person wants to see a picture large.

    `text_too_long(int, int)`: pasted into a question that is being edited.
    """

    picture_opened = Signal(str)
    text_too_long = Signal(int, int)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chat = services.chat
        self._branches = services.branches
        self._engine = services.engine
        self._conversations = services.conversations
        self._previews = services.previews
        self._answers = services.answers
        self._preferences = services.preferences
        self._conversation = ""
        self._behind = ""  # the conversation for whose answer this one waits
        self._sought = ("", "")  # conversation that is being opened, and the words to be shown in it
        self._with_menu = ""  # the message whose menu is open
        self._is_at_end = True
        self._by_pointer = True  # what was used last: the pointer or the keyboard
        self.waiting = Waiting(self)
        self.page = TranscriptPage(PictureCache(services.previews, self), self.waiting, self)
        self._rows = self.page.rows
        self.spoken = SpokenMessages(self.page)
        self.bar = ActionBar(self.page.viewport())
        self.last_bar = ActionBar(self.page.viewport(), with_words=True)
        self.copy_buttons = CopyButtons(self.page)
        self.link_address = LinkAddress(self)
        self._edited = services.edited_pictures
        self._unsent = services.unsent_edits
        self.editor = QuestionEditor(self._edited, services.previews, self.page.viewport())
        self.remedies = RemedyButtons(services.notices, self.page.viewport())
        self.newest = FloatingButton("down", self.tr("Jump to the newest message"), self)
        self.newest.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.page)
        self.setFocusProxy(self.page)
        self._connect(services)
        QTimer.singleShot(_WARM_UP_MS, finisher.warm_up)
        self._reset()
        self._show_dropped()

    def _connect(self, services: Services) -> None:
        chat, page = services.chat, self.page
        chat.reset.connect(self._reset)
        chat.reset.connect(self.waiting.forget_phase)
        chat.added.connect(self._added)
        chat.changed.connect(self._changed)
        chat.truncated.connect(self._truncated)
        services.answers.thinking.connect(self._rows.think)
        services.answers.streaming.connect(self._rows.stream)
        services.answers.thought.connect(self._rows.set_details)
        services.answers.phase.connect(self._phase_changed)
        services.activity.changed.connect(self._show_remedies)
        services.conversations.listed.connect(self._name_behind)
        chat.busy_changed.connect(self._place_actions)
        services.preferences.changed.connect(self._preference_changed)
        self.waiting.show_engine(services.engine.state())
        services.engine.state_changed.connect(self.waiting.show_engine)
        services.engine.state_changed.connect(self._place_actions)
        page.picture_opened.connect(self.picture_opened)
        page.menu.picture_copied.connect(self._copy_picture)
        page.menu.picture_saved.connect(self._save_picture)
        page.pointer.hover_changed.connect(self._pointed)
        page.keyboard.focus_changed.connect(self._focused)
        self._rows.arranged.connect(self._place_floating)
        self._rows.end_reached.connect(self._show_newest)
        page.keyboard.edit_wanted.connect(self._begin_edit)
        page.keyboard.stop_wanted.connect(self._chat.stop)
        page.border_asked.connect(self._explain_border)
        chat.dropped.changed.connect(self._show_dropped)
        for bar in (self.bar, self.last_bar):
            bar.chosen.connect(self._act)
        page.menu.fork_asked.connect(services.branches.fork)
        for asking in (page.menu.delete_asked, page.keyboard.delete_wanted):
            asking.connect(self._delete)
        self.remedies.chosen.connect(services.notices.run)
        services.engine.model_changed.connect(self._show_remedies)
        services.notices.relabelled.connect(self._show_remedies)
        page.pointer.link_hovered.connect(self.link_address.show_for)
        self.newest.clicked.connect(self._go_to_newest)
        self.editor.submitted.connect(self._submit_edit)
        self.editor.written.connect(self._keep_edit)
        self.editor.cancelled.connect(self._cancel_edit)
        self._unsent.found.connect(self._go_on_editing)
        self.editor.height_wanted.connect(self._size_editor)
        self.editor.picture_opened.connect(self.picture_opened)
        self.editor.editor.too_long.connect(self.text_too_long)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._focus_moved)

    def look_for(self, conversation_id: str, query: str) -> None:
        """Show and mark the words of a search, now or when the conversation in which they are is opened."""
        self._sought = (conversation_id, query)
        if conversation_id == self._conversation:
            self._show_sought()

    def _show_sought(self) -> None:
        conversation, query = self._sought
        if query and conversation == self._conversation and self._rows.messages():
            self._sought = ("", "")
            self.page.hits.seek(query)

    # ---- the chat --------------------------------------------------------------------------

    def _reset(self) -> None:
        messages, shown = list(map(self._as_wished, self._chat.messages())), self._rows.messages()
        conversation = self._conversations.current_id()
        walked = self.page.keyboard.is_focus_shown() and self.page.hasFocus()
        common = sum(1 for _ in takewhile(lambda pair: pair[0].id == pair[1].id, zip(messages, shown, strict=False)))
        if conversation != self._conversation or self.editor.message_id() not in {message.id for message in messages}:
            self.editor.end()
            self._rows.set_editing("", 0)
        if conversation == self._conversation and common < min(len(messages), len(shown)):
            self._show_version(common, messages[common:])
        else:
            self._rows.set_messages(messages)
        if conversation != self._conversation:
            self.page.hits.clear()
        before, self._conversation = self._conversation, conversation
        self._show_remedies()
        self._go_on_editing()
        if walked and self.page.keyboard.focused() < 0 and shown and conversation == before:
            self.page.keyboard.focus_message(common)  # what was there is deleted: on what takes its place
        self._show_sought()

    def _show_version(self, index: int, messages: list[Message]) -> None:
        """Another version of a question or answer was chosen: nothing above it moves."""
        for bar in (self.bar, self.last_bar):
            if bar.message_id() == self._rows.messages()[index].id:
                bar.set_message(messages[0])
        self._rows.replace_tail(index, messages)

    def _added(self, message: Message) -> None:
        self._conversation = self._conversations.current_id()  # a new one gets its id with its first message
        self._rows.append(self._as_wished(message))
        self._show_remedies()
        if message.role is Role.USER:
            self._rows.scroll_to_end()

    def _as_wished(self, message: Message) -> Message:
        """Return a message with as much of how sure the model was as the person wants to know."""
        if CERTAINTY_KEY not in message.details:
            return message
        wish = self._preferences.value("certainty")
        return replace(message, details=as_wished(message.details, len(message.text), wish))

    def _preference_changed(self, name: str) -> None:
        if name == "certainty":
            for message in self._chat.messages():
                if CERTAINTY_KEY in message.details and message.state is not State.STREAMING:
                    self._rows.replace(self._as_wished(message))

    def _changed(self, message: Message) -> None:
        message = self._as_wished(message)
        index = self._rows.index_of(message.id)
        was_live = index >= 0 and self._rows.messages()[index].state is State.STREAMING
        self._rows.replace(message)
        self._show_remedies()
        if was_live:
            self.spoken.tell_end(message)

    def _truncated(self, message_id: str) -> None:
        self._end_edit()
        self._rows.truncate(self._rows.index_of(message_id) + 1 if message_id else 0)
        self._show_remedies()

    def _phase_changed(self, conversation_id: str, phase: Phase | None, details: dict[str, Any]) -> None:
        if conversation_id == self._conversations.current_id():
            self._behind = str(details.get("behind", ""))
            self.waiting.show_phase(phase, details)
            self._name_behind()

    def _name_behind(self) -> None:
        if self._behind:
            self.waiting.show_behind(title_of(self._conversations, self._behind))

    def _show_dropped(self) -> None:
        dropped = self._chat.dropped
        self._rows.set_dropped(dropped.ids(), dropped.last(), words.border(dropped.is_all_above()))

    def _explain_border(self, index: int) -> None:
        info = self._engine.info()
        rect = self._rows.rect(index)
        if info is not None and rect is not None:
            place = rect.topLeft() + self._rows.row(index).border.topLeft()
            viewport = self.page.viewport()
            place.setY(max(0, min(place.y(), viewport.height())))
            Popover(*words.border_explained(info.n_ctx), self).show_above(viewport, place)

    # ---- floating controls -----------------------------------------------------------------

    def _place_floating(self) -> None:
        self._place_actions()
        self._place_editor()
        self._place_remedies()
        self._place_newest()

    def _pointed(self, moved: bool) -> None:
        self._by_pointer = self._by_pointer or moved
        self._place_floating()

    def _focused(self) -> None:
        self._by_pointer = self._by_pointer and not self.page.keyboard.is_focus_shown()
        self._place_floating()

    def _current(self) -> int:
        """Return the message whose buttons are shown: the one being used, pointed at, or focused."""
        page = self.page
        if self._with_menu:
            return self._rows.index_of(self._with_menu)
        if _has_focus(self.bar):
            return self._rows.index_of(self.bar.message_id())
        if page.hasFocus() and page.keyboard.is_focus_shown() and not self._by_pointer:
            return page.keyboard.focused()
        return page.pointer.hovered()

    def _last(self) -> int:
        """Return the last question or answer; -1: there is none."""
        messages = self._rows.messages()
        return next((index for index in reversed(range(len(messages))) if messages[index].role is not Role.NOTE), -1)

    def _place_actions(self, _what: object = None) -> None:
        self.page.menu.is_busy = self._chat.is_busy()
        last, current = self._last(), self._current()
        if last >= 0 and self._rows.messages()[last].state is State.STREAMING:
            last = -1
        self._place_bar(self.last_bar, last)
        self._place_bar(self.bar, current if current != last else -1)
        self.page.set_with_buttons(frozenset((self.bar.message_id(), self.last_bar.message_id())))

    def _place_bar(self, bar: ActionBar, index: int) -> None:
        rect = self._rows.rect(index) if index >= 0 else None
        message = self._rows.messages()[index] if rect is not None else None
        if rect is None or message is None or not self._has_actions(message):
            if _has_focus(bar):
                self.page.setFocus()
            bar.hide()
            return
        if _has_focus(bar) and bar.message_id() != message.id:  # its message has gone
            self.page.setFocus()
        row = self._rows.row(index)
        strip = row.actions.translated(rect.topLeft())
        bar.show_for(message, bool(row.panels), self._chat.is_busy(), strip.width() + GRID)
        left = strip.left() - GRID
        if message.role is Role.USER:
            left = strip.right() + 1 - bar.width()
        # Below a question it is a little higher than its strip: the bubble and the line below have that much air.
        bar.move(left, strip.top() + (strip.height() - bar.height()) // 2)
        bar.setVisible(strip.intersects(self.page.viewport().rect()) or _has_focus(bar))
        bar.raise_()

    def _has_actions(self, message: Message) -> bool:
        if message.role is Role.NOTE or message.id == self.editor.message_id():
            return False
        return message.state is not State.STREAMING or bool(message.text)

    def _show_remedies(self, _info: object = None) -> None:
        """Offer what can be done about the last answer, if it failed: earlier ones were left behind."""
        index = self._last()
        last = self._rows.messages()[index] if index >= 0 else None
        is_waiting = self._answers.is_waiting(self._conversations.current_id())
        actions = remedies_of(last, self._engine.info(), is_waiting) if last is not None else ()
        self.remedies.set_actions(last.id if last is not None else "", actions)
        self._place_remedies()

    def _place_remedies(self) -> None:
        self._rows.set_remedies(self.remedies.message_id, self.remedies.height_for(self._rows.column_width()))
        index = self._rows.index_of(self.remedies.message_id) if self.remedies.message_id else -1
        rect = self._rows.rect(index) if index >= 0 else None
        self.remedies.setVisible(rect is not None)
        if rect is not None:
            self.remedies.setGeometry(self._rows.row(index).remedies.translated(rect.topLeft()))

    def _show_newest(self, is_at_end: bool) -> None:
        self._is_at_end = is_at_end
        self._place_newest()

    def _place_newest(self) -> None:
        size = self.newest.sizeHint()
        corner = QPoint((self.width() - size.width()) // 2, self.height() - size.height() - 2 * GRID)
        self.newest.setGeometry(QRect(corner, size))
        editor = self.editor.geometry() if self.editor.message_id() else QRect()
        covers = editor.translated(self.page.viewport().mapTo(self, QPoint())).intersects(self.newest.geometry())
        self.newest.setVisible(not self._is_at_end and not covers)
        self.newest.raise_()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the floating button at its place."""
        super().resizeEvent(event)
        self._place_newest()
        self.link_address.place()

    def _go_to_newest(self) -> None:
        self._rows.scroll_to_end()
        self.page.setFocus()

    def _focus_moved(self, _old: QWidget | None, _new: QWidget | None) -> None:
        self._place_actions()

    # ---- what the buttons do ---------------------------------------------------------------

    def _act(self, message_id: str, action: MessageAction) -> None:
        index, bar = self._rows.index_of(message_id), self.sender()
        if index < 0 or not isinstance(bar, ActionBar):
            return
        match action:
            case MessageAction.COPY:
                message = self._rows.messages()[index]
                copy([Piece(message.text, message.role is Role.ASSISTANT)])
                bar.copy.confirm()
            case MessageAction.COPY_CODE:
                blocks = self._rows.row(index).document.parts.codes
                QGuiApplication.clipboard().setText("\n\n".join(block.text for block in blocks))
                bar.copy_code.confirm()
            case MessageAction.EDIT:
                self._begin_edit(index)
            case MessageAction.REGENERATE:
                self.page.setFocus()  # its button will go
                self._chat.regenerate(message_id)
            case MessageAction.GO_ON:
                self.page.setFocus()
                self._chat.go_on(message_id)
            case MessageAction.MORE:
                menu = self.page.menu.of_more(index)
                self._with_menu = message_id  # its buttons stay while the pointer is on the menu
                menu.aboutToHide.connect(self._forget_menu)
                menu.popup(bar.more.mapToGlobal(QPoint(0, bar.more.height())))
            case MessageAction.PREVIOUS:
                self._chat.show_sibling(message_id, -1)
            case MessageAction.NEXT:
                self._chat.show_sibling(message_id, 1)

    def _forget_menu(self) -> None:
        self._with_menu = ""
        self._place_actions()

    def _delete(self, message_id: str) -> None:
        if self._rows.messages()[self._rows.index_of(message_id)].role is not Role.NOTE:
            self.page.setFocus()  # its button may go
            self._branches.delete(message_id)

    def _copy_picture(self, picture: Picture) -> None:
        copy_picture(self._previews, picture)

    def _save_picture(self, picture: Picture) -> None:
        save_picture(self._previews, picture, self)

    # ---- changing a question ---------------------------------------------------------------

    def _begin_edit(self, index: int, *, with_keyboard: bool = True) -> None:
        if index < 0 or self._chat.is_busy() or self._rows.messages()[index].role is not Role.USER:
            return
        message = self._rows.messages()[index]
        self.editor.begin(message, self._unsent.of(message.id))
        width = self._rows.column_width()
        self.editor.resize(width, self.editor.height_for(width))
        self._rows.ensure_seen(index)
        self._size_editor(self.editor.height_for(width))
        self.editor.show()
        if with_keyboard:
            self.editor.editor.setFocus()

    def _go_on_editing(self, message_id: str = "") -> None:
        """Open the editor again on a question that was changed and not sent: this one, or the last that there is."""
        messages = self._rows.messages()
        changed = [i for i, each in enumerate(messages) if self._unsent.of(each.id) and message_id in ("", each.id)]
        if changed and not self.editor.message_id():
            self._begin_edit(changed[-1], with_keyboard=bool(message_id))

    def _keep_edit(self, message_id: str, text: str) -> None:
        index = self._rows.index_of(message_id)
        message, pictures = self._rows.messages()[index], self._edited.checked()
        if index >= 0 and (text, pictures) != (message.text, message.pictures):
            self._unsent.write(message_id, text, pictures)
        else:
            self._unsent.forget(message_id)

    def _cancel_edit(self) -> None:
        self._unsent.discard(self.editor.message_id())
        self._end_edit()

    def edit_last(self) -> None:
        """Let the last question be edited."""
        messages = self._rows.messages()
        questions = (index for index in reversed(range(len(messages))) if messages[index].role is Role.USER)
        self._begin_edit(next(questions, -1))

    def _size_editor(self, height: int) -> None:
        self._rows.set_editing(self.editor.message_id(), height)
        self._rows.ensure_editor_seen()

    def _place_editor(self) -> None:
        index = self._rows.index_of(self.editor.message_id()) if self.editor.message_id() else -1
        rect = self._rows.rect(index) if index >= 0 else None
        if rect is None:
            self.editor.move(0, -self.editor.height() - 1)  # out of sight, the words in it are kept
        else:
            self.editor.setGeometry(self._rows.row(index).editor.translated(rect.topLeft()))

    def _end_edit(self) -> None:
        if self.editor.message_id():
            self.editor.end()
            self._rows.set_editing("", 0)
            self.page.setFocus()

    def _submit_edit(self, message_id: str, text: str) -> None:
        pictures = self._edited.checked()
        self._unsent.forget(message_id)
        self._end_edit()
        self._chat.edit(message_id, text, pictures)


def _has_focus(bar: QWidget) -> bool:
    widget = QApplication.focusWidget()
    return widget is not None and bar.isAncestorOf(widget)

"""The list of conversations, and which of them is open."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from PySide6.QtCore import QObject, Signal

from desktop_app.chat.conversation import ConversationSummary
from desktop_app.services.history_thread import HistoryThread
from desktop_app.services.notices import Notice, Notices, action


class Conversations(QObject):
    """Opens, renames, deletes, searches.

    `listed()`: the list changed. `opened(id)`: another conversation is current, "" a new, empty one.
    `found(query, summaries)`: the answer to `search`. `deleted(id)`: this is being deleted, which can be undone.
    `erased(ids)`: these are being deleted for good.
    """

    listed = Signal()
    opened = Signal(str)
    found = Signal(str, list)
    deleted = Signal(str)
    erased = Signal(list)

    def __init__(self, history_thread: HistoryThread, notices: Notices, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._history_thread = history_thread
        self._notices = notices
        self._summaries: list[ConversationSummary] = []
        self._current = ""
        self._deleted: tuple[str, Notice, bool] | None = None  # (conversation, its notice, was it open)
        notices.register("undo-delete", self.undo_delete)

    def summaries(self) -> list[ConversationSummary]:
        """Return the conversations, newest first."""
        return list(self._summaries)

    def title(self, conversation_id: str) -> str:
        """Return the title of a conversation, "" while it has none."""
        return next((summary.title for summary in self._summaries if summary.id == conversation_id), "")

    def current_id(self) -> str:
        """Return the open conversation's id, "" for a new one."""
        return self._current

    def refresh(self) -> None:
        """Read the list again; `listed` follows."""
        self._history_thread.run(lambda history: history.summaries(), self._listed)

    def new(self) -> None:
        """Open a new conversation. It gets its row with its first message."""
        self.open("")

    def open(self, conversation_id: str) -> None:
        """Make a conversation current."""
        if conversation_id != self._current:
            self._current = conversation_id
            self._notices.conversation_opened()
            self.opened.emit(conversation_id)

    def reopen(self) -> None:
        """Read the open conversation again: it may have changed in the history."""
        if self._current:
            self.opened.emit(self._current)

    def assign_id(self, conversation_id: str) -> None:
        """Give the new conversation its id, when its first message is sent; `opened` is not emitted. "" undoes it."""
        self._current = conversation_id

    def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation the title the person wants."""
        self._history_thread.run(lambda history: history.rename(conversation_id, title), lambda _: self.refresh())

    def delete(self, conversation_id: str) -> None:
        """Delete a conversation; a notice offers to undo it."""
        was_open = conversation_id == self._current
        title = self.title(conversation_id)
        if self._deleted is not None:
            self._notices.expire(self._deleted[1].id)
        code, parameters = ("conversation-deleted", {"title": title}) if title else ("untitled-deleted", {})
        notice = Notice(code, parameters, actions=(action("undo-delete"),))
        self._deleted = (conversation_id, notice, was_open)
        self._summaries = [s for s in self._summaries if s.id != conversation_id]
        self.listed.emit()
        self.deleted.emit(conversation_id)
        if was_open:
            self.new()
        self._history_thread.run(
            lambda history: history.delete(conversation_id),
            lambda _: self._deletion_done(notice),
            partial(self._not_deleted, conversation_id, notice, was_open),
        )

    def undo_delete(self) -> None:
        """Bring the conversation deleted last back."""
        if self._deleted is None:
            return
        (conversation_id, notice, was_open), self._deleted = self._deleted, None
        self._notices.expire(notice.id)
        self._history_thread.run(
            lambda history: history.undelete(conversation_id),
            partial(self._restored, conversation_id if was_open else ""),
            partial(self._not_restored, conversation_id, notice, was_open),
        )

    def erase(self, conversation_ids: Collection[str]) -> None:
        """Tell everybody that deleted conversations go for good: nothing of them may be kept or saved again."""
        gone = [one for one in conversation_ids if one != self._current]  # that one was brought back
        if self._deleted is not None and self._deleted[0] in gone:
            self._notices.expire(self._deleted[1].id)
            self._deleted = None
        self.erased.emit(gone)

    def search(self, text: str) -> None:
        """Look for words in titles and messages; `found` follows."""
        if not text.strip():
            self.found.emit(text, self.summaries())
            return
        self._history_thread.run(lambda history: history.search(text), lambda rows: self.found.emit(text, rows))

    def _listed(self, summaries: list[ConversationSummary]) -> None:
        self._summaries = summaries
        self.listed.emit()

    def _deletion_done(self, notice: Notice) -> None:
        if self._deleted is not None and self._deleted[1] is notice:  # or it cannot be undone any more
            self._notices.post(notice)
        self.refresh()

    def _not_deleted(self, conversation_id: str, notice: Notice, was_open: bool, error: Exception) -> None:
        if self._deleted is not None and self._deleted[1] is notice:
            self._deleted = None
        self.refresh()
        if was_open and not self._current:
            self.open(conversation_id)
        self._history_thread.failed(error)

    def _not_restored(self, conversation_id: str, notice: Notice, was_open: bool, error: Exception) -> None:
        self._history_thread.failed(error)
        if self._deleted is None:  # it can still be undone, once there is room
            again = Notice(notice.text_code, notice.parameters, actions=notice.actions)
            self._deleted = (conversation_id, again, was_open)
            self._notices.post(again)

    def _restored(self, reopen: str, _result: object) -> None:
        self.refresh()
        if reopen:
            self.open(reopen)

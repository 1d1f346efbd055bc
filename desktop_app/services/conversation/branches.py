"""Deletes messages and versions of the open conversation, and begins new conversations from a message."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from desktop_app.chat.attachments import Attachments
from desktop_app.chat.conversation import Message
from desktop_app.services.background import Background
from desktop_app.services.conversation.chat import Chat
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.engine import Engine
from desktop_app.services.history_thread import CLOCK_S, HistoryThread
from desktop_app.services.notices import Notice, Notices, action

if TYPE_CHECKING:  # imported on the history's thread
    from desktop_app.chat.history import History, Removed


class Branches(QObject):
    """A message is removed from the history and its backups at once; it can be put back for a while.

    That is as long as its notice stands or its conversation is open, and until the next one is deleted. Then, or when
    the conversation is deleted, what the caches, the engine and the attachments hold of it goes too; at the next start
    if the program is killed before.
    """

    def __init__(
        self,
        chat: Chat,
        conversations: Conversations,
        attachments: Attachments,
        engine: Engine,
        history_thread: HistoryThread,
        files: Background,
        clear_cache: Callable[[float, float], object],
        in_hand: Callable[[], Collection[str]],
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        """`clear_cache(before, since)` removes from the caches what was last used between these times (since 1970).

        It is called on the files' thread. `in_hand()`: the SHA-256 of pictures that the history need not know of yet.
        """
        super().__init__(parent)
        self._chat = chat
        self._conversations = conversations
        self._attachments = attachments
        self._engine = engine
        self._history_thread = history_thread
        self._files = files
        self._clear_cache = clear_cache
        self._in_hand = in_hand
        self._notices = notices
        self._removed: tuple[Removed, str] | None = None  # what can be put back, and the id of its notice
        self._gone = QTimer(self)  # the notice goes, or a conversation is opened, before what Undo does is done
        self._gone.setSingleShot(True)
        self._gone.setInterval(0)
        self._gone.timeout.connect(self._forget)
        notices.register("undo-delete-message", self.undo)
        notices.withdrawn.connect(self._withdrawn)
        conversations.opened.connect(self._opened)
        conversations.deleted.connect(self._conversation_deleted)

    def delete(self, message_id: str) -> None:
        """Delete a message with what goes with it (see `Tree.removal`); if that is all, the conversation."""
        conversation = self._conversations.current_id()
        if self._chat.can_change(message_id):
            self._history_thread.run(
                lambda history: history.is_all(conversation, message_id),
                partial(self._delete, conversation, message_id),
            )

    def undo(self) -> None:
        """Put back what was deleted last, and show it, unless an answer is under way at another place."""
        self._gone.stop()
        if self._removed is None:
            return
        (removed, notice_id), self._removed = self._removed, None
        self._notices.expire(notice_id)
        conversation = removed.taken.conversation
        shows = conversation != self._conversations.current_id() or not self._chat.is_busy()
        self._history_thread.run(
            lambda history: history.put_back(removed, shows),
            partial(self._open, conversation),
            partial(self._not_put_back, removed),
        )

    def fork(self, message_id: str) -> None:
        """Copy the open conversation up to a message, a question with its answer, and open the copy."""
        conversation = self._conversations.current_id()
        if self._chat.can_change(message_id):
            self._history_thread.run(
                lambda history: history.fork(conversation, message_id), lambda copy: self._open(copy, None)
            )

    def close(self) -> None:
        """Remove what can no longer be put back, as the program ends; the engine has ended before."""
        self._gone.stop()
        if self._removed is None:
            return
        (removed, _), self._removed = self._removed, None

        def job(history: History) -> None:
            self._attachments.remove(history.unused(removed.purged.pictures))
            self._clear_cache(time.time(), _written(removed))
            history.caches_cleared(_ids(removed))

        self._history_thread.run(job)

    # ---- inside ----------------------------------------------------------------------------

    def _delete(self, conversation: str, message_id: str, is_all: bool) -> None:
        if conversation != self._conversations.current_id():
            return  # another was opened meanwhile
        if is_all:
            self._conversations.delete(conversation)
            return
        if not self._chat.can_change(message_id):
            return  # it is being deleted already
        self._gone.stop()
        self._forget()  # what was deleted before can no longer be put back: it may follow what goes now
        done: list[Removed] = []

        def job(history: History) -> list[Message]:
            done.append(history.remove_message(conversation, message_id))
            return done[-1].path

        self._chat.change_path(job, lambda: self._deleted(done[-1]))

    def _deleted(self, removed: Removed) -> None:
        self._offer(removed)
        self._history_thread.tell_what_stays(removed.purged)
        self._conversations.refresh()

    def _not_put_back(self, removed: Removed, error: Exception) -> None:
        self._history_thread.failed(error)
        self._offer(removed)

    def _offer(self, removed: Removed) -> None:
        """Offer to put back what was deleted, in place of what was deleted before it."""
        self._gone.stop()
        self._forget()
        code = "question-deleted" if len(removed.taken.messages) == 1 else "pair-deleted"
        code = "version-deleted" if removed.is_version else code
        notice = Notice(code, actions=(action("undo-delete-message"),))
        self._removed = (removed, notice.id)
        self._notices.post(notice)

    def _open(self, conversation: str, _path: object) -> None:
        self._conversations.refresh()
        if conversation == self._conversations.current_id():
            self._conversations.reopen()
        else:
            self._conversations.open(conversation)

    def _withdrawn(self, notice_id: str) -> None:
        if self._removed is not None and self._removed[1] == notice_id and not self._is_open():
            self._gone.start()

    def _opened(self, _conversation: str) -> None:
        if self._removed is not None and not self._is_open() and not self._notices.is_standing(self._removed[1]):
            self._gone.start()

    def _is_open(self) -> bool:
        """Return whether that is open of which something was removed."""
        return self._removed is not None and self._removed[0].taken.conversation == self._conversations.current_id()

    def _conversation_deleted(self, conversation: str) -> None:
        if self._removed is not None and self._removed[0].taken.conversation == conversation:
            self._gone.stop()
            self._forget()

    def _forget(self) -> None:
        if self._removed is None:
            return
        (removed, notice_id), self._removed = self._removed, None
        self._notices.expire(notice_id)
        self._history_thread.run(
            lambda history: history.unused(removed.purged.pictures),
            lambda unused: self._files.run(partial(self._attachments.remove, unused.difference(self._in_hand()))),
        )
        since = _written(removed)

        def forget(then: Callable[[object], object] | None = None) -> None:
            self._files.run(partial(self._clear_cache, time.time(), since), then)

        def done(_result: object) -> None:
            self._history_thread.run(lambda history: history.caches_cleared(_ids(removed)))

        forget()
        self._engine.forget(partial(forget, done))  # it may have written in the meantime


def _written(removed: Removed) -> float:
    """Return when the oldest of what was removed was written: what was last used before does not hold it."""
    return min(message.created for message in removed.taken.messages) - CLOCK_S


def _ids(removed: Removed) -> list[str]:
    return [message.id for message in removed.taken.messages]

"""Brings back conversations that were deleted or lost, and deletes them for good."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop_app.chat.attachments import Attachments
from desktop_app.chat.conversation import DeletedConversation
from desktop_app.services.background import Background
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.engine import Engine
from desktop_app.services.history_thread import HistoryThread
from desktop_app.services.notices import Notice, Notices

if TYPE_CHECKING:  # imported on the history's thread
    from desktop_app.chat.backups import Backup
    from desktop_app.chat.history import Purged
    from desktop_app.chat.salvage import Salvaged


class Recovery(QObject):
    """The deleted conversations and the backups. `changed()`: after `refresh`, and after whatever was done."""

    changed = Signal()

    def __init__(
        self,
        conversations: Conversations,
        attachments: Attachments,
        engine: Engine,
        history_thread: HistoryThread,
        files: Background,
        clear_cache: Callable[[float], object],
        in_hand: Callable[[], Collection[str]],
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        """`clear_cache(time)` removes from the caches what was not used since; it is called on the files' thread.

        `in_hand()`: the SHA-256 of pictures that the history need not know of yet.
        """
        super().__init__(parent)
        self._conversations = conversations
        self._attachments = attachments
        self._engine = engine
        self._history_thread = history_thread
        self._files = files
        self._clear_cache = clear_cache
        self._in_hand = in_hand
        self._notices = notices
        self._deleted: list[DeletedConversation] = []
        self._backups: list[Backup] = []

    def deleted(self) -> list[DeletedConversation]:
        """Return what can be restored from the trash, deleted last first."""
        return list(self._deleted)

    def backups(self) -> list[Backup]:
        """Return the backups, newest first."""
        return list(self._backups)

    def refresh(self) -> None:
        """Read both lists again; `changed` follows."""
        self._history_thread.run(lambda history: (history.deleted(), history.backups()), self._found)

    def undelete(self, conversation_id: str) -> None:
        """Bring a deleted conversation back, and open it."""
        self._history_thread.run(
            lambda history: history.undelete(conversation_id), lambda _: self._undeleted(conversation_id)
        )

    def delete_now(self, *conversation_ids: str) -> None:
        """Delete for good: from the history, its backups and the caches, with pictures that nothing else shows."""
        self._conversations.erase(conversation_ids)
        self._history_thread.run(lambda history: history.purge(conversation_ids), self._purged)

    def restore(self, backup: Backup) -> None:
        """Bring back what a backup has and the history lacks; a notice says how much that was."""
        self._history_thread.run(lambda history: history.restore(backup), self._restored)

    def _found(self, found: tuple[list[DeletedConversation], list[Backup]]) -> None:
        self._deleted, self._backups = found
        self.changed.emit()

    def _undeleted(self, conversation_id: str) -> None:
        self._conversations.refresh()
        self._conversations.open(conversation_id)
        self.refresh()

    def _purged(self, purged: Purged) -> None:
        self._history_thread.tell_what_stays(purged)
        self._files.run(partial(self._attachments.remove, purged.pictures - {*self._in_hand()}))

        def forget(then: Callable[[object], object] | None = None) -> None:
            self._files.run(partial(self._clear_cache, time.time()), then)

        def done(_result: object) -> None:
            self._history_thread.run(lambda history: history.caches_cleared(purged.conversations))

        forget()
        self._engine.forget(partial(forget, done))  # it may have written in the meantime
        self.refresh()

    def _restored(self, done: Salvaged) -> None:
        if done.kept:
            code = "backup-damaged"
        elif done.repaired:
            code = "backup-repaired"
        else:
            code = "backup-restored" if done.added else "backup-has-nothing"
        self._notices.post(Notice(code, done._asdict()))
        self._conversations.refresh()
        self._conversations.reopen()
        self.refresh()

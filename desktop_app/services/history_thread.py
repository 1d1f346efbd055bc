"""The history on a thread of its own: all uses of it are jobs there, done in the order they were given."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from desktop_app.chat.attachments import Attachments
from desktop_app.errors import UserError
from desktop_app.services.background import Background
from desktop_app.services.notices import Notices

if TYPE_CHECKING:  # imported on its thread: the window does not wait for SQLite
    from desktop_app.chat.history import History

T = TypeVar("T")
_KEEP_DELETED_S = 7 * 86_400.0  # what was deleted this long ago goes for good, with its pictures


class HistoryThread:
    """Owns the history. The connection is opened, used and closed on one thread (SQLite asks for that)."""

    def __init__(self, path: Path, attachments: Attachments, background: Background, notices: Notices) -> None:
        self._path = path
        self._attachments = attachments
        self._background = background
        self._notices = notices
        self._history: History | None = None
        self._unavailable: UserError | None = None
        self._started = False

    def run(
        self,
        job: Callable[[History], T],
        then: Callable[[T], Any] | None = None,
        on_error: Callable[[Exception], Any] | None = None,
    ) -> None:
        """Run `job(history)` on the history's thread, then `then(result)` here.

        The first job opens the history. If that fails, a notice says so once, and `on_error` of each
        job gets the error.
        """
        if not self._started:
            self._started = True
            self._background.run(self._open, self._opened)
        self._background.run(lambda: job(self._opened_history()), then, on_error or self._failed)

    def close(self) -> None:
        """Close the history after all jobs that were given, and its thread with it."""
        self.run(lambda history: history.close())
        self._background.close()

    def _opened_history(self) -> History:
        if self._unavailable is not None:
            raise self._unavailable
        assert self._history is not None  # opening is the first job of the thread
        return self._history

    def _open(self) -> UserError | None:
        from desktop_app.chat.history import History

        try:
            self._history, problem = History.open(self._path)
        except UserError as error:
            self._unavailable = error
            return error
        self._history.mark_interrupted()
        self._history.purge_deleted(time.time() - _KEEP_DELETED_S)
        self._attachments.remove_unreferenced(self._history.pictures_in_use())
        return problem

    def _opened(self, problem: UserError | None) -> None:
        if problem is not None:
            self._notices.error(problem, sticky=True)

    def _failed(self, error: Exception) -> None:
        if error is self._unavailable:
            return
        if not isinstance(error, UserError):
            raise error
        self._notices.error(error)

"""The history on a thread of its own: all uses of it are jobs there, done in the order they were given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QTimer

from desktop_app.chat.attachments import Attachments
from desktop_app.errors import UserError
from desktop_app.services.background import Background
from desktop_app.services.notices import Notices, action

if TYPE_CHECKING:  # imported on its thread: the window does not wait for SQLite
    from desktop_app.chat.history import History, Purged

T = TypeVar("T")
KEEP_DELETED_DAYS = 7  # then a deleted conversation goes for good, with its pictures
_KEEP_DELETED_S = KEEP_DELETED_DAYS * 86_400.0
TRY_AGAIN_MS = 5_000  # what could not be written, for want of space perhaps
_TIDY_EVERY_MS = 3_600_000  # a window may stay open for days
CLOCK_S = 2.0  # how coarse the times of files are
_LAST_WRITE_S = 600.0  # after which the engine has written to its caches what it had read before a deletion


@dataclass(eq=False)
class _Unkept:
    """What is to be written, and was not yet."""

    job: Callable[[History], object]
    then: Callable[[], object]
    is_tried: bool = True  # the thread has it
    has_failed: bool = False


class HistoryThread:
    """Owns the history. The connection is opened, used and closed on one thread (SQLite asks for that)."""

    def __init__(
        self,
        path: Path,
        attachments: Attachments,
        background: Background,
        notices: Notices,
        clear_cache: Callable[[float, float], object],
    ) -> None:
        """`clear_cache(before, since)` removes from the caches what was last used between these times (since 1970).

        It is called on the thread.
        """
        self._began = time.time()
        self._path = path
        self._attachments = attachments
        self._clear_cache = clear_cache
        self._background = background
        self._notices = notices
        self._history: History | None = None
        self._unavailable: UserError | None = None
        self._started = False
        self._ends = False
        notices.register("remove-damaged", self._remove_damaged)
        self._daily = QTimer()
        self._daily.setInterval(_TIDY_EVERY_MS)
        self._daily.timeout.connect(lambda: self.run(self._tidy))
        self._unkept: dict[str, _Unkept] = {}
        self._again = QTimer()
        self._again.setSingleShot(True)
        self._again.setInterval(TRY_AGAIN_MS)
        self._again.timeout.connect(self._keep_again)

    def run(
        self,
        job: Callable[[History], T],
        then: Callable[[T], Any] | None = None,
        on_error: Callable[[Exception], Any] | None = None,
    ) -> None:
        """Run `job(history)` on the history's thread, then `then(result)` here.

        The first job opens the history. If that fails, a notice says so once, and `on_error` of each
        job gets the error. Where only space was missing, each job tries again.
        """
        if not self._started:
            self._started = True
            self._background.run(self._open, self._opened)
        self._background.run(lambda: job(self._opened_history()), then, on_error or self.failed)

    def keep(self, key: str, job: Callable[[History], object], then: Callable[[], object] = lambda: None) -> None:
        """Run `job(history)` until it succeeds, then call `then`: the disk may be full for a while.

        It replaces what is to be kept under the same key.
        """
        self._unkept[key] = _Unkept(job, then)
        self._keep(key, self._unkept[key])

    def keep_no_more(self, key: str) -> None:
        """Do not try again what was to be kept under a key: something newer is written elsewhere."""
        self._unkept.pop(key, None)

    def _keep(self, key: str, unkept: _Unkept) -> None:
        unkept.is_tried = True
        self.run(unkept.job, lambda _: self._kept(key, unkept), partial(self._not_kept, key, unkept))

    def _kept(self, key: str, unkept: _Unkept) -> None:
        if self._unkept.get(key) is unkept:
            del self._unkept[key]
            unkept.then()
            self._keep_again()  # there is room again

    def _not_kept(self, key: str, unkept: _Unkept, error: Exception) -> None:
        if self._unkept.get(key) is not unkept:
            return
        if not isinstance(error, UserError):
            del self._unkept[key]  # a bug, which would come again
        unkept.is_tried = False
        was_told, unkept.has_failed = unkept.has_failed, True
        if error is not self._unavailable or _may_pass(error):
            self._again.start()
        if not was_told:
            self.failed(error)

    def _keep_again(self) -> None:
        for key, unkept in list(self._unkept.items()):
            if not unkept.is_tried:
                self._keep(key, unkept)

    def begin_closing(self) -> None:
        """Begin nothing more by itself: the program ends."""
        self._ends = True
        self._daily.stop()

    def wait(self) -> None:
        """Return when all jobs that were given are done, and their results are delivered."""
        self._keep_again()
        self._background.wait()

    def close(self) -> None:
        """Close the history after all jobs that were given, and its thread with it."""
        self._again.stop()
        self.run(lambda history: history.close())
        self._background.close()

    def _opened_history(self) -> History:
        if self._unavailable is not None and _may_pass(self._unavailable):
            self._open()
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
        self._unavailable = None
        self._history.mark_interrupted()
        if held := self._history.in_caches():  # the program was killed before they were cleared
            self._clear_cache(time.time(), min(held.values()) - CLOCK_S)
            self._history.caches_cleared(held)
        return problem

    def _opened(self, problem: UserError | None) -> None:
        if problem is not None:
            actions = (action("open-recovery"),) if problem is not self._unavailable else ()
            self._notices.error(problem, *actions, sticky=True)
        if not self._ends:
            self.run(self._tidy_at_start, self.tell_what_stays)
            self._daily.start()

    def tell_what_stays(self, purged: Purged) -> None:
        """Say which files still hold what was deleted for good."""
        if purged.still_in:
            error = UserError("backup-not-cleaned", names=", ".join(file.name for file in purged.still_in))
            self._notices.error(error, action("show-in-folder", str(purged.still_in[0])), sticky=True)
        for file in purged.kept_in:
            error = UserError("damaged-file-not-cleaned", name=file.name)
            actions = (action("remove-damaged", str(file)), action("show-in-folder", str(file)))
            self._notices.error(error, *actions, sticky=True)

    def _remove_damaged(self, file: str) -> None:
        self.run(lambda history: self._attachments.remove(history.remove_damaged(Path(file))))

    def _tidy_at_start(self, history: History) -> Purged:
        """Remove pictures too that nobody can be about to use: they were added before this program began."""
        age = time.time() - self._began + CLOCK_S
        self._attachments.remove_unreferenced(history.pictures_in_use(), age)
        return self._tidy(history)

    def _tidy(self, history: History) -> Purged:
        """Remove what was deleted days ago, and make today's backup."""
        old = [one for one in history.deleted() if one.deleted < time.time() - _KEEP_DELETED_S]
        # Without any too: what was deleted may still be in a backup that could not be changed then.
        purged = history.purge([one.summary.id for one in old])
        self._attachments.remove(purged.pictures)
        if old:
            self._clear_cache(max(one.deleted for one in old) + _LAST_WRITE_S, 0.0)
            history.caches_cleared(purged.conversations)
        self._attachments.remove_unreferenced(history.pictures_in_use())
        history.back_up()
        return purged

    def failed(self, error: Exception) -> None:
        """Say in a notice why a job failed; a bug is raised. That there is no history was said at the start."""
        if error is self._unavailable:
            return
        if not isinstance(error, UserError):
            raise error
        self._notices.error(error)


def _may_pass(error: Exception) -> bool:
    """Return whether it may be otherwise at the next try: a person can make room on the disk."""
    return isinstance(error, UserError) and error.code == "disk-full"

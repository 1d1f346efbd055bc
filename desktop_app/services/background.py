"""Work off the main thread, one job after another, with results delivered on the main thread.

A job gets plain values and returns plain values. What it raises goes to `on_error` if the caller
gave one; otherwise an expected error becomes a notice and a bug reaches `sys.excepthook`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, Signal, Slot

from desktop_app.errors import UserError
from desktop_app.services.notices import Notices, Owner
from model_store.errors import StoreError

T = TypeVar("T")


class Background(QObject):
    """One thread that runs jobs in the order they were given."""

    _done = Signal(object)

    def __init__(self, name: str, notices: Notices, parent: QObject | None = None, *, owner: Owner = "") -> None:
        """`owner`: what its errors belong to."""
        super().__init__(parent)
        self._notices = notices
        self._owner = owner
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._done.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._open = True

    def run(
        self,
        job: Callable[[], T],
        then: Callable[[T], Any] | None = None,
        on_error: Callable[[Exception], Any] | None = None,
    ) -> None:
        """Run `job` on the thread, then `then(result)` here; after `close` nothing is accepted."""
        if not self._open:
            raise RuntimeError("the background thread is closed")
        self._pool.submit(self._work, job, then, on_error)

    def wait(self) -> None:
        """Return when everything that was accepted is done, and its results are delivered."""
        self._pool.submit(lambda: None).result()
        QCoreApplication.sendPostedEvents(self, QEvent.Type.MetaCall.value)

    def close(self) -> None:
        """Finish what was accepted and end the thread. Results are not delivered any more: nobody waits."""
        self._open = False
        self._pool.shutdown(wait=True)

    def _work(
        self,
        job: Callable[[], T],
        then: Callable[[T], Any] | None,
        on_error: Callable[[Exception], Any] | None,
    ) -> None:
        try:
            result = job()
        except Exception as error:
            self._done.emit(partial(self._failed, error, on_error))
        else:
            if then is not None:
                self._done.emit(partial(then, result))

    def _failed(self, error: Exception, on_error: Callable[[Exception], Any] | None) -> None:
        if on_error is not None:
            on_error(error)
        elif isinstance(error, (UserError, StoreError)):
            self._notices.error(error, owner=self._owner)
        else:
            raise error

    @Slot(object)
    def _deliver(self, call: Callable[[], Any]) -> None:
        if self._open:
            call()

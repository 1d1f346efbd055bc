"""What takes too long to be done while a message is laid out: typesetting formulas and colouring code.

A thread does it for the messages that are seen, and the results are kept. Until then a message shows what was written.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Iterable
from threading import Lock, Thread

from PySide6.QtCore import QObject, Signal

from desktop_app.markdown.highlighting import Kind, highlight
from desktop_app.markdown.parser import parser
from desktop_app.markdown.typesetting import Drawing, typeset
from desktop_app.ui.transcript.markdown.document import Code, Formula

_log = logging.getLogger(__name__)

Spans = list[tuple[int, int, Kind]]
Done = Drawing | Spans | None
_MOST_KEPT = 1_000  # a message that is shown keeps its own
_SHOWN_AFTER = 250


class Finished:
    """The results, by what was asked for. There is one store, `finished`, for all conversations."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Formula | Code, Done] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, wanted: Formula | Code) -> bool:
        return wanted in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def drawing(self, formula: Formula) -> Drawing | None:
        """Return the drawing of a formula; None: there is none, or none yet."""
        found = self._kept.get(formula)
        return found if isinstance(found, Drawing) else None

    def spans(self, code: Code) -> Spans:
        """Return which words of code have which colour; nothing: none, or not yet."""
        found = self._kept.get(code)
        return found if isinstance(found, list) else []

    def finish(self, wanted: Formula | Code) -> None:
        """Do what was asked for, and keep the result."""
        try:
            result = typeset(wanted.source, wanted.display) if isinstance(wanted, Formula) else _coloured(wanted)
        except Exception:  # of a library, for something odd; what waits behind it goes on
            _log.warning("Something could not be typeset.", exc_info=True)
            result = None
        with self._lock:
            self._kept[wanted] = result
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)


def _coloured(code: Code) -> Spans:
    return highlight(code.text, code.language)


finished = Finished()


class Finisher(QObject):
    """Does one thing after the other on a thread that lives as long as there is something to do.

    `done`: all that was wanted is there, or of very much a part, before it is kept no longer. There is one,
    `finisher`: it outlives every window, as its thread may.
    """

    done = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._wanted: deque[Formula | Code] = deque()
        self._lock = Lock()
        self._thread: Thread | None = None

    def want(self, things: Iterable[Formula | Code]) -> None:
        """Have things done soon."""
        with self._lock:
            self._wanted.extend(thing for thing in things if thing not in self._wanted)
            if self._wanted and self._thread is None:
                self._thread = Thread(target=self._work, name="finishing", daemon=True)
                self._thread.start()

    def want_again(self, things: Iterable[Formula | Code], of: int) -> None:
        """Have things done that are kept no longer; `of`: how many their message has. Too many never fit at once."""
        if of <= _MOST_KEPT // 2:
            self.want(things)

    def warm_up(self) -> None:
        """Load the parser while nobody waits for it; without this the first answer would."""
        Thread(target=parser, name="finishing", daemon=True).start()

    def _work(self) -> None:
        count = 0
        while True:
            with self._lock:
                if not self._wanted:
                    self._thread = None
                    break
                thing = self._wanted.popleft()
            if thing not in finished:
                finished.finish(thing)
            count += 1
            if count % _SHOWN_AFTER == 0:
                self.done.emit()
        self.done.emit()


finisher = Finisher()

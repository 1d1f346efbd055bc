"""Reading ahead: the engine reads earlier turns, pictures and long texts while the person is still writing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import takewhile

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.engine.messages import (
    Crashed,
    Died,
    Event,
    Failed,
    PartsReduced,
    Phase,
    PhaseChanged,
    PictureRead,
    PictureRef,
    ReadAhead,
    ReadAheadDone,
    Turn,
    TurnsDropped,
)
from desktop_app.services.conversation.chat import Chat
from desktop_app.services.conversation.draft import Draft
from desktop_app.services.conversation.picture_detail import PictureDetail
from desktop_app.services.conversation.previews import Previews
from desktop_app.services.engine import Engine
from desktop_app.services.preferences import Preferences

_SETTLE_MS = 60  # several pictures dropped at once become one request
_TICK_MS = 100
_UNCHANGED_MS = 1200  # what of a question stayed the same for so long is probably meant
_LONG = 800  # characters: about what the engine reads in one go; less is read quickly enough when it is sent


@dataclass
class _Ring:
    """How far a picture has been looked at."""

    picture: str
    part: int
    parts: int
    expected: float  # seconds for this part and those after it; 0: not known
    so_far: float = 0.0  # seconds

    def progress(self) -> float:
        """Return it as a part of 1."""
        done = self.part / self.parts
        share = self.so_far / self.expected if self.expected > 0 else 0.0
        return min(0.95, done + (1 - done) * share)


class ReadingAhead(QObject):
    """Tells the engine what will be asked about, and the draft how far that is. `context(used, size)`."""

    context = Signal(int, int)

    def __init__(
        self,
        engine: Engine,
        draft: Draft,
        chat: Chat,
        previews: Previews,
        preferences: Preferences,
        picture_detail: PictureDetail,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._draft = draft
        self._chat = chat
        self._previews = previews
        self._preferences = preferences
        self._picture_detail = picture_detail
        self._request = 0
        self._sent: object = None
        self._unseen: TurnsDropped | None = None  # what was told since
        self._sent_quick = False  # whether the pictures were sent to be seen as a whole only
        self._text = ""  # how the question begins, as far as it is read ahead
        self._before = ""  # what was written a while ago
        self._ring: _Ring | None = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._send)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._advance)
        self._writing = QTimer(self)
        self._writing.setSingleShot(True)
        self._writing.setInterval(_UNCHANGED_MS)
        self._writing.timeout.connect(self._look_at_text)
        draft.settled.connect(self._settle.start)
        draft.written.connect(self._written)
        chat.reset.connect(self._settle.start)
        picture_detail.changed.connect(self._look_changed)
        chat.busy_changed.connect(self._busy_changed)
        engine.state_changed.connect(self._engine_changed)

    def close(self) -> None:
        """Stop watching: the program ends."""
        self._settle.stop()
        self._tick.stop()
        self._writing.stop()

    def _engine_changed(self, _state: str) -> None:
        self._sent = None
        self._drop_ring()
        self._forget_marks()
        self._settle.start()

    def _look_changed(self) -> None:
        """Begin anew when the person wants the pictures to be seen in another way."""
        if self._sent is not None and self._picture_detail.is_quick() != self._sent_quick and self._draft.pictures():
            self._sent = None
            self._drop_ring()
            self._forget_marks()
            self._settle.start()

    def _forget_marks(self) -> None:
        for picture in self._draft.pictures():
            if picture.picture is not None:
                self._draft.mark(picture.picture.sha256, "attached", 0.0)

    def _busy_changed(self, busy: bool) -> None:
        if busy:  # the question ends a read-ahead by itself
            self._settle.stop()
            self._drop_ring()
            self._sent = None
        else:
            self._settle.start()

    def _answered(self) -> tuple[Turn, ...]:
        return tuple(turn for turn in self._chat.turns() if turn.answer is not None)

    def _written(self) -> None:
        if not self._draft.text().strip().startswith(self._text):
            self._text = ""
            self._settle.start()  # what is being read is not wanted any more
        if len(self._draft.text()) >= _LONG and not self._writing.isActive():
            self._before = self._draft.text()
            self._writing.start()

    def _look_at_text(self) -> None:
        """Have read what stayed the same since the timer was started, when that is much more than before."""
        now = self._draft.text()
        pairs = zip(self._before, now, strict=False)
        same = now[: sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))]
        words = same if same == now else same[: same.rfind(" ") + 1]
        if len(words.strip()) >= len(self._text) + _LONG:
            self._text = words.strip()
            self._send()
        if now != self._before:
            self._written()

    def _send(self) -> None:
        if not self._preferences.value("reading_ahead") or self._engine.state() != "ready" or self._chat.is_busy():
            return
        turns = self._answered()
        self._unseen = None
        most_tiles = 0 if self._picture_detail.is_quick() else None
        pictures: tuple[PictureRef, ...] = tuple(
            self._previews.shown(p.picture)._replace(most_tiles=most_tiles)
            for p in self._draft.pictures()
            if p.picture is not None
        )
        text = self._text if self._draft.text().strip().startswith(self._text) else ""
        wanted = (turns, pictures, text)
        if wanted == self._sent or not (turns or pictures or text):
            return
        self._sent = wanted
        self._sent_quick = most_tiles == 0
        system_prompt = self._preferences.value("system_prompt").strip() or None
        max_tokens = self._preferences.value("max_tokens")
        self._request = self._engine.send(
            lambda request: ReadAhead(request, turns, pictures, system_prompt, max_tokens, text),
            partial(self._handle, turns, pictures),
        )

    def _handle(self, turns: tuple[Turn, ...], pictures: tuple[PictureRef, ...], event: Event) -> None:
        if isinstance(event, TurnsDropped):
            self._unseen = event
        if isinstance(event, TurnsDropped) or (isinstance(event, ReadAheadDone) and event.complete):
            is_newest = event.request == self._request and turns == self._answered()
            if is_newest and not self._chat.is_busy():
                self._chat.mark_unseen(self._unseen)
        if isinstance(event, PhaseChanged) and event.phase is Phase.LOOKING and event.picture:
            self._ring = _Ring(event.picture, event.part, event.parts, event.expected_s)
            self._draft.mark(event.picture, "reading", self._ring.progress())
            self._tick.start()
        elif isinstance(event, PartsReduced):
            self._picture_detail.set_reduced(event.parts, event.wished)
        elif isinstance(event, PictureRead):
            self._drop_ring()
            self._draft.mark(event.sha256, "read", 1.0)
        elif isinstance(event, ReadAheadDone):
            self._drop_ring()
            if event.complete:
                for picture in pictures:
                    self._draft.mark(picture.sha256, "read", 1.0)
            info = self._engine.info()
            if info is not None:
                self.context.emit(event.context_used, info.n_ctx)
        elif isinstance(event, (Failed, Crashed, Died)):
            if self._ring is not None:
                self._draft.mark(self._ring.picture, "attached", 0.0)
            self._drop_ring()

    def _drop_ring(self) -> None:
        self._ring = None
        self._tick.stop()

    def _advance(self) -> None:
        """Fill the ring by the expected time, never quite to the end: that is said by `PictureRead`."""
        if self._ring is None:
            return
        self._ring.so_far += _TICK_MS / 1000
        if self._ring.expected > 0:
            self._draft.mark(self._ring.picture, "reading", self._ring.progress())

"""Reading ahead: the engine reads earlier turns, pictures and long texts while the person is still writing.

When that is done, pictures that were looked at quickly are looked at as a whole, so that the next answer sees
everything. A question that comes before ends this, and the engine goes on from what costs least.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.engine.messages import (
    BugReported,
    Died,
    Event,
    Failed,
    Look,
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
from desktop_app.look_choice import Wish
from desktop_app.services.conversation.chat import Chat
from desktop_app.services.conversation.draft import Draft
from desktop_app.services.conversation.picture_detail import Detail, PictureDetail
from desktop_app.services.conversation.previews import Previews
from desktop_app.services.conversation.turns import as_whole
from desktop_app.services.engine import Engine
from desktop_app.services.preferences import Preferences

_SETTLE_MS = 60  # several pictures dropped at once become one request
_TICK_MS = 100
_UNCHANGED_MS = 1200  # text that stayed the same for so long is probably final
_LONG = 800  # characters, about one batch of the engine; less is read quickly enough when it is sent


@dataclass
class _Encoding:
    """How far the picture that is being encoded is."""

    picture: str
    part: int
    parts: int
    expected: float  # seconds for this part and those after it; 0: not known
    so_far: float = 0.0  # seconds

    def progress(self) -> float:
        """Return how much is done, 0 to 0.95: the end is told by `PictureRead`."""
        done = self.part / self.parts
        share = self.so_far / self.expected if self.expected > 0 else 0.0
        return min(0.95, done + (1 - done) * share)


class ReadingAhead(QObject):
    """Sends the engine what will be asked about, and tells the draft how far it is.

    `context(tokens used, size)`. `looking_closely(bool)`: whether pictures are looked at as a whole that were looked at
    quickly before.
    """

    context = Signal(int, int)
    looking_closely = Signal(bool)

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
        self._dropped: TurnsDropped | None = None  # what the engine told of this request
        self._sent_detail = Detail()  # how closely the pictures were sent to be seen
        self._text = ""  # how the question begins, as far as it is read ahead
        self._earlier_text = ""  # the draft when the timer was started
        self._encoding: _Encoding | None = None
        self._closer = 0  # the request that looks at pictures as a whole
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._send)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._advance)
        self._unchanged = QTimer(self)
        self._unchanged.setSingleShot(True)
        self._unchanged.setInterval(_UNCHANGED_MS)
        self._unchanged.timeout.connect(self._read_unchanged_text)
        draft.settled.connect(self._settle.start)
        draft.edited.connect(self._draft_edited)
        chat.reset.connect(self._settle.start)
        picture_detail.changed.connect(self._detail_changed)
        chat.busy_changed.connect(self._busy_changed)
        engine.state_changed.connect(self._engine_changed)
        preferences.changed.connect(self._preference_changed)

    def close(self) -> None:
        """Stop watching: the program ends."""
        self._settle.stop()
        self._tick.stop()
        self._unchanged.stop()

    def _engine_changed(self, _state: str) -> None:
        self._sent = None
        self._end_encoding()
        self._reset_picture_states()
        self._settle.start()

    def _preference_changed(self, name: str) -> None:
        if name == "think_first":  # some models are told at the start of a conversation
            self._settle.start()

    def _detail_changed(self) -> None:
        """Begin again when the pictures are to be seen in another way; what is looked at as a whole goes on so."""
        chosen = self._picture_detail.chosen()
        is_other = self._sent_detail not in (chosen, chosen._replace(look=Look.WHOLE))
        if self._sent is not None and is_other and self._draft.pictures():
            self._sent = None
            self._end_encoding()
            self._reset_picture_states()
            self._settle.start()

    def _reset_picture_states(self) -> None:
        for picture in self._draft.pictures():
            if picture.picture is not None:
                self._draft.set_picture_state(picture.picture.sha256, "attached", 0.0)

    def _busy_changed(self, busy: bool) -> None:
        if busy:  # the question ends a read-ahead by itself
            self._settle.stop()
            self._end_encoding()
            self._sent = None
        else:
            self._settle.start()

    def _answered_turns(self) -> tuple[Turn, ...]:
        return tuple(turn for turn in self._chat.turns() if turn.answer is not None)

    def _draft_edited(self) -> None:
        if not self._draft.text().strip().startswith(self._text):
            self._text = ""
            self._settle.start()  # the text that was read ahead is not in the question any more
        if len(self._draft.text()) >= _LONG and not self._unchanged.isActive():
            self._earlier_text = self._draft.text()
            self._unchanged.start()

    def _read_unchanged_text(self) -> None:
        """Read ahead how the text begins, as far as it is unchanged since the timer was started and long enough."""
        now = self._draft.text()
        same = _common_beginning(self._earlier_text, now)
        words = same if same == now else same[: same.rfind(" ") + 1]
        if len(words.strip()) >= len(self._text) + _LONG:
            self._text = words.strip()
            self._send()
        if now != self._earlier_text:
            self._draft_edited()

    def _send(self) -> None:
        if not self._preferences.value("reading_ahead") or self._engine.state() != "ready" or self._chat.is_busy():
            return
        turns = self._answered_turns()
        self._dropped = None
        detail = self._picture_detail.chosen()
        pictures: tuple[PictureRef, ...] = tuple(
            detail.of(self._previews.reference_of(p.picture)) for p in self._draft.pictures() if p.picture is not None
        )
        text = self._text if self._draft.text().strip().startswith(self._text) else ""
        think = self._preferences.value("think_first")
        wanted = (turns, pictures, text, think)
        if wanted == self._sent or not (turns or pictures or text):
            return
        self._sent = wanted
        self._sent_detail = detail
        system_prompt = self._preferences.value("system_prompt").strip() or None
        max_tokens = self._preferences.value("max_tokens")
        command = ReadAhead(0, turns, pictures, system_prompt, max_tokens, text, think)
        self._request = self._engine.send(
            lambda request: command._replace(request=request), partial(self._handle, command)
        )

    def _look_closely(self, done: ReadAhead) -> None:
        """Look at the pictures as a whole that were looked at quickly.

        Those of the draft only if the person has not chosen a quick look for them.
        """
        quick_draft = self._sent_detail.wish is Wish.QUICK
        pictures = done.pictures if quick_draft else as_whole([Turn("", done.pictures)])[0].pictures
        command = done._replace(turns=as_whole(done.turns), pictures=pictures)
        info = self._engine.info()
        if info is not None and info.quick is not None and command != done:
            self._closer = self._engine.send(lambda request: command._replace(request=request), self._handle_closer)
            self.looking_closely.emit(True)

    def _handle_closer(self, event: Event) -> None:
        if isinstance(event, TurnsDropped | PartsReduced):
            self._engine.stop(event.request)  # as a whole they would take the room of others
        elif isinstance(event, ReadAheadDone | Failed | BugReported | Died):
            if isinstance(event, Died) or event.request == self._closer:
                self._closer = 0
                self.looking_closely.emit(False)
            info = self._engine.info()
            if isinstance(event, ReadAheadDone) and event.complete and info is not None:
                self.context.emit(event.context_used, info.n_ctx)

    def _handle(self, command: ReadAhead, event: Event) -> None:
        turns, pictures = command.turns, command.pictures
        if isinstance(event, TurnsDropped):
            self._dropped = event
        if isinstance(event, TurnsDropped) or (isinstance(event, ReadAheadDone) and event.complete):
            is_newest = event.request == self._request and turns == self._answered_turns()
            if is_newest and not self._chat.is_busy():
                self._chat.set_dropped_turns(self._dropped)
        if isinstance(event, PhaseChanged) and event.phase is Phase.LOOKING and event.picture:
            self._encoding = _Encoding(event.picture, event.part, event.parts, event.expected_s)
            self._draft.set_picture_state(event.picture, "reading", self._encoding.progress())
            self._tick.start()
        elif isinstance(event, PartsReduced):
            self._picture_detail.set_reduced(event.parts, event.requested, event.in_tokens)
        elif isinstance(event, PictureRead):
            self._end_encoding()
            self._draft.set_picture_state(event.sha256, "read", 1.0)
        elif isinstance(event, ReadAheadDone):
            self._end_encoding()
            if event.complete:
                for picture in pictures:
                    self._draft.set_picture_state(picture.sha256, "read", 1.0)
            info = self._engine.info()
            if info is not None:
                self.context.emit(event.context_used, info.n_ctx)
            if event.complete and event.request == self._request and not self._chat.is_busy():
                self._look_closely(command)
        elif isinstance(event, (Failed, BugReported, Died)):
            if self._encoding is not None:
                self._draft.set_picture_state(self._encoding.picture, "attached", 0.0)
            self._end_encoding()

    def _end_encoding(self) -> None:
        self._encoding = None
        self._tick.stop()

    def _advance(self) -> None:
        """Tell the draft how far the picture should be by now."""
        if self._encoding is None:
            return
        self._encoding.so_far += _TICK_MS / 1000
        if self._encoding.expected > 0:
            self._draft.set_picture_state(self._encoding.picture, "reading", self._encoding.progress())


def _common_beginning(one: str, other: str) -> str:
    """Return how both texts begin: character by character, this would stop the window for a long text."""
    same, differs = 0, min(len(one), len(other)) + 1
    while differs - same > 1:
        middle = (same + differs) // 2
        if one[same:middle] == other[same:middle]:
            same = middle
        else:
            differs = middle
    return one[:same]

"""The answers that are under way: begins and stops them, and tells everybody else how they get on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.chat.conversation import Message, State
from desktop_app.engine.messages import Ask, Judge, Judged, Phase, Sampling, Turn
from desktop_app.errors import UserError
from desktop_app.services.conversation.answer import Answer, judged, keep
from desktop_app.services.engine import Engine
from desktop_app.services.history_thread import HistoryThread
from desktop_app.services.notices import Notice, Notices
from desktop_app.services.preferences import Preferences

if TYPE_CHECKING:  # imported on the history's thread
    from desktop_app.chat.history import History


_UNJUDGED = 20  # answers of which the engine may tell more
_JUDGE = {"off": Judge.NOT, "quiet": Judge.WORDS, "full": Judge.PICTURES_LATER}  # by the setting


class Figures(NamedTuple):
    """What is known of the latest answer of a conversation."""

    speed: float = 0.0  # tokens per second
    used: int = 0  # tokens of the context
    size: int = 0  # of the context, in tokens


class Answers(QObject):
    """Runs the answers, at most one in each conversation, whichever is open meanwhile.

    They are written in the order of the questions: one in another conversation is finished first. What waits when
    the engine dies is asked when it is back.

    In this order:
    - `saved(list[Message])`: question and answer are in the history, and know their siblings.
      `not_saved(Answer)` instead: they are not, and nothing else follows.
      `withdrawn(Answer, bool)` later: they were taken out of it again, the whole conversation if True; no more follows.
    - `dropped(conversation id, TurnsDropped | None)`: which turns the model does not see; once.
      `reduced(conversation id, int, int, bool)`: in how many parts, or tokens, it sees a picture, and should see it.
    - `phase(conversation id, Phase, dict)`, `thinking(message id, thought so far)`,
      `thought(message id, details of the message)`, `streaming(message id, text so far)`,
      `figures(conversation id)`: again and again. Phase.WAITING has the detail "behind": the conversation that is
      answered first.
    - `completed(Message)`: its final state, which is saved; then `phase(conversation id, None, {})`.
    - `ended(conversation id, State, bool)`: nothing more comes of it; whether it has words.

    Later, perhaps, `judged(Message)`: what is known by then of how sure the model was; it is saved, too.

    `order_changed()`: which conversation is answered, or which ones wait, has changed.
    """

    saved = Signal(list)
    not_saved = Signal(object)
    dropped = Signal(str, object)
    reduced = Signal(str, int, int, bool)
    phase = Signal(str, object, dict)
    thinking = Signal(str, str)
    streaming = Signal(str, str)
    thought = Signal(str, dict)
    figures = Signal(str)
    completed = Signal(object)
    judged = Signal(object)
    ended = Signal(str, object, bool)
    withdrawn = Signal(object, bool)
    order_changed = Signal()

    def __init__(
        self,
        engine: Engine,
        history_thread: HistoryThread,
        preferences: Preferences,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._history_thread = history_thread
        self._preferences = preferences
        self._notices = notices
        self._under_way: dict[str, Answer] = {}  # by conversation, in the order of the questions
        self._phases: dict[str, tuple[Phase, dict[str, Any]]] = {}  # the latest of each of them
        self._completed: dict[str, Message] = {}  # by their ids, until they are saved: the history has older ones
        self._figures: dict[str, Figures] = {}  # of the latest answer of each conversation, by the loaded model
        self._unjudged: OrderedDict[int, tuple[Message, str]] = OrderedDict()  # by request; and how they began
        self._thoughtless: set[str] = set()  # models of which it was said that they did not think
        self._closed = False
        # A moment later: another model is loaded first if one was chosen, and the engine tells that before it begins.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._go_on)
        engine.state_changed.connect(self._go_on_soon)
        engine.model_changed.connect(self._forget_contexts)
        engine.judged.connect(self._judged)

    def is_under_way(self, conversation_id: str) -> bool:
        """Return whether a conversation waits for an answer, or for the rest of one."""
        return conversation_id in self._under_way

    def is_waiting(self, conversation_id: str) -> bool:
        """Return whether a conversation waits for its turn, or for an engine: its question can be withdrawn."""
        answer = self._under_way.get(conversation_id)
        if answer is None or answer.is_asked:
            return False
        return conversation_id != next(iter(self._under_way)) or self._engine.state() == "dead"

    def being_written(self) -> str:
        """Return the conversation that is answered now, "" for none."""
        return next((one for one, answer in self._under_way.items() if answer.is_asked), "")

    def figures_of(self, conversation_id: str) -> Figures:
        """Return speed and context of a conversation's latest answer."""
        return self._figures.get(conversation_id, Figures())

    def up_to_date(self, messages: Sequence[Message]) -> list[Message]:
        """Return messages that were read from the history with what has come of their answers since."""
        known = self._completed | {answer.message.id: answer.message for answer in self._under_way.values()}
        return [
            replace(known[message.id], sibling=message.sibling) if message.id in known else message
            for message in messages
        ]

    def model_name(self) -> str:
        """Return the name of the model that would answer now, "" while none is loaded."""
        info = self._engine.info()
        return info.name if info is not None else ""

    def tell_phase(self, conversation_id: str) -> None:
        """Emit `phase` again, for a conversation that is opened."""
        if conversation_id in self._phases:
            self.phase.emit(conversation_id, *self._phases[conversation_id])

    def begin(
        self,
        conversation_id: str,
        turns: tuple[Turn, ...],
        message: Message,
        question: Message | None = None,
        begun: Message | None = None,
        also: Callable[[History], object] = lambda _history: None,
    ) -> None:
        """Answer the last of `turns` in `message`; `question` is given when it is to be saved as well.

        `also` saves what changes with that: both are done, or neither. `begun`: the same answer as it is saved, which
        goes on. If answers in other conversations are under way, they are finished first. The settings count that are
        there when the engine is asked. An engine that died is started again.
        """
        if self._engine.state() == "dead":
            self._engine.load_again()
        answer = Answer(conversation_id, message, question, self._engine, self._history_thread, self, begun)
        answer.saved.connect(self._saved)
        answer.not_saved.connect(partial(self._not_saved, answer))
        answer.withdrawn.connect(partial(self._withdrawn, answer))
        answer.dropped.connect(partial(self.dropped.emit, conversation_id))
        answer.phase.connect(partial(self._set_phase, conversation_id))
        answer.thought.connect(partial(self.thought.emit, message.id))
        answer.thinking.connect(partial(self.thinking.emit, message.id))
        answer.text.connect(partial(self.streaming.emit, message.id))
        answer.speed.connect(partial(self._set_speed, conversation_id))
        answer.context.connect(partial(self._set_context, conversation_id))
        answer.reduced.connect(partial(self.reduced.emit, conversation_id))
        answer.ended.connect(partial(self._ended, answer))
        self._under_way[conversation_id] = answer
        self._unjudged = OrderedDict(one for one in self._unjudged.items() if one[1][0].id != message.id)
        self._tell_waiting()
        answer.begin(
            lambda request: Ask(
                request, turns, self._sampling(), self._system_prompt(), self._thinks(turns), self._judge()
            ),
            also,
        )
        self.order_changed.emit()

    def stop(self, conversation_id: str) -> None:
        """Stop the answer of a conversation, also one that has not begun; what was written stays."""
        if conversation_id in self._under_way:
            self._under_way[conversation_id].stop()

    def withdraw(self, conversation_id: str) -> None:
        """Take back a question of which the engine has not heard; `withdrawn` follows."""
        if self.is_waiting(conversation_id):
            self._under_way[conversation_id].withdraw()

    def stop_all(self, conversations: Iterable[str]) -> None:
        """Stop the answers of some conversations: these are deleted for good."""
        for conversation in conversations:
            self.stop(conversation)

    def save(self) -> None:
        """Save what is written so far; it goes on."""
        for answer in self._under_way.values():
            answer.save_text()

    def close(self) -> None:
        """Keep what was written so far: the program ends."""
        self._closed = True
        self._soon.stop()
        for answer in list(self._under_way.values()):
            answer.interrupt()

    def is_closed(self) -> bool:
        """Return whether `close` was called."""
        return self._closed

    # ---- inside ----------------------------------------------------------------------------

    def _saved(self, saved: list[Message]) -> None:
        self.saved.emit(saved)
        self._go_on()

    def _go_on(self) -> None:
        """Ask the engine the first question, unless it has been asked already."""
        first = next(iter(self._under_way.values()), None)
        if self._closed or first is None or not first.is_ready or self._engine.state() == "dead":
            return
        if self._phases.pop(first.conversation_id, None) is not None:
            self.phase.emit(first.conversation_id, None, {})  # it waits no more
        first.ask()
        self.order_changed.emit()

    def _tell_waiting(self) -> None:
        first, *others = self._under_way or ("",)
        for conversation in others:
            if self._phases.get(conversation) != (waiting := (Phase.WAITING, {"behind": first})):
                self._set_phase(conversation, *waiting)

    def _set_speed(self, conversation_id: str, speed: float) -> None:
        self._figures[conversation_id] = self.figures_of(conversation_id)._replace(speed=speed)
        self.figures.emit(conversation_id)

    def _set_context(self, conversation_id: str, used: int, size: int) -> None:
        self._figures[conversation_id] = self.figures_of(conversation_id)._replace(used=used, size=size)
        self.figures.emit(conversation_id)

    def _forget_contexts(self, _info: object = None) -> None:
        """Another model reads the conversations in another context."""
        self._figures = {one: Figures(figures.speed) for one, figures in self._figures.items()}

    def _set_phase(self, conversation_id: str, phase: Phase, details: dict[str, Any]) -> None:
        self._phases[conversation_id] = (phase, details)
        self.phase.emit(conversation_id, phase, details)

    def _forget(self, answer: Answer) -> None:
        self._under_way.pop(answer.conversation_id, None)
        self._phases.pop(answer.conversation_id, None)
        answer.deleteLater()
        self._tell_waiting()

    def _next(self) -> None:
        self.order_changed.emit()
        self._go_on_soon()

    def _go_on_soon(self, _state: str = "") -> None:
        if not self._closed:
            self._soon.start()

    def _withdrawn(self, answer: Answer, is_all: bool) -> None:
        self._forget(answer)
        self.withdrawn.emit(answer, is_all)
        self.phase.emit(answer.conversation_id, None, {})
        self._next()

    def _not_saved(self, answer: Answer, error: Exception) -> None:
        self._forget(answer)
        self.not_saved.emit(answer)
        self._next()
        if not isinstance(error, UserError):
            raise error
        self._notices.error(error)

    def _ended(self, answer: Answer) -> None:
        self._forget(answer)
        self._unjudged[answer.request] = answer.message, answer.begun_text
        while len(self._unjudged) > _UNJUDGED:
            self._unjudged.popitem(last=False)
        self._complete(answer.message)
        self.completed.emit(answer.message)
        self.phase.emit(answer.conversation_id, None, {})
        self.ended.emit(answer.conversation_id, answer.message.state, bool(answer.message.text.strip()))
        self._tell_thoughtless(answer)
        self._next()

    def _judged(self, event: Judged) -> None:
        message, begun = self._unjudged.pop(event.request, (None, ""))
        if message is not None and not self._closed:
            message = judged(message, event.certainty, begun)
            self._complete(message)
            self.judged.emit(message)

    def _judge(self) -> Judge:
        return _JUDGE[self._preferences.value("certainty")]

    def _thinks(self, turns: tuple[Turn, ...]) -> bool:
        """Return whether the model is to think first; an answer that goes on stands as it was begun."""
        begun = turns[-1]
        return bool(begun.thought) if begun.goes_on else self._preferences.value("think_first")

    def _tell_thoughtless(self, answer: Answer) -> None:
        """Say once of each model that it did not think, although it was to: the switch alone would not explain that."""
        message = answer.message
        name = str(message.details.get("model", ""))
        is_thoughtless = answer.is_to_think and message.state is State.COMPLETE and not message.thought.strip()
        if is_thoughtless and name not in self._thoughtless:
            self._thoughtless.add(name)
            self._notices.post(Notice("thoughtless", {"name": name}, owner="conversation"))

    def _complete(self, message: Message) -> None:
        """Save an answer that has ended, and know it until that is done."""
        self._completed[message.id] = message
        keep(self._history_thread, message, lambda: self._completed.pop(message.id, None))

    def _sampling(self) -> Sampling:
        value = self._preferences.value
        return Sampling(
            temperature=value("temperature"),
            top_p=value("top_p"),
            top_k=value("top_k"),
            min_p=value("min_p"),
            repeat_penalty=value("repeat_penalty"),
            seed=value("seed") or None,
            max_tokens=value("max_tokens"),
        )

    def _system_prompt(self) -> str | None:
        return self._preferences.value("system_prompt").strip() or None

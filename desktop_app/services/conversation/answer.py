"""One answer while it comes: what is saved before the engine is asked, what was received, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from desktop_app.chat.certainty import KEY as CERTAINTY_KEY
from desktop_app.chat.certainty import Certainty, from_details, of_both, to_details
from desktop_app.chat.conversation import LOOKS_KEY, Message, State, words_of
from desktop_app.engine.messages import (
    Ask,
    BugReported,
    Died,
    Event,
    Failed,
    Finished,
    FinishReason,
    PartsReduced,
    Phase,
    PhaseChanged,
    Text,
    Thought,
    TurnsDropped,
)
from desktop_app.services.engine import Engine
from desktop_app.services.history_thread import HistoryThread

if TYPE_CHECKING:
    from desktop_app.chat.history import History

_SHOW_EVERY_MS = 40
_SAVE_EVERY_MS = 1000
_SHORTEST_S = 0.5  # of writing; a figure for less says nothing

#: In the details of an answer: the engine ended over it; what is left of the context is too little to go on with it.
ENGINE_STOPPED_KEY, TOO_LONG_KEY = "engine_stopped", "too_long"


def is_measured(tokens: int, speed: float) -> bool:
    """Return whether `tokens` written at `speed` per second took long enough to speak of a speed."""
    return speed > 0 and tokens / speed >= _SHORTEST_S


def in_two_goes(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of an answer of which a part was written before, and a part now: what it cost in all."""
    figures = dict(now)
    first, second = _positive(before, "answer_tokens"), _positive(now, "answer_tokens")
    for name in ("answer_tokens", "evaluated_tokens", "image_encodes"):
        if name in now and _positive(before, name):
            figures[name] = now[name] + before[name]
    speed, speed_now = _positive(before, "tokens_per_second"), _positive(now, "tokens_per_second")
    if first and speed and "tokens_per_second" in now:
        seconds = first / speed + (second / speed_now if speed_now else 0)
        figures["tokens_per_second"] = round((first + (second if speed_now else 0)) / seconds, 2)
    if "time_to_first_token_s" in before:
        figures.pop("time_to_first_token_s", None)
    return figures


def _positive(figures: Mapping[str, Any], name: str) -> float:
    """Return a figure, 0 if there is none: earlier versions took the details of imported answers as they were."""
    value = figures.get(name)
    return value if isinstance(value, int | float) and 0 < value < float("inf") else 0


def judged(message: Message, now: Certainty, begun: str) -> Message:
    """Return an answer with what is known of how sure the model was; `begun`: how it began, if it went on."""
    before = from_details(message.details, len(message.text)) if begun else None
    certainty = of_both(before, now, len(begun))
    return replace(message, details=message.details | {CERTAINTY_KEY: to_details(certainty)})


class Answer(QObject):
    """Saves a question, asks it, and gathers the answer; exists until the last event of the engine.

    `saved(list[Message])`: question and answer are in the history; it waits for `ask`.
    `not_saved(Exception)`: they are not, and the engine is not asked; nothing follows.
    `withdrawn(bool)`: they were taken out of the history again, the whole conversation if True; nothing follows.
    `thinking(str)`, `text(str)`: all of it so far, at most 25 times a second. `thought(dict)`: it has been thought, and
    the answer begins; the details of the message that say what and for how long, or nothing if it is asked again.
    `phase(Phase, dict)`, `speed(float)`, `context(used, size)`, `dropped(TurnsDropped | None)` once,
    `reduced(parts, wished, whether they are tokens)`.
    `ended()`: `message` is final, and to be saved.
    """

    saved = Signal(list)
    not_saved = Signal(object)
    withdrawn = Signal(bool)
    thinking = Signal(str)
    text = Signal(str)
    thought = Signal(dict)
    phase = Signal(object, dict)
    speed = Signal(float)
    context = Signal(int, int)
    dropped = Signal(object)
    reduced = Signal(int, int, bool)
    ended = Signal()

    def __init__(
        self,
        conversation_id: str,
        message: Message,
        question: Message | None,
        engine: Engine,
        history_thread: HistoryThread,
        parent: QObject | None = None,
        begun: Message | None = None,
    ) -> None:
        """`message` is still without text, unless it goes on with `begun`, which is the same answer as it is saved.

        `question` is given when it is not in the history yet.
        """
        super().__init__(parent)
        self.conversation_id = conversation_id
        self.message = message
        self.question = question
        self.begun = begun
        self._at_first = message.text, message.details
        self._engine = engine
        self._history_thread = history_thread
        self._make: Callable[[int], Ask] | None = None
        self._request = 0
        self._is_saved = False
        self._is_asked = False
        self._is_leaving = False  # it is being withdrawn
        self._asked_of: object = None  # the model, and how it was loaded
        self._is_asked_again = False  # since the engine died over it
        self._ended = False
        self._stop_wanted = False
        self._dropped_turns = 0
        self._dropped_told = False
        self._figures: dict[str, Any] = {}  # of what was written so far, where it may end without any
        self.is_to_think = False  # before an answer of which nothing is there
        self._is_thinking = False
        self._thought_before_s = _positive(message.details, "thought_s")
        self._writing = QElapsedTimer()
        self._thinking = QElapsedTimer()
        self._show_timer = self._timer(_SHOW_EVERY_MS, self._show)
        self._save_timer = self._timer(_SAVE_EVERY_MS, self.save_text)

    def begin(self, make: Callable[[int], Ask], also: Callable[[History], object]) -> None:
        """Save question and answer, and `also` what changes with them; `make(request)` is what `ask` will send."""
        self._make = make
        conversation, begun = self.conversation_id, self.begun is not None
        messages = [self.message] if self.question is None else [self.question, self.message]

        def job(history: History) -> list[Message]:
            if begun:
                history.update_message(messages[-1])
                return []
            with history.at_once():
                saved = [replace(m, sibling=history.add_message(conversation, m)) for m in messages]
                also(history)
            return saved

        # Both are in the history before the engine hears of them.
        self._history_thread.run(job, self._begun, self.not_saved.emit)

    @property
    def request(self) -> int:
        """The number of the question that the engine was asked last."""
        return self._request

    @property
    def begun_text(self) -> str:
        """What was there of the answer before it went on."""
        return self._at_first[0]

    @property
    def is_asked(self) -> bool:
        """Whether the engine has been asked."""
        return self._is_asked

    @property
    def is_ready(self) -> bool:
        """Whether the engine may be asked now."""
        return self._is_saved and not self._is_asked and not self._is_leaving

    def ask(self) -> None:
        """Send the question to the engine."""
        self._is_asked, self._asked_of = True, self._engine.wanted()
        self._request = self._engine.send(self._command, self._handle)

    def _command(self, request: int) -> Ask:
        assert self._make is not None  # `begin` comes first
        command = self._make(request)
        self.is_to_think = command.think and self.begun is None
        return command

    def stop(self) -> None:
        """Ask the engine to stop; `ended` follows with what was written so far."""
        self._stop_wanted = True
        if self._request:
            self._engine.stop(self._request)
        elif self._is_saved and not self._ended:
            self._finish_unasked(State.STOPPED)

    def withdraw(self) -> None:
        """Move the question from the history to the draft: the engine has not been asked. What was begun stays."""
        if self._is_leaving or self._ended:
            return
        if self.begun is not None:
            self.stop()
            return
        self._is_leaving = True
        conversation = self.conversation_id
        asked, answer = self.question, self.message.id
        messages, draft = (
            ([answer], ("", ())) if asked is None else ([asked.id, answer], (words_of(asked), asked.pictures))
        )
        self._history_thread.run(
            lambda history: history.take_out(conversation, messages, *draft),
            self.withdrawn.emit,
            lambda _: self._finish(State.STOPPED),
        )

    def interrupt(self) -> None:
        """End now with what was written: the program is closing."""
        if self._ended or self._is_leaving:
            return
        if self._is_asked:
            self._finish(State.INTERRUPTED, self._figures)
        else:
            self._finish_unasked(State.INTERRUPTED)

    def _begun(self, saved: list[Message]) -> None:
        self._is_saved = True
        self.saved.emit(saved)
        if self._stop_wanted and not self._ended:
            self._finish_unasked(State.STOPPED)

    def _timer(self, interval: int, slot: Any) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval)
        timer.timeout.connect(slot)
        return timer

    def _handle(self, event: Event) -> None:
        if self._ended:
            return
        if isinstance(event, Text):
            self.message = replace(self.message, text=self.message.text + event.text)
            self._written(event)
        elif isinstance(event, Thought):
            said = self.message.thought + event.text
            self._keep_thought(said, self._thinking.elapsed() / 1000 if self._thinking.isValid() else 0.0)
            self._written(event)
        elif isinstance(event, PhaseChanged):
            self._tell_dropped(None)
            if event.phase is Phase.THINKING:
                self._thinking.start()
            elif self._thinking.isValid() and event.phase is Phase.WRITING:
                self.message = replace(self.message, details=self.message.details | {"thought_ended": True})
                self.thought.emit(self.message.details)
            details = {"done": event.done, "total": event.total, "expected_s": event.expected_s}
            self.phase.emit(event.phase, details | {"sha256": event.picture, "part": event.part, "parts": event.parts})
        elif isinstance(event, PartsReduced):
            self.reduced.emit(event.parts, event.requested, event.in_tokens)
        elif isinstance(event, TurnsDropped):
            self._dropped_turns = event.turns
            self._tell_dropped(event)
        elif isinstance(event, Finished):
            self._finished(event)
        elif isinstance(event, Failed):
            self._failed(event)
        elif isinstance(event, BugReported):
            self._finish(State.INTERRUPTED, self._figures)
        elif isinstance(event, Died):
            self._died()

    @property
    def _has_new_words(self) -> bool:
        before = self.begun.text if self.begun is not None else ""
        return bool(self.message.text[len(before) :].strip())

    def _failed(self, event: Failed) -> None:
        if self.begun is not None and event.code == "context-too-small" and not self._has_new_words:
            self._finish(self.begun.state, {TOO_LONG_KEY: True})  # how it had ended is still true
        else:
            self._finish(State.FAILED, {"error": {"code": event.code, "parameters": event.parameters}})

    def _died(self) -> None:
        """Wait to be asked again by an engine that was started again, once; keep the words that there are."""
        is_back = self._engine.state() != "dead" and self._engine.wanted() == self._asked_of
        if is_back and not self._has_new_words and not self._stop_wanted and not self._is_asked_again:
            self._is_asked_again, self._is_asked, self._request = True, False, 0
            self._dropped_turns, self._dropped_told, self._figures = 0, False, {}
            self._thinking.invalidate()
            self._writing.invalidate()
            text, details = self._at_first
            had_thought = self.message.thought != details.get("thought", "")
            self.message = replace(self.message, text=text, details=details)
            if had_thought:
                self.thought.emit(details)
        else:
            self._finish(State.INTERRUPTED, self._figures | {ENGINE_STOPPED_KEY: True})

    def _written(self, event: Text | Thought) -> None:
        self._is_thinking = isinstance(event, Thought)
        if not self._show_timer.isActive():
            self._show_timer.start()
        self._figures = {
            "answer_tokens": event.tokens,
            "tokens_per_second": round(event.tokens_per_second, 2),
        }
        if not self._save_timer.isActive():
            self._save_timer.start()
        if not self._writing.isValid():
            self._writing.start()
        elif self._writing.elapsed() >= 1000 * _SHORTEST_S:
            self.speed.emit(event.tokens_per_second)
        info = self._engine.info()
        if info is not None:
            self.context.emit(event.context_used, info.n_ctx)

    def _keep_thought(self, text: str, seconds: float) -> None:
        details = self.message.details | {"thought": text, "thought_s": round(self._thought_before_s + seconds, 1)}
        self.message = replace(self.message, details=details)

    def _tell_dropped(self, event: TurnsDropped | None) -> None:
        if not self._dropped_told:
            self._dropped_told = True
            self.dropped.emit(event)

    def _finished(self, event: Finished) -> None:
        stats = event.stats
        self.message = replace(self.message, text=event.text or self.message.text)  # "": it never began
        if event.thought:
            self._keep_thought(event.thought, event.thought_s)
        self.context.emit(stats.context_used, stats.context_size)
        if is_measured(stats.answer_tokens, stats.tokens_per_second):
            self.speed.emit(stats.tokens_per_second)
        if event.certainty is not None:
            self.message = judged(self.message, event.certainty, self.begun_text)
        if any(seen.rows < seen.of_rows for seen in event.looks):
            looks = [[seen.rows, seen.of_rows] for seen in event.looks]
            self.message = replace(self.message, details=self.message.details | {LOOKS_KEY: looks})
        stopped = stats.finish_reason is FinishReason.STOPPED
        info = self._engine.info()
        # An answer is also stopped by another model or other settings that are loaded.
        state = State.STOPPED if self._stop_wanted else State.INTERRUPTED
        self._finish(
            state if stopped else State.COMPLETE,
            {
                "model": info.name if info is not None else self.message.details.get("model", ""),
                "tokens_per_second": round(stats.tokens_per_second, 2),
                "time_to_first_token_s": round(stats.time_to_first_token_s, 3),
                "answer_tokens": stats.answer_tokens,
                "finish_reason": stats.finish_reason.value,
                "dropped_turns": self._dropped_turns,
                "evaluated_tokens": stats.evaluated_tokens,
                "image_encodes": stats.image_encodes,
            },
        )

    def _finish(self, state: State, details: dict[str, Any] | None = None) -> None:
        self._ended = True
        self._show_timer.stop()
        self._save_timer.stop()
        figures = in_two_goes(self.message.details, details or {})
        self.message = replace(self.message, state=state, details=self.message.details | figures)
        self.ended.emit()

    def _finish_unasked(self, state: State) -> None:
        """End without having asked the engine: what was to go on is again as it had ended, with the reason for that."""
        if self.begun is None:
            self._finish(state)
        else:
            self.message = replace(self.begun, sibling=self.message.sibling)
            self._finish(self.begun.state)

    def _show(self) -> None:
        if self._is_thinking:
            self.thinking.emit(self.message.thought)
        else:
            self.text.emit(self.message.text)

    def save_text(self) -> None:
        """Save what is written so far."""
        keep(self._history_thread, self.message)


def keep(history_thread: HistoryThread, message: Message, then: Callable[[], object] = lambda: None) -> None:
    """Have an answer saved as it is now, unless something newer is known by then; `then()` when it is."""
    history_thread.keep(message.id, partial(_save, message), then)


def _save(message: Message, history: History) -> None:
    with suppress(KeyError):  # its conversation was deleted for good meanwhile
        history.update_message(message)

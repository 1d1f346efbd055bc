"""The answers that are under way: begins and stops them, and tells everybody else how they get on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Signal

from desktop_app.chat.conversation import Message
from desktop_app.engine.messages import Ask, Sampling, Turn
from desktop_app.errors import UserError
from desktop_app.services.conversation.answer import Answer
from desktop_app.services.engine import Engine
from desktop_app.services.history_thread import HistoryThread
from desktop_app.services.notices import Notice, Notices
from desktop_app.services.preferences import Preferences


class Answers(QObject):
    """Runs one answer at a time. It belongs to the conversation it was asked in, whichever is open meanwhile.

    In this order:
    - `saved(list[Message])`: question and answer are in the history, and know their siblings.
      `not_saved(Answer)` instead: they are not, and nothing else follows.
    - `dropped(conversation id, TurnsDropped | None)`: which turns the model does not see; once.
    - `phase(conversation id, Phase, dict)`, `streaming(message id, text so far)`, `speed(tokens per second)`,
      `context(tokens used, size)`: again and again.
    - `completed(Message)`: its final state, which is saved; then `phase(conversation id, None, {})`.
    - `ended(conversation id)`: nothing more comes of it.
    """

    saved = Signal(list)
    not_saved = Signal(object)
    dropped = Signal(str, object)
    phase = Signal(str, object, dict)
    streaming = Signal(str, str)
    speed = Signal(float)
    context = Signal(int, int)
    completed = Signal(object)
    ended = Signal(str)

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
        self._newest: Answer | None = None  # until it ends; those before it were told to stop
        self._completed: Message | None = None  # the newest: what is read from the history may be older
        self._reduced_told: tuple[str, int, int] | None = None

    def is_under_way(self, conversation_id: str) -> bool:
        """Return whether a conversation waits for an answer, or for the rest of one."""
        return self._newest is not None and self._newest.conversation_id == conversation_id

    def up_to_date(self, messages: Sequence[Message]) -> list[Message]:
        """Return messages that were read from the history with what has come of their answers since."""
        known = {} if self._completed is None else {self._completed.id: self._completed}
        if self._newest is not None:
            known[self._newest.message.id] = self._newest.message
        return [replace(known.get(message.id, message), sibling=message.sibling) for message in messages]

    def begin(
        self, conversation_id: str, turns: tuple[Turn, ...], message: Message, question: Message | None = None
    ) -> None:
        """Answer the last of `turns` in `message`; `question` is given when it is to be saved as well.

        An answer that is under way is stopped.
        """
        self.stop()
        answer = Answer(conversation_id, message, question, self._engine, self._history_thread, self)
        answer.saved.connect(self.saved)
        answer.not_saved.connect(partial(self._not_saved, answer))
        answer.dropped.connect(partial(self.dropped.emit, conversation_id))
        answer.phase.connect(partial(self.phase.emit, conversation_id))
        answer.text.connect(partial(self.streaming.emit, message.id))
        answer.speed.connect(self.speed)
        answer.context.connect(self.context)
        answer.reduced.connect(partial(self._parts_reduced, conversation_id))
        answer.ended.connect(partial(self._ended, answer))
        self._newest = answer
        # The settings count that are there when the engine is asked.
        answer.begin(lambda request: Ask(request, turns, self._sampling(), self._system_prompt()))

    def stop(self) -> None:
        """Stop the answer that is under way, in whatever conversation; what was written stays."""
        if self._newest is not None:
            self._newest.stop()

    def save(self) -> None:
        """Save what is written so far; it goes on."""
        if self._newest is not None:
            self._newest.save_text()

    def close(self) -> None:
        """Keep what was written so far: the program ends."""
        if self._newest is not None:
            self._newest.interrupt()

    # ---- inside ----------------------------------------------------------------------------

    def _forget(self, answer: Answer) -> None:
        if answer is self._newest:
            self._newest = None
        answer.deleteLater()

    def _not_saved(self, answer: Answer, error: Exception) -> None:
        self._forget(answer)
        self.not_saved.emit(answer)
        if not isinstance(error, UserError):
            raise error
        self._notices.error(error)

    def _parts_reduced(self, conversation_id: str, parts: int, wished: int) -> None:
        code = "parts-reduced" if parts > 1 else "parts-reduced-to-one"
        reduced = (conversation_id, parts, wished)
        if reduced != self._reduced_told:  # once is enough
            self._reduced_told = reduced
            self._notices.post(Notice(code, {"parts": parts, "wished": wished}))

    def _ended(self, answer: Answer) -> None:
        self._forget(answer)
        self._completed = answer.message
        self.completed.emit(answer.message)
        self.phase.emit(answer.conversation_id, None, {})
        self.ended.emit(answer.conversation_id)

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

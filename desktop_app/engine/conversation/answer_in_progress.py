"""An answer that is being written: thought and text so far, and the statistics that are reported when it ends."""

from __future__ import annotations

import time

from desktop_app.chat.certainty import Certainty
from desktop_app.engine.conversation.certainty import TokenScore
from desktop_app.engine.conversation.prompt import Prompt
from desktop_app.engine.conversation.text_stream import TokenDecoder
from desktop_app.engine.conversation.thought import Thought
from desktop_app.engine.messages import Finished, FinishReason, TurnStats
from desktop_app.engine.planning.process_memory import peak_memory


class Work:
    """What was done for a request."""

    encodes = 0  # CLIP runs
    evaluated = 0  # cells of the prompt


class Probabilities:
    """How probable the tokens of an answer were, as natural logarithms; empty if nobody asks for it."""

    def __init__(self) -> None:
        self.of_tokens: list[float] = []
        self.of_end: float | None = None  # None: it did not end by itself


class AnswerInProgress:
    """The text of an answer, all of it, and the figures of what is written now."""

    def __init__(self, received: float, prompt: Prompt, reused: int, thought: Thought) -> None:
        """`received`: when the command came (time.monotonic()); `reused`: cells that were in the KV cache."""
        self.thought = thought
        begun = prompt.begun_tokens if prompt.begun else ()  # else they are those of a thought
        self.text = TokenDecoder(prompt.begun, begun)
        self._begun_tokens = len(begun)
        self.tokens = 0
        self.written: list[int] = []  # these tokens, those of the thought included
        self.work = Work()
        self.reused = reused
        self.probabilities = Probabilities()
        self.certainty: Certainty | None = None
        self._prompt = prompt
        self._received = received
        self._begun = time.monotonic()
        self._first = self._latest = 0.0
        self._samples = 0
        self._is_whole = True  # whether the text is that of whole tokens

    def add(self, token: int, piece: bytes, log: float | None = None) -> str:
        """Take the next token of the answer itself and return the text that it completes.

        `log`: how probable it was, as a natural logarithm.

        Space that separates the answer from a thought is no part of it.
        """
        if self.thought.was_open and not self.text.text:
            words = piece.lstrip()
            if not words:
                return ""
            self._is_whole = words == piece
            piece = words
        if log is not None:
            self.probabilities.of_tokens.append(log)
        return self.text.add(token, piece)

    @property
    def token_ids(self) -> tuple[int, ...]:
        """Return the tokens of the answer, none if its text is not that of whole tokens."""
        return self.text.token_ids if self._is_whole else ()

    def sampled(self) -> None:
        """Note the time of a token."""
        self._latest = time.monotonic()
        self._first = self._first or self._latest
        self._samples += 1

    @property
    def seconds(self) -> float:
        """Return how long it took, from when the engine began with it."""
        return max(0.0, self._latest - self._begun)

    def scored(self) -> list[TokenScore]:
        """Return the tokens that were written now as far as they are part of the text, with their probabilities."""
        ends = self.text.ends
        first = self._begun_tokens
        starts = [len(self._prompt.begun), *ends[first:]]
        return [
            TokenScore(start, end, log)
            for start, end, log in zip(starts, ends[first:], self.probabilities.of_tokens, strict=False)
        ]

    def speed(self) -> float:
        """Return the tokens per second, the first not counted; 0 before the second."""
        seconds = self._latest - self._first
        return (self._samples - 1) / seconds if seconds > 0 else 0.0

    def finished(self, request: int, reason: FinishReason, context_used: int, context_size: int) -> Finished:
        """Return the answer and its figures as they are now; the context is counted in cells."""
        stats = TurnStats(
            finish_reason=reason,
            prompt_tokens=len(self._prompt.cells),
            reused_tokens=self.reused,
            evaluated_tokens=self.work.evaluated,
            image_encodes=self.work.encodes,
            answer_tokens=self.tokens,
            time_to_first_token_s=self._first - self._received if self._first else 0.0,
            tokens_per_second=self.speed(),
            peak_memory_bytes=peak_memory(),
            context_used=context_used,
            context_size=context_size,
            dropped_turns=len(self._prompt.dropped_turns),
        )
        thought = self.thought
        return Finished(
            request,
            self.text.text,
            stats,
            self.token_ids,
            thought.text,
            thought.seconds,
            self.certainty,
            self._prompt.looks,
        )

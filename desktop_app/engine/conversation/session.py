"""What the engine does with a loaded model: it reads ahead, and it answers.

A prompt becomes cells (tokens and picture rows), the context evaluates those that are new, and
the sampler writes the answer. The newest words are always evaluated as a stretch of their own
(long ones as several), after whatever could have been read ahead: so a question that is asked again is evaluated in the
same way, and the same seed gives the same answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from desktop_app.chat.families import family_for
from desktop_app.engine.cache.checked_folder import CacheFolders
from desktop_app.engine.cache.embeddings import Embedding, EmbeddingStore
from desktop_app.engine.cache.fingerprints import file_identity
from desktop_app.engine.cache.throughput import ModelThroughput
from desktop_app.engine.conversation.answer_tokens import AnswerTokens
from desktop_app.engine.conversation.prompt_cells import PromptCells
from desktop_app.engine.conversation.saved_kv_cache import SavedKVCache
from desktop_app.engine.conversation.text_stream import TextBatches, TokenDecoder
from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama.kv_cache import Cell, KVCache, PictureRow, common_start
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import (
    Ask,
    Event,
    Finished,
    FinishReason,
    PartsReduced,
    Phase,
    PhaseChanged,
    PictureRead,
    PictureRef,
    ReadAhead,
    ReadAheadDone,
    Text,
    ThroughputMeasured,
    Turn,
    TurnsDropped,
    TurnStats,
    WeightsRepacked,
)
from desktop_app.engine.planning.process_memory import peak_memory
from desktop_app.engine.vision.picture_encoder import PictureEncoder
from desktop_app.engine.vision.sight import SeenPicture, Sight
from desktop_app.errors import UserError

_USUAL_PICTURE = PictureRef("", "", "", 1024, 768)


class Session:
    """One loaded model and what it has read. Lives on the engine's main thread."""

    def __init__(
        self,
        model: Model,
        interrupt: Interrupt,
        embeddings: EmbeddingStore,
        emit: Callable[[Event], None],
        folders: CacheFolders | None = None,
    ) -> None:
        """`folders`: where to find, and with `settle` to leave, what saves reading things again."""
        self.model = model
        self.unsettled = model.dual_layout.wanted
        self._adds_contexts = folders is not None and folders.adds_kv_cache
        self._interrupt = interrupt
        self._embeddings = embeddings
        self._emit = emit
        self._kv_cache = KVCache(model, interrupt)
        self.throughput = ModelThroughput()
        self._encoder = PictureEncoder(model, interrupt, embeddings, emit)
        answers: AnswerTokens | None = None
        self._saved: SavedKVCache | None = None
        if folders is not None:
            weights = file_identity(model.files.model)
            answers = AnswerTokens(folders.answers, weights)
            if model.kv is not None:
                self._saved = SavedKVCache(folders.contexts, model.kv, f"{weights}|{self._encoder.identity}")
            self.throughput = ModelThroughput(
                folders.answers, f"{weights}|{self._encoder.identity}|{model.reading_threads}"
            )
        self._encoder.throughput = self.throughput.part
        self.prompts = PromptCells(
            model.vocabulary, model.n_ctx, family_for(model.files.header.metadata), self.sight, answers
        )

    @property
    def sight(self) -> Sight:
        """Return how pictures are seen."""
        return self._encoder.sight

    @property
    def picture_tokens(self) -> int:
        """Return how many tokens a picture takes, one of usual shape where that matters; 0: it sees none."""
        if self.sight.tiling is None and self.sight.needs_size:
            return self.sight.see(_USUAL_PICTURE).rows
        return self.model.image_tokens

    def close(self) -> None:
        """Free the model."""
        self._encoder.close()
        self.model.close()

    def forget(self) -> None:
        """Empty the KV cache: after a bug nobody knows what is in it."""
        self._kv_cache.cut(0)

    def settle(self, is_ending: Callable[[], bool] = lambda: False) -> None:
        """Do what waits for idle moments. Interrupted it ends soon, and goes on the next time.

        That is to write to the disk what was not written yet, and, unless `is_ending`, to repack the weights.
        """
        check = self._interrupt.check
        self.unsettled = False
        try:
            self._embeddings.save(check)
            self.prompts.answers.save(check)
            self.throughput.save()
            if self._saved is not None and self._adds_contexts:
                self._saved.save(self._kv_cache.cells, check)
            if not is_ending() and self.model.dual_layout.make(lambda: self._interrupt.soon or is_ending()):
                self._emit(WeightsRepacked())
        except Interrupted:
            self.unsettled = True

    # ---- reading ahead ---------------------------------------------------------------------

    def read_ahead(self, command: ReadAhead) -> None:
        """Evaluate what is certain of the next prompt. Ends early, without loss, when interrupted."""
        request = command.request
        wished = self._encoder.measured((*command.turns, Turn(command.text, command.pictures)))
        turns = self.prompts.fitting(wished, command.system_prompt, command.max_tokens or self.model.n_ctx)
        self._say_left(request, wished, turns)
        self._say_reduced(request, wished, turns)
        cells = self.prompts.certain(turns, command.system_prompt)
        stretches = [len(cells)]
        if command.text:
            begun = self.prompts.begun(turns, command.system_prompt)
            stretches = self._stretches(len(cells), len(begun))
            cells = begun[: stretches[-1]]
        keep = self._kv_cache.common(cells)
        work = _Work()
        seen = self._seen(turns)
        ends = {
            index + 1: seen[cell.picture].picture.sha256
            for index, cell in enumerate(cells)
            if isinstance(cell, PictureRow) and cell.row == seen[cell.picture].rows - 1
        }
        wanted = {picture.sha256 for picture in command.pictures}

        def read(first: int, last: int) -> None:
            for end, sha256 in ends.items():
                if first < end <= last and sha256 in wanted:
                    self._emit(PictureRead(request, sha256))

        complete = True
        self.unsettled = True
        try:
            keep = self._resume(cells, keep)
            read(0, keep)
            if keep < len(cells):
                self._evaluate(request, cells, keep, seen, work, stretches, read)
        except Interrupted:
            complete = False
        self._emit(ReadAheadDone(request, complete, len(self._kv_cache), work.evaluated, work.encodes))

    # ---- answering -------------------------------------------------------------------------

    def ask(self, command: Ask, received: float) -> None:
        """Answer the last turn; `received` is when the command came (time.monotonic())."""
        if not command.turns[-1].text.strip():
            raise UserError("question-empty")
        wished = self._encoder.measured(command.turns)
        sampling, system = command.sampling, command.system_prompt
        turns = self.prompts.fitting(wished, system, sampling.max_tokens)
        dropped = len(wished) - len(turns)
        self._say_left(command.request, wished, turns)
        self._say_reduced(command.request, wished, turns)
        cells = self.prompts.asking(turns, system)
        certain = common_start(self.prompts.certain(turns, system), cells)
        stretches = self._stretches(certain, len(cells))
        keep = self._kv_cache.common(cells)
        keep = max((edge for edge in stretches if edge <= keep), default=keep)
        answer = _AnswerInProgress(received, len(cells), keep, dropped)
        self.unsettled = True
        try:
            self._interrupt.check()
            if keep < certain:
                keep = self._resume(cells[:certain], keep)
            answer.reused = keep
            self._evaluate(command.request, cells, keep, self._seen(turns), answer.work, stretches)
            reason = self._write(command, answer)
        except Interrupted:
            reason = FinishReason.STOPPED
        self.prompts.answers.remember(answer.text.text, answer.text.token_ids)
        self._emit(self._finished(command.request, reason, answer))

    def _write(self, command: Ask, answer: _AnswerInProgress) -> FinishReason:
        request = command.request
        self._emit(PhaseChanged(request, Phase.WRITING))

        def send(portion: str) -> None:
            self._emit(Text(request, portion, answer.tokens, answer.speed(), len(self._kv_cache)))

        portions = TextBatches(send)
        limit = max(1, min(command.sampling.max_tokens, self.model.n_ctx - len(self._kv_cache)))
        sampler = self.model.sampler(command.sampling)
        try:
            while True:
                token = sampler.sample()
                answer.sampled()
                if self.model.vocabulary.is_end(token) or token in self.prompts.stops:
                    return FinishReason.STOP
                answer.tokens += 1
                portions.add(answer.text.add(token, self.model.vocabulary.piece(token)))
                if answer.tokens >= limit:
                    return FinishReason.LENGTH
                self._kv_cache.append([token], _no_picture)
        finally:
            sampler.close()
            portions.flush()

    def _finished(self, request: int, reason: FinishReason, answer: _AnswerInProgress) -> Finished:
        stats = TurnStats(
            finish_reason=reason,
            prompt_tokens=answer.prompt_tokens,
            reused_tokens=answer.reused,
            evaluated_tokens=answer.work.evaluated,
            image_encodes=answer.work.encodes,
            answer_tokens=answer.tokens,
            time_to_first_token_s=answer.waited(),
            tokens_per_second=answer.speed(),
            peak_memory_bytes=peak_memory(),
            context_used=len(self._kv_cache),
            context_size=self.model.n_ctx,
            dropped_turns=answer.dropped,
        )
        return Finished(request, answer.text.text, stats, answer.text.token_ids)

    # ---- pictures --------------------------------------------------------------------------

    def _seen(self, turns: Iterable[Turn]) -> dict[str, SeenPicture]:
        """Return how the pictures are seen, as the cells name them."""
        return {(seen := self.sight.see(picture)).key: seen for turn in turns for picture in turn.pictures}

    def _say_left(self, request: int, wished: Sequence[Turn], turns: Sequence[Turn]) -> None:
        """Tell which of the wished turns are not among those that fit."""
        left: list[int] = []
        kept = list(turns)
        for index in range(len(wished) - 1, -1, -1):  # of two that are the same the older leaves first
            if kept and _is_same(kept[-1], wished[index]):
                kept.pop()
            else:
                left.insert(0, index)
        if left:
            pictures = sum(len(wished[index].pictures) for index in left)
            self._emit(TurnsDropped(request, len(left), pictures, tuple(left)))

    def _say_reduced(self, request: int, wished: Sequence[Turn], turns: Sequence[Turn]) -> None:
        """Tell if a picture is seen in fewer parts than it is worth."""
        if self.sight.tiling is None:
            return
        best = {picture.sha256: picture for turn in wished for picture in turn.pictures}
        for seen in self._seen(turns).values():
            parts = len(self.sight.see(best[seen.picture.sha256]).parts)
            if len(seen.parts) < parts:
                self._emit(PartsReduced(request, len(seen.parts), parts))
                return

    # ---- evaluating ------------------------------------------------------------------------

    def _stretches(self, certain: int, end: int) -> list[int]:
        """Return where stretches of a prompt of `end` cells begin that are always evaluated as one.

        The first is at the question, the others divide a long one: its beginning may have been read ahead.
        """
        return [certain, *range(certain + self.model.batch, end - self.model.batch // 2, self.model.batch)]

    def _resume(self, cells: list[Cell], keep: int) -> int:
        """Return how many of `cells` the context holds, after fetching what is on the disk; `keep` were there."""
        if self._saved is None:
            return keep
        return self._saved.restore(self._kv_cache, cells, keep, self._interrupt.check)

    def _evaluate(
        self,
        request: int,
        cells: list[Cell],
        keep: int,
        seen: dict[str, SeenPicture],
        work: _Work,
        stretches: Sequence[int],
        read: Callable[[int, int], None] | None = None,
    ) -> None:
        """Bring the context from its first `keep` cells to `cells`, with new batches at `stretches`.

        `read` hears from which cell to which the context has grown.
        """
        needed = dict.fromkeys(cell.picture for cell in cells[keep:] if isinstance(cell, PictureRow))
        embeddings = self._look(request, [seen[key] for key in needed], work)
        total = len(cells) - keep
        expected = self.throughput.token.expect(total)
        self._emit(PhaseChanged(request, Phase.READING, 0, total, expected))
        self._kv_cache.cut(keep)
        started = time.monotonic()
        edges = [keep, *(edge for edge in stretches if keep < edge < len(cells)), len(cells)]
        for part in (cells[first:last] for first, last in pairwise(edges)):
            start = len(self._kv_cache)
            grown = start

            def progress(done: int, start: int = start) -> None:
                nonlocal grown
                if read is not None:
                    read(grown, start + done)
                grown = start + done
                work.evaluated = grown - keep
                self._emit(PhaseChanged(request, Phase.READING, grown - keep, total, expected))
                if not self.throughput.token.expect(1):  # the first long prompt: better than nothing
                    self._emit(ThroughputMeasured(request, token_s=(time.monotonic() - started) / (grown - keep)))

            self._kv_cache.append(part, embeddings.__getitem__, progress)
        self.throughput.token.learn(total, time.monotonic() - started)
        self._emit(ThroughputMeasured(request, token_s=self.throughput.token.expect(1)))

    def _look(self, request: int, pictures: Sequence[SeenPicture], work: _Work) -> dict[str, Embedding]:
        thought = self.model.class_token
        rows, encodes = self._encoder.encode(request, pictures)
        work.encodes += encodes
        if self.model.class_token is not thought:  # the pictures were seen in another way than was thought
            self._saved = None
            return self._look(request, pictures, work)
        return rows


class _Work:
    """What was done for a request."""

    encodes = 0  # CLIP runs
    evaluated = 0  # cells of the prompt


class _AnswerInProgress:
    """The text of an answer, and its figures."""

    def __init__(self, received: float, prompt_tokens: int, reused: int, dropped: int) -> None:
        self.text = TokenDecoder()
        self.tokens = 0
        self.work = _Work()
        self.prompt_tokens = prompt_tokens
        self.reused = reused
        self.dropped = dropped
        self._received = received
        self._first = self._latest = 0.0
        self._samples = 0

    def sampled(self) -> None:
        """Note the time of a token."""
        self._latest = time.monotonic()
        self._first = self._first or self._latest
        self._samples += 1

    def waited(self) -> float:
        """Return the seconds from the command to the first token, 0 if there was none."""
        return self._first - self._received if self._first else 0.0

    def speed(self) -> float:
        """Return the tokens per second, the first not counted; 0 before the second."""
        seconds = self._latest - self._first
        return (self._samples - 1) / seconds if seconds > 0 else 0.0


def _no_picture(_key: str) -> Embedding:
    raise RuntimeError("a picture is read before it was encoded")


def _is_same(one: Turn, other: Turn) -> bool:
    """Return whether two turns say and show the same, in however many parts."""
    pictures = ([picture.sha256 for picture in turn.pictures] for turn in (one, other))
    return (one.text, one.answer) == (other.text, other.answer) and next(pictures) == next(pictures)

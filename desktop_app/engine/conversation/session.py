"""Answers questions, and reads ahead, with one loaded model.

A prompt becomes cells (tokens and picture rows), the context evaluates those that are new, and
the sampler writes the answer. The newest words are always evaluated as a stretch of their own
(long ones as several), after whatever could have been read ahead: so a question that is asked again is evaluated in the
same way, and the same seed gives the same answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from desktop_app.chat.families.signs import family_for
from desktop_app.engine.cache.checked_folder import CacheFolders
from desktop_app.engine.cache.embeddings import Embedding, EmbeddingStore
from desktop_app.engine.cache.fingerprints import files_identity
from desktop_app.engine.cache.throughput import ModelThroughput
from desktop_app.engine.conversation.answer_in_progress import AnswerInProgress, Work
from desktop_app.engine.conversation.answer_tokens import AnswerTokens
from desktop_app.engine.conversation.judging import Judging
from desktop_app.engine.conversation.looks import cheapest
from desktop_app.engine.conversation.prompt import Prompt, seen_as
from desktop_app.engine.conversation.prompt_builder import PromptBuilder
from desktop_app.engine.conversation.saved_kv_cache import SavedKVCache
from desktop_app.engine.conversation.saved_states import SavedStates
from desktop_app.engine.conversation.thought import Thought
from desktop_app.engine.conversation.writing import write_answer
from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama.kv_cache import Cell, KVCache, PictureRow, Place
from desktop_app.engine.llama.kv_state import Kind
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import (
    Ask,
    Event,
    FinishReason,
    Phase,
    PhaseChanged,
    PictureRead,
    PictureRef,
    ReadAhead,
    ReadAheadDone,
    ThroughputMeasured,
    Turn,
    WeightsRepacked,
)
from desktop_app.engine.vision.picture_encoder import PictureEncoder
from desktop_app.engine.vision.picture_processor import PictureLayout, PictureProcessor
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
        self._saved: SavedKVCache | SavedStates | None = None
        if folders is not None:
            weights = files_identity(model.files.weights)
            answers = AnswerTokens(folders.answers, weights)
            save = SavedKVCache if model.kv.kind is Kind.PLAIN else SavedStates
            self._saved = save(folders.contexts, model.kv, f"{weights}|{self._encoder.identity}")
            self.throughput = ModelThroughput(
                folders.answers, f"{weights}|{self._encoder.identity}|{model.reading_threads}"
            )
        self._encoder.throughput = self.throughput.part
        self._judging = Judging(model, self._kv_cache, self.throughput, interrupt.check)
        self.prompts = PromptBuilder(
            model.vocabulary,
            model.n_ctx,
            family_for(model.files.header.metadata),
            self.processor,
            answers,
            model.trained_context,
        )

    @property
    def processor(self) -> PictureProcessor:
        """Return how pictures are seen."""
        return self._encoder.processor

    @property
    def picture_tokens(self) -> int:
        """Return how many tokens a picture takes, one of usual shape where that matters; 0: it sees none."""
        if self.processor.tiling is None and self.processor.needs_size:
            return self.processor.layout(_USUAL_PICTURE).rows
        return self.model.image_tokens

    def close(self) -> None:
        """Free the model."""
        self._encoder.close()
        self.model.close()

    def forget(self) -> None:
        """Empty the KV cache: after a bug nobody knows what is in it."""
        self._kv_cache.cut(0)

    def forget_all(self) -> None:
        """Drop all that was read and seen, also what is not on the disk yet."""
        self._kv_cache.cut(0)
        self._judging.clear()
        self._embeddings.clear()
        self.prompts.answers.clear()
        if self._saved is not None:
            self._saved.clear()

    def settle(self, is_ending: Callable[[], bool] = lambda: False) -> None:
        """Do what waits for idle moments. Interrupted it ends soon, and goes on the next time.

        That is to write to the disk what was not written yet, and, unless `is_ending`, to judge answers and to repack
        the weights.
        """
        check = self._interrupt.check
        self.unsettled = False
        try:
            if not is_ending():
                self._judging.judge_waiting(self._emit)
            self._embeddings.save(check)
            self.prompts.answers.save(check)
            self.throughput.save()
            if self._saved is not None and self._adds_contexts:
                self._saved.save(self._kv_cache, check)
            if not is_ending() and self.model.dual_layout.make(lambda: self._interrupt.soon or is_ending()):
                self._emit(WeightsRepacked())
        except Interrupted:
            self.unsettled = True

    # ---- reading ahead ---------------------------------------------------------------------

    def read_ahead(self, command: ReadAhead) -> None:
        """Evaluate what is certain of the next prompt. Ends early, without loss, when interrupted."""
        self.model.reopen()
        request = command.request
        turns = (*command.turns, Turn(command.text, command.pictures))
        longest = command.max_tokens or self.model.n_ctx
        build = partial(self.prompts.prompt, system=command.system_prompt, max_tokens=longest, think=command.think)
        prompt = self._prompt(request, turns, lambda turns: build(turns).read_ahead_prefix(self.model.batch))
        held = self._kv_cache.begins_with(prompt.cells)  # then nothing is to be done, wherever the cache can be cut
        keep = len(prompt.cells) if held else self._kv_cache.common(prompt.cells)
        work = Work()
        wanted = {picture.sha256 for picture in command.pictures}
        ends = {end: seen_as(seen) for end, seen in prompt.picture_ends().items()}

        def read(first: int, last: int) -> None:
            for end, seen in ends.items():
                if first < end <= last and seen.sha256 in wanted:
                    self._emit(PictureRead(request, *seen))

        complete = True
        self.unsettled = True
        try:
            keep = self._resume(prompt.cells, keep)
            read(0, keep)
            if keep < len(prompt.cells):
                self._evaluate(request, prompt, keep, work, read)
        except Interrupted:
            complete = False
        self._emit(ReadAheadDone(request, complete, len(self._kv_cache), work.evaluated, work.encodes))

    # ---- answering -------------------------------------------------------------------------

    def ask(self, command: Ask, received: float) -> None:
        """Answer the last turn, or go on with its answer; `received` is when the command came (time.monotonic())."""
        if not command.turns[-1].text.strip():
            raise UserError("question-empty")
        self.model.reopen()
        request = command.request
        longest = command.sampling.max_tokens
        build = partial(self.prompts.prompt, system=command.system_prompt, max_tokens=longest, think=command.think)
        prompt = self._prompt(request, command.turns, build)
        keep = self._kv_cache.common(prompt.cells)
        reusable = max((prompt.certain, *self._places(prompt)))
        if prompt.goes_on:  # it goes on from the cells that are there; the next token needs the last one's logits
            reusable = len(prompt.cells) - 1
            keep = min(keep, reusable)
        else:
            edges = (edge for edge in self._edges(prompt) if prompt.certain <= edge <= keep)
            keep = max(edges, default=keep)
        keep = self._kv_cache.reachable(keep)
        answer = AnswerInProgress(received, prompt, keep, self._thought(command, prompt))
        self.unsettled = True
        try:
            self._interrupt.check()
            if keep < reusable:
                keep = self._resume(prompt.cells[:reusable], keep)
            answer.reused = keep
            self._evaluate(request, prompt, keep, answer.work)
            self._interrupt.check()
            reason = write_answer(self.model, self._kv_cache, self.prompts, command, answer, prompt, self._emit)
        except Interrupted:
            reason = FinishReason.STOPPED
        self.prompts.answers.remember(answer.text.text, answer.token_ids)
        self.prompts.answers.remember(answer.thought.text, answer.thought.token_ids)
        answer.certainty = self._judging.judge(request, prompt, answer, command.judge)
        self._emit(answer.finished(request, reason, len(self._kv_cache), self.model.n_ctx))

    def _thought(self, command: Ask, prompt: Prompt) -> Thought:
        """Return what the model thinks before the answer, as far as it is there."""
        return Thought(self.prompts.family.thinking, self.model.vocabulary, prompt, asked=command.think)

    # ---- evaluating ------------------------------------------------------------------------

    def _prompt(self, request: int, turns: Sequence[Turn], build: Callable[[Sequence[Turn]], Prompt]) -> Prompt:
        """Return the prompt of a request, and tell what had no place in it."""
        self._kv_cache.drop_unturned()
        prompt = cheapest(self._encoder.measured(turns), build, self._missing)
        for notice in prompt.notices(request):
            self._emit(notice)
        return prompt

    def _missing(self, prompt: Prompt) -> int:
        """Return how many cells of a prompt are neither in the context nor on the disk."""
        keep = self._kv_cache.common(prompt.cells)
        return len(prompt.cells) - (keep if self._saved is None else self._saved.reach(prompt.cells, keep))

    def _resume(self, cells: list[Cell], keep: int) -> int:
        """Return how many of `cells` the context holds, after fetching what is on the disk; `keep` were there."""
        if self._saved is None:
            return keep
        return self._saved.restore(self._kv_cache, cells, keep, self._interrupt.check)

    def _edges(self, prompt: Prompt) -> list[int]:
        """Return where evaluation always begins a new batch."""
        return sorted({*prompt.edges(self.model.batch), *self._places(prompt)})

    def _places(self, prompt: Prompt) -> dict[int, Place]:
        """Return where checkpoints are taken; with a KV cache that can be cut anywhere, none are needed."""
        return prompt.places() if self.model.kv.kind is Kind.RECURRENT else {}

    def _evaluate(
        self,
        request: int,
        prompt: Prompt,
        keep: int,
        work: Work,
        read: Callable[[int, int], None] | None = None,
    ) -> None:
        """Bring the context from its first `keep` cells to the prompt, with new batches at its edges.

        `read` hears from which cell to which the context has grown.
        """
        cells = prompt.cells
        needed = dict.fromkeys(cell.picture for cell in cells[keep:] if isinstance(cell, PictureRow))
        pictures = [prompt.pictures[key] for key in needed]
        rows, chosen = self._encoder.choose(pictures, self._look(request, pictures, work))
        total = len(cells) - keep
        expected = self.throughput.token.expect(total)
        self._emit(PhaseChanged(request, Phase.READING, 0, total, expected))
        self._kv_cache.cut(keep)
        started = time.monotonic()
        places = self._places(prompt)
        edges = [keep, *(edge for edge in self._edges(prompt) if keep < edge < len(cells)), len(cells)]
        for first, last in pairwise(edges):
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

            self._kv_cache.append(
                cells[first:last], rows.__getitem__, progress, places=chosen.get, logits=last == len(cells)
            )
            if last in places:
                self._kv_cache.take_checkpoint(places[last])
        self.throughput.token.learn(total, time.monotonic() - started)
        self._emit(ThroughputMeasured(request, token_s=self.throughput.token.expect(1)))

    def _look(self, request: int, pictures: Sequence[PictureLayout], work: Work) -> dict[str, Embedding]:
        thought = self.model.class_token
        try:
            rows, encodes = self._encoder.encode(request, pictures)
        finally:
            if not self.model.is_open:
                self._kv_cache.cut(0)
        work.encodes += encodes
        if self.model.class_token is not thought:  # the pictures were seen in another way than was thought
            self._saved = None
            return self._look(request, pictures, work)
        return rows

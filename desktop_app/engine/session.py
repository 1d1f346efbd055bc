"""What the engine does with a loaded model: it reads ahead, and it answers.

A prompt becomes cells (tokens and picture rows), the context evaluates those that are new, and
the sampler writes the answer. The newest words are always evaluated as a stretch of their own,
after whatever could have been read ahead: so a question that is asked again is evaluated in the
same way, and the same seed gives the same answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait

from desktop_app.chat.families import family_for
from desktop_app.engine.answer_tokens import AnswerTokens
from desktop_app.engine.cache_files import CacheFolders
from desktop_app.engine.context import Cell, Context, PictureRow, common_start
from desktop_app.engine.embeddings import Embedding, EmbeddingKey, EmbeddingStore
from desktop_app.engine.identity import file_identity
from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.memory import peak_memory
from desktop_app.engine.messages import (
    Ask,
    Event,
    Finished,
    FinishReason,
    Phase,
    PhaseChanged,
    PictureRead,
    PictureRef,
    ReadAhead,
    ReadAheadDone,
    Text,
    Turn,
    TurnsDropped,
    TurnStats,
)
from desktop_app.engine.model import VERSION, Model
from desktop_app.engine.pace import Pace
from desktop_app.engine.pieces import Portions, TextOfTokens
from desktop_app.engine.prompt_cells import PromptCells
from desktop_app.engine.saved_context import SavedContext
from desktop_app.errors import UserError

_LOOK_EVERY_S = 0.02  # at the interrupt, while a picture file is decoded


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
        self.unsettled = False
        self._adds_contexts = folders is not None and folders.adds_contexts
        self._interrupt = interrupt
        self._embeddings = embeddings
        self._emit = emit
        self._context = Context(model, interrupt)
        projector = model.files.projector
        self._projector = ""
        if projector is not None:
            self._projector = f"{file_identity(projector.chosen)}|{projector.last_layer.value}"
        answers: AnswerTokens | None = None
        self._saved: SavedContext | None = None
        if folders is not None:
            weights = file_identity(model.files.model)
            answers = AnswerTokens(folders.answers, weights)
            if model.kv is not None:
                self._saved = SavedContext(folders.contexts, model.kv, f"{weights}|{self._seeing}")
        self.prompts = PromptCells(model, family_for(model.files.header.metadata), answers)
        self._encode_pace, self._read_pace = Pace(), Pace()
        self._decoder = ThreadPoolExecutor(1, "picture")

    def close(self) -> None:
        """Free the model."""
        self._decoder.shutdown(wait=False, cancel_futures=True)
        self.model.close()

    def forget(self) -> None:
        """Empty the KV cache: after a bug nobody knows what is in it."""
        self._context.cut(0)

    def settle(self) -> None:
        """Write to the disk what was not written yet. Interrupted it ends soon, and goes on the next time."""
        check = self._interrupt.check
        self.unsettled = False
        try:
            self._embeddings.save(check)
            self.prompts.answers.save(check)
            if self._saved is not None and self._adds_contexts:
                self._saved.save(self._context.cells, check)
        except Interrupted:
            self.unsettled = True

    # ---- reading ahead ---------------------------------------------------------------------

    def read_ahead(self, command: ReadAhead) -> None:
        """Evaluate what is certain of the next prompt. Ends early, without loss, when interrupted."""
        request = command.request
        draft = Turn("", command.pictures)
        self._check_pictures((*command.turns, draft))
        turns = self.prompts.fitting((*command.turns, draft), command.system_prompt, self.model.n_ctx)
        cells = self.prompts.certain(turns, command.system_prompt)
        keep = self._context.common(cells)
        work = _Work()
        ends = {
            index + 1: cell.sha256
            for index, cell in enumerate(cells)
            if isinstance(cell, PictureRow) and cell.row == self.model.image_tokens - 1
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
                self._evaluate(request, cells, keep, _pictures_of(turns), work, read)
        except Interrupted:
            complete = False
        self._emit(ReadAheadDone(request, complete, len(self._context), work.evaluated, work.encodes))

    # ---- answering -------------------------------------------------------------------------

    def ask(self, command: Ask, received: float) -> None:
        """Answer the last turn; `received` is when the command came (time.monotonic())."""
        if not command.turns[-1].text.strip():
            raise UserError("question-empty")
        self._check_pictures(command.turns)
        sampling, system = command.sampling, command.system_prompt
        turns = self.prompts.fitting(command.turns, system, sampling.max_tokens)
        dropped = len(command.turns) - len(turns)
        if dropped:
            self._emit(TurnsDropped(command.request, dropped, _count_pictures(command.turns) - _count_pictures(turns)))
        cells = self.prompts.asking(turns, system)
        certain = common_start(self.prompts.certain(turns, system), cells)
        keep = min(self._context.common(cells), certain)
        answer = _AnswerInProgress(received, len(cells), keep, dropped)
        self.unsettled = True
        try:
            self._interrupt.check()
            answer.reused = keep = self._resume(cells[:certain], keep)
            self._evaluate(command.request, cells, keep, _pictures_of(turns), answer.work, None, certain)
            reason = self._write(command, answer)
        except Interrupted:
            reason = FinishReason.STOPPED
        self.prompts.answers.remember(answer.text.text, answer.text.token_ids)
        self._emit(self._finished(command.request, reason, answer))

    def _write(self, command: Ask, answer: _AnswerInProgress) -> FinishReason:
        request = command.request
        self._emit(PhaseChanged(request, Phase.WRITING))

        def send(portion: str) -> None:
            self._emit(Text(request, portion, answer.tokens, answer.speed(), len(self._context)))

        portions = Portions(send)
        limit = max(1, min(command.sampling.max_tokens, self.model.n_ctx - len(self._context)))
        sampler = self.model.sampler(command.sampling)
        try:
            while True:
                token = sampler.sample()
                answer.sampled()
                if self.model.is_end(token) or token in self.prompts.stops:
                    return FinishReason.STOP
                answer.tokens += 1
                portions.add(answer.text.add(token, self.model.piece(token)))
                if answer.tokens >= limit:
                    return FinishReason.LENGTH
                self._context.append([token], self._embedding)
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
            context_used=len(self._context),
            context_size=self.model.n_ctx,
            dropped_turns=answer.dropped,
        )
        return Finished(request, answer.text.text, stats, answer.text.token_ids)

    def _check_pictures(self, turns: Iterable[Turn]) -> None:
        if not self.model.image_tokens and any(turn.pictures for turn in turns):
            raise UserError("projector-needed", model=self.model.files.model.name)

    # ---- evaluating ------------------------------------------------------------------------

    def _resume(self, cells: list[Cell], keep: int) -> int:
        """Return how many of `cells` the context holds, after fetching what is on the disk; `keep` were there."""
        if self._saved is None:
            return keep
        return self._saved.restore(self._context, cells, keep, self._interrupt.check)

    def _evaluate(
        self,
        request: int,
        cells: list[Cell],
        keep: int,
        pictures: dict[str, PictureRef],
        work: _Work,
        read: Callable[[int, int], None] | None = None,
        stretch: int | None = None,
    ) -> None:
        """Bring the context from its first `keep` cells to `cells`, with a new batch at `stretch`.

        `read` hears from which cell to which the context has grown.
        """
        needed = dict.fromkeys(cell.sha256 for cell in cells[keep:] if isinstance(cell, PictureRow))
        self._look(request, [pictures[sha256] for sha256 in needed], work)
        total = len(cells) - keep
        expected = self._read_pace.expect(total)
        self._emit(PhaseChanged(request, Phase.READING, 0, total, expected))
        self._context.cut(keep)
        started = time.monotonic()
        middle = max(keep, stretch) if stretch is not None else len(cells)
        for part in (cells[keep:middle], cells[middle:]):
            start = len(self._context)
            grown = start

            def progress(done: int, start: int = start) -> None:
                nonlocal grown
                if read is not None:
                    read(grown, start + done)
                grown = start + done
                work.evaluated = grown - keep
                self._emit(PhaseChanged(request, Phase.READING, grown - keep, total, expected))

            self._context.append(part, self._embedding, progress)
        self._read_pace.learn(total, time.monotonic() - started)

    def _look(self, request: int, pictures: list[PictureRef], work: _Work) -> None:
        """Encode those of `pictures` that are not known yet."""
        thought = self.model.class_token
        new = [picture for picture in pictures if self._embeddings.get(self._key(picture.sha256)) is None]
        for index, picture in enumerate(new):
            expected = self._encode_pace.expect(len(new) - index)
            self._emit(PhaseChanged(request, Phase.LOOKING, index, len(new), expected, picture.sha256))
            rgb = self._pixels(picture)
            self._interrupt.check()
            started = time.monotonic()
            embedding = self.model.encode(rgb)
            self._encode_pace.learn(1, time.monotonic() - started)
            work.encodes += 1
            self._embeddings.put(self._key(picture.sha256), embedding)
        if self.model.class_token is not thought:  # the pictures were seen in another way than was thought
            self._saved = None
            self._look(request, pictures, work)

    def _pixels(self, picture: PictureRef) -> bytes:
        """Decode a picture file beside the main thread, so that a large one can be given up."""
        projector = self.model.files.projector
        if projector is None:
            raise RuntimeError("no projector is loaded")
        decoding = self._decoder.submit(_square, picture, projector.side, projector.fill)
        while not decoding.done():
            wait([decoding], _LOOK_EVERY_S)
            if self._interrupt.now:
                raise Interrupted
        return decoding.result()

    def _key(self, sha256: str) -> EmbeddingKey:
        return EmbeddingKey(sha256, self._seeing)

    @property
    def _seeing(self) -> str:
        """Return everything but the picture on which an embedding depends."""
        return f"{self._projector}|{self.model.class_token.value}|{VERSION}"

    def _embedding(self, sha256: str) -> Embedding:
        embedding = self._embeddings.get(self._key(sha256))
        if embedding is None:
            raise RuntimeError("a picture is read before it was encoded")
        return embedding


class _Work:
    """What was done for a request."""

    encodes = 0  # CLIP runs
    evaluated = 0  # cells of the prompt


class _AnswerInProgress:
    """The text of an answer, and its figures."""

    def __init__(self, received: float, prompt_tokens: int, reused: int, dropped: int) -> None:
        self.text = TextOfTokens()
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


def _square(picture: PictureRef, side: int, fill: tuple[int, int, int]) -> bytes:
    # Pillow is imported when the first picture comes, not when the engine starts.
    from desktop_app.images.preprocess import fit_square
    from desktop_app.images.reading import open_picture

    return fit_square(open_picture(picture.path, picture.name), side, fill).tobytes()


def _count_pictures(turns: Iterable[Turn]) -> int:
    return sum(len(turn.pictures) for turn in turns)


def _pictures_of(turns: Iterable[Turn]) -> dict[str, PictureRef]:
    return {picture.sha256: picture for turn in turns for picture in turn.pictures}

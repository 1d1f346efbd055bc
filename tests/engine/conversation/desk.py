"""An engine without a process of its own, so that a test can look into it, and let it end at any point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop_app.engine.cache.checked_folder import cache_folders
from desktop_app.engine.cache.embeddings import Embedding, EmbeddingStore
from desktop_app.engine.conversation.session import Session
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.kv_cache import Block, Places
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import (
    Ask,
    EngineSettings,
    Event,
    Finished,
    LoadPlan,
    ReadAhead,
    ReadAheadDone,
    Sampling,
    Turn,
    TurnStats,
)
from desktop_app.engine.weights.model_files import check_files

SYSTEM = "You answer with the names of colours and of nothing else, whatever you are asked about."
Logits = npt.NDArray[np.float32]
_WRITTEN: dict[str, tuple[int, ...]] = {}  # answers and their tokens, which no tokeniser would give again


def nearly(found: Logits, expected: Logits) -> bool:
    """Return whether logits are the same but for how the tokens before were divided into batches."""
    return bool(np.corrcoef(found, expected)[0, 1] > 0.9999 and found.argmax() == expected.argmax())


class Desk:
    """One engine, without a process of its own."""

    def __init__(
        self, model: Path, plan: LoadPlan, folder: Path | None = None, megabytes: int = 20, eyes: Path | None = None
    ) -> None:
        """`folder`: of what is saved; `eyes`: the projector."""
        self.interrupt = Interrupt()
        self.heard: list[Event] = []
        self.model = Model(check_files(model, eyes), EngineSettings(threads=1), self.interrupt, plan)
        self.saves = folder is not None
        folders = cache_folders(str(folder), megabytes) if folder is not None else None
        self.session = Session(self.model, self.interrupt, EmbeddingStore(), self.heard.append, folders)
        self.evaluated: list[int] = []  # cells of each batch, of the last request
        self.before_batch: Callable[[int], None] = lambda _number: None
        read, read_block = self.model.read_tokens, self.model.read_block

        def watched(tokens: Sequence[int], position: int, *, logits: bool) -> None:
            self._note(len(tokens))
            read(tokens, position, logits=logits)

        def watched_block(
            rows: Embedding, position: int, block: Block, places: Places | None = None, *, logits: bool
        ) -> None:
            self._note(len(rows))
            read_block(rows, position, block, places, logits=logits)

        self.model.read_tokens = watched  # type: ignore[method-assign]
        self.model.read_block = watched_block  # type: ignore[method-assign]

    @property
    def closing(self) -> int:
        """Return how many tokens stand before an answer only while it is written, but at least one."""
        return 6 if self.session.prompts.family.without_thinking else 1

    def ask(self, *turns: Turn, tokens: int = 12) -> Finished:
        """Ask the last of `turns` for so many tokens, the likeliest."""
        self._know(turns)
        self.interrupt.clear()
        self.evaluated.clear()
        sampling = Sampling(temperature=0, max_tokens=tokens)
        self.session.ask(Ask(1, turns, sampling, SYSTEM), 0.0)
        finished = self.heard[-1]
        assert isinstance(finished, Finished)
        _WRITTEN[finished.text] = finished.token_ids
        return finished

    def _note(self, cells: int) -> None:
        self.before_batch(len(self.evaluated))
        self.evaluated.append(cells)

    def _know(self, turns: Sequence[Turn]) -> None:
        """Know the tokens of answers that another engine wrote; one with a folder finds them there."""
        for turn in turns if not self.saves else ():
            self.session.prompts.answers.remember(turn.answer or "", _WRITTEN.get(turn.answer or "", ()))

    def begun(self, *turns: Turn) -> Finished:
        """Ask, and let the answer be cut after some tokens, where no character is in two parts if that can be."""
        for tokens in range(5, 20):
            part = self.ask(*turns, tokens=tokens)
            if len(part.token_ids) == part.stats.answer_tokens:
                break
        return part

    def settled(self, *turns: Turn) -> int:
        """Wait for the next question, and return how many cells are in the cache then.

        Qwen3.5's answers are read again: a thinking block stands before an answer only while it is written.
        """
        done = self.read_ahead(*turns)
        assert done.evaluated_tokens < 12 + len(_WRITTEN[turns[-1].answer or ""])
        return done.context_used

    def answered(self, *turns: Turn) -> tuple[Turn, ...]:
        """Ask, and return the turns with the answer."""
        return (*turns[:-1], turns[-1]._replace(answer=self.begun(*turns).text))

    def logits(self, *turns: Turn) -> tuple[Logits, TurnStats]:
        """Return the logits with which the answer to the last turn begins or goes on, and what that took."""
        stats = self.ask(*turns, tokens=1).stats
        return self.model.logits(), stats

    def read_ahead(self, *turns: Turn, text: str = "") -> ReadAheadDone:
        """Read what is certain after answered `turns`, while `text` is being written."""
        self._know(turns)
        self.interrupt.clear()
        self.session.read_ahead(ReadAhead(2, turns, (), SYSTEM, text=text))
        done = self.heard[-1]
        assert isinstance(done, ReadAheadDone)
        return done

    def end(self) -> None:
        """Do what is done in idle moments, and end."""
        self.interrupt.clear()
        self.session.settle()
        self.session.close()

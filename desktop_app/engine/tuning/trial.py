"""Loads a model in one mode and measures its speed in short runs. It runs in a separate process, which may crash.

The layers of a model are alike, so for reading only the first ones are computed, the same in all runs. The KV cache is
filled by copying a few cells again and again, because the speed does not depend on its content.
"""

from __future__ import annotations

import time
from dataclasses import replace

from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama.kv_state import Kind
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, LoadPlan
from desktop_app.engine.weights.model_files import ModelFiles

_FIRST = 16  # tokens that are evaluated, and then copied until the KV cache is filled
_ENOUGH_S = 0.35  # how long a run with a default batch should take to be comparable


class Trial:
    """A language model without its projector, loaded for a measurement."""

    def __init__(self, files: ModelFiles, plan: LoadPlan) -> None:
        """Load as `plan` says. Raises `UserError` as `Model` does."""
        self._model = Model(replace(files, projector=None), EngineSettings(), Interrupt(), plan)
        self._nodes = _NodeCounter()
        self._model.ask_after_nodes(self._nodes.count)
        self._token = max(0, self._model.vocabulary.special("eos") or 0)  # below 0: there is no vocabulary
        self._filled = 0
        self._cells = b""  # the state of the first few tokens
        self._all_nodes = self._load_weights()

    def close(self) -> None:
        """Free the model."""
        self._model.close()

    @property
    def can_fill_cache(self) -> bool:
        """Return whether the KV cache can be filled by copying."""
        return self._model.kv.kind is Kind.PLAIN

    @property
    def nodes_computed(self) -> int:
        """Return how many nodes of its graph the last evaluation has computed."""
        return self._nodes.seen

    def find_share(self, tokens: int, threads: int) -> float:
        """Return the share of the layers that is enough for a comparison: 1/8, 1/4, 1/2 or 1."""
        share = 0.125
        seconds, _ = self.time_reading(threads, tokens, 0, share)
        while share < 1 and seconds < _ENOUGH_S:
            share, seconds = share * 2, seconds * 2
        return share

    def time_reading(self, threads: int, tokens: int, depth: int, share: float) -> tuple[float, float]:
        """Process a batch of `tokens` tokens after `depth` others, with the first `share` of the layers.

        Returns the seconds for the batch, and for the longest step, which cannot be interrupted.
        """
        position = self._fill(depth)
        self._model.use_threads(threads, threads)
        self._nodes.begin(round(self._all_nodes * share) if share < 1 else 0)
        started = time.perf_counter()
        try:
            self._model.read_tokens([self._token] * tokens, position, logits=True)
        except Interrupted:
            return self._nodes.reached - started, self._nodes.longest
        seconds = time.perf_counter() - started
        self._model.forget_from(position)
        return seconds, self._nodes.longest

    def time_writing(self, threads: int, tokens: int, depth: int) -> float:
        """Return the seconds to generate a token after `depth` others: the least of `tokens` tries."""
        position = self._fill(depth)
        self._model.use_threads(threads, threads)
        self._nodes.begin(0)
        seconds = []
        for number in range(tokens):
            started = time.perf_counter()
            self._model.read_tokens([self._token], position + number, logits=True)
            seconds.append(time.perf_counter() - started)
        self._model.forget_from(position)
        return min(seconds)

    def _load_weights(self) -> int:
        """Evaluate one token, so that all weights are in memory; return the number of nodes of the graph."""
        self._nodes.begin(0)
        self._model.read_tokens([self._token], 0, logits=True)
        self._model.forget_from(0)
        return self._nodes.seen

    def _fill(self, depth: int) -> int:
        """Fill the KV cache with `depth` tokens, a multiple of 16; return the position of the next one."""
        if depth == self._filled:
            return _FIRST if depth else 0
        self._model.forget_from(0)
        self._filled = 0
        kv = self._model.kv
        if not depth or kv.kind is not Kind.PLAIN:
            return 0
        if not self._cells:
            self._nodes.begin(0)
            self._model.read_tokens([self._token] * _FIRST, 0, logits=False)
            self._cells = bytes(kv.copy_out(0, _FIRST))
            self._model.forget_from(0)
        for _ in range(depth // _FIRST):
            if not kv.copy_in(self._cells, 0, _FIRST):  # more cells with the same positions
                raise RuntimeError("the KV cache cannot be filled")
        self._filled = depth
        return _FIRST


class _NodeCounter:
    """Counts the nodes of a graph as they are computed, and can stop after a given number."""

    def __init__(self) -> None:
        self.seen = 0
        self.longest = 0.0  # seconds from one to the next
        self.reached = 0.0  # when the last one was computed
        self._stop_at = 0

    def begin(self, stop_at: int) -> None:
        """Start counting from 0. Stop after `stop_at` nodes; 0: do not stop."""
        self.seen = 0
        self.longest = 0.0
        self.reached = time.perf_counter()
        self._stop_at = stop_at

    def count(self) -> bool:
        """Count a node that was computed; return whether to stop."""
        if self._stop_at and self.seen >= self._stop_at:
            return True
        now = time.perf_counter()
        self.longest = max(self.longest, now - self.reached)
        self.reached = now
        self.seen += 1
        return self.seen == self._stop_at

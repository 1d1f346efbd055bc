"""One way of loading a model, measured in short stretches. Runs in a process of its own: it may die of it.

A graph consists of many layers alike, so of reading only the first of them are computed: what is
compared is the same layers every time. The KV cache is filled by copying a few cells again and
again, since speed does not depend on what is in it.
"""

from __future__ import annotations

import time
from dataclasses import replace

from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, LoadPlan
from desktop_app.engine.weights.model_files import ModelFiles

_FIRST = 16  # tokens that are evaluated, and then copied until the cache is as full as wanted
_ENOUGH_S = 0.35  # that reading a batch of the usual size should take, to be compared


class Trial:
    """A language model without its projector, loaded to be measured."""

    def __init__(self, files: ModelFiles, plan: LoadPlan) -> None:
        """Load as `plan` says. Raises `UserError` as `Model` does."""
        self._model = Model(replace(files, projector=None), EngineSettings(), Interrupt(), plan)
        self._nodes = _Nodes()
        self._model.ask_after_nodes(self._nodes.computed)
        self._token = self._model.vocabulary.special("eos") or 0
        self._filled = 0
        self._cells = b""  # the state of the first few tokens
        self._all = self._touch()

    def close(self) -> None:
        """Free the model."""
        self._model.close()

    @property
    def fills(self) -> bool:
        """Return whether the KV cache can be filled without evaluating."""
        return self._model.kv is not None

    @property
    def nodes_computed(self) -> int:
        """Return how many nodes of its graph the last evaluation has computed."""
        return self._nodes.seen

    def share(self, tokens: int, threads: int) -> float:
        """Return what share of the layers is enough to compare, 1/8, 1/4, 1/2 or 1."""
        share = 0.125
        seconds, _ = self.reading(threads, tokens, 0, share)
        while share < 1 and seconds < _ENOUGH_S:
            share, seconds = share * 2, seconds * 2
        return share

    def reading(self, threads: int, tokens: int, depth: int, share: float) -> tuple[float, float]:
        """Read `tokens` in one go after `depth` others, with the first `share` of the layers.

        Returns the seconds it took, and those of the longest step, in the middle of which nothing can be stopped.
        """
        position = self._fill(depth)
        self._model.use_threads(threads, threads)
        self._nodes.begin(round(self._all * share) if share < 1 else 0)
        started = time.perf_counter()
        try:
            self._model.read_tokens([self._token] * tokens, position, logits=True)
        except Interrupted:
            return self._nodes.reached - started, self._nodes.longest
        seconds = time.perf_counter() - started
        self._model.forget_from(position)
        return seconds, self._nodes.longest

    def writing(self, threads: int, tokens: int, depth: int) -> float:
        """Return the seconds that a token takes to be written after `depth` others: the least of `tokens`."""
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

    def _touch(self) -> int:
        """Let all weights come into memory; return how many nodes the graph has."""
        self._nodes.begin(0)
        self._model.read_tokens([self._token], 0, logits=True)
        self._model.forget_from(0)
        return self._nodes.seen

    def _fill(self, depth: int) -> int:
        """Fill the cache with `depth` tokens, a multiple of 16; return the position of the next one."""
        if depth == self._filled:
            return _FIRST if depth else 0
        self._model.forget_from(0)
        self._filled = 0
        kv = self._model.kv
        if not depth or kv is None:
            return 0
        if not self._cells:
            self._nodes.begin(0)
            self._model.read_tokens([self._token] * _FIRST, 0, logits=False)
            self._cells = bytes(kv.copy_out(0, _FIRST))
            self._model.forget_from(0)
        for _ in range(depth // _FIRST):
            if not kv.copy_in(self._cells, 0, _FIRST):  # further cells, of the same positions
                raise RuntimeError("the KV cache cannot be filled")
        self._filled = depth
        return _FIRST


class _Nodes:
    """Counts the nodes of a graph as they are computed, and stops after so many."""

    def __init__(self) -> None:
        self.seen = 0
        self.longest = 0.0  # seconds from one to the next
        self.reached = 0.0  # when the last one was computed
        self._stop_at = 0

    def begin(self, stop_at: int) -> None:
        """Count from the beginning; 0: do not stop."""
        self.seen = 0
        self.longest = 0.0
        self.reached = time.perf_counter()
        self._stop_at = stop_at

    def computed(self) -> bool:
        """Asked after each node: is it enough?"""
        if self._stop_at and self.seen >= self._stop_at:
            return True
        now = time.perf_counter()
        self.longest = max(self.longest, now - self.reached)
        self.reached = now
        self.seen += 1
        return self.seen == self._stop_at

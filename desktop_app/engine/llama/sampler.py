"""Chooses the next token from the logits of the model."""

from __future__ import annotations

import os
from collections.abc import Sequence

from desktop_app.engine.llama.bindings import ContextPointer, SamplerPointer, llama
from desktop_app.engine.messages import Sampling

_PENALTY_WINDOW = 64  # tokens


class Sampler:
    """Chooses the tokens of one answer. The same seed and logits give the same tokens."""

    def __init__(
        self, context: ContextPointer, n_vocabulary: int, sampling: Sampling, written: Sequence[int] = ()
    ) -> None:
        """`written`: the tokens of the answer so far, which are not to be repeated either."""
        self._context = context
        self._chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        seed = int.from_bytes(os.urandom(4), "little") if sampling.seed is None else sampling.seed & 0xFFFFFFFF
        if sampling.repeat_penalty != 1.0:
            self._add(
                llama.llama_sampler_init_penalties(n_vocabulary, _PENALTY_WINDOW, sampling.repeat_penalty, 0.0, 0.0)
            )
            for token in written[-_PENALTY_WINDOW:]:
                llama.llama_sampler_accept(self._chain, token)
        if sampling.temperature <= 0:
            self._add(llama.llama_sampler_init_greedy())
            return
        self._add(llama.llama_sampler_init_top_k(sampling.top_k))
        self._add(llama.llama_sampler_init_top_p(sampling.top_p, 1))
        self._add(llama.llama_sampler_init_min_p(sampling.min_p, 1))
        self._add(llama.llama_sampler_init_temp(sampling.temperature))
        self._add(llama.llama_sampler_init_dist(seed))

    def sample(self) -> int:
        """Return the next token, chosen from the logits of the last evaluation."""
        return llama.llama_sampler_sample(self._chain, self._context, -1)

    def close(self) -> None:
        """Free the chain; once."""
        llama.llama_sampler_free(self._chain)

    def _add(self, step: SamplerPointer) -> None:
        llama.llama_sampler_chain_add(self._chain, step)

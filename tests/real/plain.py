"""Plain llama.cpp, as its own documentation uses it: tokenise, evaluate, take the most likely token."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

_llama: Any = llama_cpp


class PlainModel:
    """A model with a context; the KV cache is emptied before every answer."""

    def __init__(self, model: Any, context: Any) -> None:
        self._context = context
        self._vocabulary = _llama.llama_model_get_vocab(model)
        self._size = _llama.llama_vocab_n_tokens(self._vocabulary)

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of text in which special tokens are spelled."""
        raw = text.encode()
        tokens = (ctypes.c_int32 * (len(raw) + 8))()
        count = _llama.llama_tokenize(self._vocabulary, raw, len(raw), tokens, len(tokens), False, True)
        return list(tokens[:count])

    def answer(self, prompt: list[int], most: int) -> tuple[int, ...]:
        """Return the tokens of a greedy answer, without its end."""
        _llama.llama_memory_clear(_llama.llama_get_memory(self._context), True)
        written: list[int] = []
        self._evaluate(prompt)
        while len(written) < most:
            logits = _llama.llama_get_logits_ith(self._context, -1)
            token = int(np.ctypeslib.as_array(logits, (self._size,)).argmax())
            if _llama.llama_vocab_is_eog(self._vocabulary, token):
                break
            written.append(token)
            self._evaluate([token])
        return tuple(written)

    def lead(self, prompt: list[int], token: int) -> float:
        """Return by how much the logit of the most likely next token is larger than that of `token`."""
        self.answer(prompt, 0)
        logits = np.ctypeslib.as_array(_llama.llama_get_logits_ith(self._context, -1), (self._size,))
        return float(logits.max() - logits[token])

    def _evaluate(self, tokens: list[int]) -> None:
        array = (ctypes.c_int32 * len(tokens))(*tokens)
        assert _llama.llama_decode(self._context, _llama.llama_batch_get_one(array, len(tokens))) == 0


@contextmanager
def plain_model(path: Path, n_ctx: int) -> Iterator[PlainModel]:
    """Load a model as the engine does: f16, no flash attention, weights as in the file."""
    parameters = _llama.llama_model_default_params()
    parameters.use_extra_bufts = False
    model = _llama.llama_model_load_from_file(str(path).encode(), parameters)
    settings = _llama.llama_context_default_params()
    settings.n_ctx = settings.n_batch = n_ctx
    settings.n_ubatch = 256
    settings.n_threads = settings.n_threads_batch = 1
    settings.flash_attn_type = _llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
    context = _llama.llama_init_from_model(model, settings)
    try:
        yield PlainModel(model, context)
    finally:
        _llama.llama_free(context)
        _llama.llama_model_free(model)

"""Converts text to tokens, and tokens to text."""

from __future__ import annotations

import ctypes
from typing import Any

from desktop_app.engine.llama.bindings import KVOverride, VocabularyPointer, llama
from desktop_app.engine.weights.model_files import PRE_TOKENIZER


class Vocabulary:
    """The vocabulary of a loaded model; not to be used after the model was freed."""

    def __init__(self, pointer: VocabularyPointer) -> None:
        self._pointer = pointer
        self.size = llama.llama_vocab_n_tokens(pointer)  # how many tokens there are

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of plain text; names of special tokens in it are plain text too."""
        raw = text.encode(errors="replace")  # pasted text can contain half a surrogate pair
        room = len(raw) + 8
        tokens = (ctypes.c_int32 * room)()
        count = llama.llama_tokenize(self._pointer, raw, len(raw), tokens, room, False, False)
        if count < 0:  # more tokens than expected: the result is their negative number
            tokens = (ctypes.c_int32 * -count)()
            count = llama.llama_tokenize(self._pointer, raw, len(raw), tokens, -count, False, False)
        return list(tokens[:count])

    def special(self, name: str) -> int | None:
        """Return the id of a special token: its text, "eos", or "bos"; None if the vocabulary uses no "bos"."""
        if name == "bos":
            wanted = llama.llama_vocab_get_add_bos(self._pointer)
            return llama.llama_vocab_bos(self._pointer) if wanted else None
        if name == "eos":
            return llama.llama_vocab_eos(self._pointer)
        raw = name.encode()
        tokens = (ctypes.c_int32 * (len(raw) + 8))()
        count = llama.llama_tokenize(self._pointer, raw, len(raw), tokens, len(tokens), False, True)
        if count != 1:
            raise RuntimeError(f"the vocabulary has no token {name!r}")
        return tokens[0]

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token: UTF-8, perhaps only a part of a character."""
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            size = llama.llama_token_to_piece(self._pointer, token, buffer, room, 0, False)
            if size >= 0:
                return buffer.raw[:size]
            room = -size

    def is_end(self, token: int) -> bool:
        """Return whether this token ends an answer."""
        return llama.llama_vocab_is_eog(self._pointer, token)


def pre_tokenizer_override(name: str) -> Any:
    """Return an array in C that has llama.cpp use this pre-tokeniser, whatever the file says; "": as the file says.

    It must be kept until the model is loaded.
    """
    overrides = (KVOverride * 2)()  # the last has no key
    if name:
        overrides[0].tag = llama.LLAMA_KV_OVERRIDE_TYPE_STR
        overrides[0].key = PRE_TOKENIZER.encode()
        overrides[0].value.val_str = name.encode()
    return overrides

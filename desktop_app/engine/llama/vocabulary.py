"""Converts text to tokens, and tokens to text."""

from __future__ import annotations

import ctypes
import re
from typing import Any

from desktop_app.engine.llama.bindings import KVOverride, VocabularyPointer, llama
from desktop_app.engine.weights.model_files import PRE_TOKENIZER

_SPECIAL = llama.LLAMA_TOKEN_ATTR_CONTROL | llama.LLAMA_TOKEN_ATTR_UNKNOWN | llama.LLAMA_TOKEN_ATTR_UNUSED
# A file marks two kinds of tokens as user-defined: special ones, and words that its model reads in any text. Those
# are runs of spaces or line breaks, and the markup of texts from the web.
_TAG = re.compile(
    r"<(?!/?(?:table|caption|thead|tbody|tfoot|tr|th|td|h[1-6]|blockquote|strong|em|b|i|u|sub|sup|code)>)[^<>\s]+>"
    r"|\[/?[A-Z_]+\]"
)


class Vocabulary:
    """The vocabulary of a loaded model; not to be used after the model was freed."""

    def __init__(self, pointer: VocabularyPointer) -> None:
        self._pointer = pointer
        self.size = llama.llama_vocab_n_tokens(pointer)  # how many tokens there are
        self._names: dict[int, str] = {}  # of the tokens asked for so far

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
        if count == 1:
            return tokens[0]
        for token in range(self.size):  # the file marks it as an ordinary word
            if llama.llama_vocab_get_text(self._pointer, token) == raw:
                return token
        raise RuntimeError(f"the vocabulary has no token {name!r}")

    def special_name(self, token: int) -> str:
        """Return the text of a special token, "" if it is an ordinary one."""
        if token not in self._names:
            attributes = llama.llama_vocab_get_attr(self._pointer, token)
            text = llama.llama_vocab_get_text(self._pointer, token).decode(errors="replace")
            defined = attributes & llama.LLAMA_TOKEN_ATTR_USER_DEFINED and _TAG.fullmatch(text)
            self._names[token] = text if defined or attributes & _SPECIAL else ""
        return self._names[token]

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

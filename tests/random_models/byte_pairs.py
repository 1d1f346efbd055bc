"""A vocabulary of byte pairs for random models: special tokens, all bytes in GPT-2's spelling, and a few merges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MERGES = ("h e", "t he", "i n", "a n")
_CONTROL, _NORMAL, _USER_DEFINED = 3, 1, 4
_WORDS = ("<think>", "</think>", "<|channel>", "<channel|>")  # that are written in answers, although each is one token


def add_byte_pairs(
    writer: Any, specials: Sequence[str], *, pre: str, bos: str | None, eos: str, pad: str, add_bos: bool = False
) -> int:
    """Add the vocabulary, whose first tokens are `specials`, to a GGUF; return how many tokens it has."""
    spelt = [chr(byte) for byte in (*range(33, 127), *range(161, 173), *range(174, 256))]
    spelt += [chr(256 + number) for number in range(256 - len(spelt))]
    pieces = [*specials, *spelt, *(merge.replace(" ", "") for merge in MERGES)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(pieces)
    kinds = [_USER_DEFINED if special in _WORDS else _CONTROL for special in specials]
    writer.add_token_types(kinds + [_NORMAL] * (len(pieces) - len(specials)))
    writer.add_token_merges(list(MERGES))
    if bos is not None:
        writer.add_bos_token_id(pieces.index(bos))
    writer.add_eos_token_id(pieces.index(eos))
    writer.add_pad_token_id(pieces.index(pad))
    writer.add_add_bos_token(add_bos)
    return len(pieces)

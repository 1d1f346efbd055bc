"""A SentencePiece vocabulary for random models, whose text is tokenised into the same tokens again."""

from __future__ import annotations

import itertools
import string

import gguf

#: The tokens that the models' heads may choose: all words of three small letters.
FIRST_WORD, WORDS = 259, 26**3


def vocabulary(size: int) -> tuple[list[bytes], list[float], list[int]]:
    """Return (pieces, scores, types) of a SentencePiece vocabulary with all words of three small letters.

    The shorter the piece, the better its score: so a word is put together from its start, letter by letter,
    and always ends as the one token that it is.
    """
    kind = gguf.TokenType
    entries: dict[str, tuple[float, int]] = {
        "<unk>": (0.0, kind.UNKNOWN),
        "<s>": (0.0, kind.CONTROL),
        "</s>": (0.0, kind.CONTROL),
    }
    entries |= {f"<0x{byte:02X}>": (0.0, kind.BYTE) for byte in range(256)}
    letters = string.ascii_lowercase

    def add(piece: str, score: float) -> None:
        entries.setdefault(piece, (score, kind.NORMAL))

    for three in itertools.product(letters, repeat=3):
        add("▁" + "".join(three), -3)
    for letter in string.ascii_letters:
        add("▁" + letter, -1)
    for two in itertools.product(letters, repeat=2):
        add("▁" + "".join(two), -2)
    for role in ("USER", "ASSISTANT"):  # few tokens, as in a trained vocabulary
        for end in range(2, len(role) + 1):
            add("▁" + role[:end], -4)
            add(role[:end], -50 + end)
    for code in range(33, 127):
        add(chr(code), -1000)
    add("▁", -1000)
    for length in (2, 3):
        for inner in itertools.product(letters, repeat=length):
            if len(entries) >= size:
                break
            add("".join(inner), -100 * (length - 1))
    for number in range(size - len(entries)):
        entries[f"[unused {number}]"] = (-1e6, kind.UNUSED)
    pieces = [piece.encode() for piece in entries]
    return pieces, [float(score) for score, _ in entries.values()], [int(kind) for _, kind in entries.values()]


def word_tokens(count: int) -> list[int]:
    """Return `count` tokens that the head may choose, in no order."""
    return [FIRST_WORD + number * 7919 % WORDS for number in range(count)]

"""Vocabularies for random models: the built-in model's plus a family's special tokens, and one of bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop_app.chat.families.signs import FAMILIES

BUILT_IN = Path(__file__).resolve().parents[1] / "demo_model" / "vocabulary"
IMAGE = "<image>"  # stands for a token of a picture where transformers counts them
_NORMAL, _CONTROL, _USER_DEFINED = 1, 3, 4
# Words that our prompts are made of; a vocabulary of bytes has them, and all they begin with.
_WORDS = (
    *("user", "assistant", "system", "What", "Which", "Are", "The", "colour", "larger", "picture", "star", "red"),
    *("is", "this", "you", "sure", "in", "on", "of", "and", "to", "it"),
)


@dataclass(frozen=True)
class Vocabulary:
    """What a GGUF says of its tokens."""

    kind: str  # tokenizer.ggml.model: "llama" is SentencePiece, "gpt2" pairs of bytes
    pieces: list[str]
    types: list[int]
    bos: int
    eos: int
    scores: list[float] | None = None
    merges: list[str] | None = None
    pre: str = "default"
    unknown: int | None = 0
    pad: int | None = None
    adds_bos: bool = True

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def rare(self) -> npt.NDArray[np.bool_]:
        """Return, for every token, whether it is none that answers are made of."""
        plain = [kind == _NORMAL and piece.isascii() for piece, kind in zip(self._words(), self.types, strict=True)]
        return ~np.array(plain)

    def _words(self) -> list[str]:
        return [piece.replace("▁", " ").replace("Ġ", " ") for piece in self.pieces]


def vocabulary_for(family: str) -> Vocabulary:
    """Return a vocabulary in which the special tokens of a family are single tokens."""
    specials = sorted(next(known for known in FAMILIES if known.name == family).specials)
    if family == "llava_llama3":
        return _of_bytes([*dict.fromkeys(["<|begin_of_text|>", *specials])])
    data = json.loads((BUILT_IN / "vocabulary.json").read_text(encoding="utf-8"))
    pieces, scores, kinds = data["pieces"], data["scores"], data["kinds"]
    return Vocabulary(
        kind="llama",
        pieces=pieces + specials,
        scores=scores + [0.0] * len(specials),
        # Files in circulation have both types. Of the second, llama.cpp finds them in plain text, too.
        types=kinds + [_USER_DEFINED if family == "llava_phi3" else _CONTROL] * len(specials),
        bos=1,
        eos=2,
        adds_bos=family != "llava_chatml",
    )


def byte_letters() -> list[str]:
    """Return the visible letter that stands for each byte, as GPT-2's vocabulary writes them."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    letters = {byte: chr(byte) for byte in visible} | {byte: chr(256 + place) for place, byte in enumerate(hidden)}
    return [letters[byte] for byte in range(256)]


def _of_bytes(specials: list[str]) -> Vocabulary:
    pieces, merges = byte_letters(), []
    for word in _WORDS:
        for spelled in (word, f"Ġ{word}"):
            for end in range(2, len(spelled) + 1):
                if spelled[:end] not in pieces:
                    pieces.append(spelled[:end])
                    merges.append(f"{spelled[: end - 1]} {spelled[end - 1]}")
    types = [_NORMAL] * len(pieces) + [_CONTROL] * (len(specials) + 1)
    pieces += [*specials, IMAGE]
    bos, eos = pieces.index("<|begin_of_text|>"), pieces.index("<|end_of_text|>")
    return Vocabulary("gpt2", pieces, types, bos, eos, merges=merges, pre="llama-bpe", unknown=None)

"""The questions for random models, and their tokens as transformers' tokenizers make them."""

from __future__ import annotations

from typing import Any

from fidelity.originals import ORIGINALS, Turn
from fidelity.vocabularies import BUILT_IN, IMAGE, Vocabulary

#: Long enough for the shortest prompt to be worth keeping on the disk.
QUESTION = (
    "What is this? Look at the whole picture, and say which colour is larger: that of the star, or what it is on."
)
FOLLOW_UP = "Which colour is the star?"
#: Conversations whose tokens are compared: (system prompt, turns).
TALKS: dict[str, tuple[str | None, tuple[Turn, ...]]] = {
    "words": (None, (Turn('Où est l\'étoile ☃, "here" or there?  Two spaces.'),)),
    "pictures": (None, (Turn("Which is larger?\n\n1. this\n2. that", 2),)),
    "later": (None, (Turn("Hello!", 0, "Hello. Show me one."), Turn("What is it?", 1, "A star.\nRed."), Turn("Sure?"))),
    "system": ("Answer in rhyme.", (Turn("What is this?", 1, "A star, by far."), Turn(FOLLOW_UP))),
}
# https://github.com/meta-llama/llama-models/blob/main/models/llama3/tokenizer.py
_LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
_ANSWER = "@@"  # no vocabulary makes one token of it and what follows


class Prompts:
    """The reference's tokens for one family. A picture is one `image` token. Needs the library tokenizers."""

    def __init__(self, family: str, vocabulary: Vocabulary) -> None:
        _, self._bos, _, self._original = ORIGINALS[family]
        self._vocabulary = vocabulary
        self._fast = _tokenizer(vocabulary)
        self.image = vocabulary.pieces.index(IMAGE)

    def tokens(self, system: str | None, turns: tuple[Turn, ...]) -> list[int]:
        """Return the tokens that ask the last of `turns`."""
        return self._prompt(self._original(system, turns))

    def going_on(self, answer: list[int]) -> list[int]:
        """Return the tokens of `QUESTION` about a picture, an answer already in tokens, and `FOLLOW_UP`."""
        turns = (Turn(QUESTION, 1, _ANSWER), Turn(FOLLOW_UP))
        _, after = self._original(None, turns).split(_ANSWER)
        begun = self._encode(_ANSWER)
        whole = self._encode(_ANSWER + after)
        if whole[: len(begun)] != begun:
            raise ValueError("the answer and what follows share a token")
        return [*self.tokens(None, (Turn(QUESTION, 1),)), *answer, *whole[len(begun) :]]

    def _prompt(self, text: str) -> list[int]:
        """Return the tokens of a prompt, each stretch between pictures tokenised by itself, as LLaVA does."""
        begins = [self._vocabulary.bos] if self._bos else []
        first, *others = text.removeprefix(self._bos).split("<picture>")
        tokens = [*begins, *self._encode(first)]
        for stretch in others:
            tokens += [self.image, *self._encode(stretch)]
        return tokens

    def _encode(self, text: str) -> list[int]:
        return list(self._fast.encode(text, add_special_tokens=False).ids) if text else []


def _tokenizer(vocabulary: Vocabulary) -> Any:
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

    if vocabulary.kind == "llama":
        fast = Tokenizer.from_file(str(BUILT_IN / "tokenizer.json"))
    else:
        merges = [tuple(merge.split(" ")) for merge in vocabulary.merges or ()]
        numbers = {piece: number for number, piece in enumerate(vocabulary.pieces)}
        fast = Tokenizer(models.BPE(numbers, merges, ignore_merges=True))
        fast.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_LLAMA_3), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        fast.decoder = decoders.ByteLevel()
    names = [piece for piece in vocabulary.pieces if piece.startswith("<|")]
    fast.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in names])
    if any(fast.token_to_id(piece) != number for number, piece in enumerate(vocabulary.pieces)):
        raise ValueError("the tokenizer counts its tokens in another way")
    return fast

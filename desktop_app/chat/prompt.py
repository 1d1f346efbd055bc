"""Model family -> the exact parts of a prompt, as that family was trained.

A prompt is a row of parts, not a string: special tokens are named, never spelled, and pictures
stand between the words. So nothing that a person types can become a special token or a picture.
Words that follow one another are one stretch, which is tokenised in one go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Special:
    """A special token: "bos", "eos", or the text of a control token of the vocabulary."""

    name: str


@dataclass(frozen=True)
class Words:
    """A stretch of plain text, whatever it looks like."""

    text: str


@dataclass(frozen=True)
class PicturePlace:
    """Where a picture's embeddings go."""

    sha256: str


@dataclass(frozen=True)
class Answer:
    """An earlier answer. It is tokenised on its own, or by the token ids it was written with."""

    text: str


Part = Special | Words | PicturePlace | Answer


@dataclass(frozen=True)
class Exchange:
    """A question with its pictures and, when there is one, its answer."""

    question: str
    pictures: tuple[str, ...] = ()  # SHA-256, in order
    answer: str | None = None


class Slot(Enum):
    """What differs from one conversation to another."""

    SYSTEM = "system"
    PICTURES = "pictures"
    QUESTION = "question"
    ANSWER = "answer"


Pattern = tuple[Special | Slot | str, ...]


@dataclass(frozen=True)
class Family:
    """How the models of a family were trained to converse.

    `opening` stands once at the start (`bare_opening` if the system prompt is empty), `asking`
    and `answering` once per exchange, `after_picture` after each picture.
    """

    name: str
    system: str
    opening: Pattern
    bare_opening: Pattern
    asking: Pattern
    answering: Pattern
    after_picture: str = "\n"


_BOS, _EOS = Special("bos"), Special("eos")

# LLaVA-1.5, and LLaVA-1.6 on Vicuna.
# https://github.com/haotian-liu/LLaVA/blob/main/llava/conversation.py (conv_vicuna_v1)
VICUNA_V1 = Family(
    name="vicuna_v1",
    system=(
        "A chat between a curious user and an artificial intelligence assistant. "
        "The assistant gives helpful, detailed, and polite answers to the user's questions."
    ),
    opening=(_BOS, Slot.SYSTEM, " "),
    bare_opening=(_BOS,),
    asking=("USER: ", Slot.PICTURES, Slot.QUESTION, " ASSISTANT:"),
    answering=(Slot.ANSWER, _EOS),
)

FAMILIES: tuple[Family, ...] = (VICUNA_V1,)


def family_for(metadata: Mapping[str, object]) -> Family:
    """Return the family of a language model, told by the metadata of its GGUF.

    What is not known is taken for LLaVA-1.5, the most common; so far that is the only one.
    """
    del metadata
    return VICUNA_V1


def prompt_parts(family: Family, exchanges: Sequence[Exchange], system: str | None = None) -> list[Part]:
    """Return the parts of the prompt that asks the last of `exchanges`.

    `system` replaces the sentence that the family was trained with; None keeps that.
    """
    rows: list[Part] = [*_opening(family, system)]
    for exchange in exchanges:
        rows += _filled(family.asking, exchange, family)
        if exchange.answer is not None:
            rows += _filled(family.answering, exchange, family)
    return _joined(rows)


def certain_parts(
    family: Family,
    exchanges: Sequence[Exchange],
    pictures: Sequence[str],
    system: str | None = None,
) -> list[Part]:
    """Return the parts that are certain before the next question is written.

    `exchanges` are answered; `pictures` belong to the message being written. The words after the
    last picture are left out, since how they are tokenised depends on the question. Without
    pictures the words before the question are kept up to their last letter: tokens end there.
    """
    rows: list[Part] = [*_opening(family, system)]
    for exchange in exchanges:
        rows += _filled(family.asking, exchange, family)
        rows += _filled(family.answering, exchange, family)
    draft = Exchange("", tuple(pictures))
    before = family.asking[: family.asking.index(Slot.QUESTION)]
    parts = _joined([*rows, *_filled(before, draft, family)])
    last = parts[-1]
    if isinstance(last, Words):
        known = last.text.rstrip() if not pictures else ""
        parts[-1:] = [Words(known)] if known else []
    return parts


def _opening(family: Family, system: str | None) -> Iterable[Part]:
    sentence = (family.system if system is None else system).strip()
    pattern = family.opening if sentence else family.bare_opening
    for item in pattern:
        if isinstance(item, Special):
            yield item
        else:
            yield Words(sentence if item is Slot.SYSTEM else str(item))


def _filled(pattern: Pattern, exchange: Exchange, family: Family) -> Iterable[Part]:
    for item in pattern:
        if isinstance(item, Special):
            yield item
        elif item is Slot.PICTURES:
            for sha256 in exchange.pictures:
                yield PicturePlace(sha256)
                yield Words(family.after_picture)
        elif item is Slot.QUESTION:
            yield Words(exchange.question.strip())
        elif item is Slot.ANSWER:
            yield Answer(exchange.answer or "")
        else:
            yield Words(str(item))


def _joined(parts: Iterable[Part]) -> list[Part]:
    """Join words that follow one another into one stretch; empty ones vanish."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, Words):
            if not part.text:
                continue
            if joined and isinstance(joined[-1], Words):
                joined[-1] = Words(joined[-1].text + part.text)
                continue
        if isinstance(part, Answer) and not part.text:
            continue
        joined.append(part)
    return joined

"""Turns a conversation into the parts of a prompt, in the format the model's family was trained with.

What a family is stands here; the families themselves stand in `families/`. A prompt is a row
of parts, not a string: special tokens are named, never spelled, and pictures stand between the
words. So nothing that a person types can become a special token or a picture. Words that follow
one another are one stretch, which is tokenised in one go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum


@dataclass(frozen=True)
class Special:
    """A special token: the text of a token of the vocabulary, or "bos" or "eos".

    "bos" is the token that the vocabulary puts before every text; nothing, if it does not.
    """

    name: str


@dataclass(frozen=True)
class Words:
    """A stretch of plain text, whatever it looks like."""

    text: str


@dataclass(frozen=True)
class PicturePlace:
    """Where a picture goes."""

    picture: str


@dataclass(frozen=True)
class Answer:
    """An earlier answer: the token ids it was written with, or its text as it follows the words before.

    `before` and `after` are what stood around answers in training, spaces above all.
    """

    text: str = ""
    before: str = ""
    after: str = ""


Part = Special | Words | PicturePlace | Answer


@dataclass(frozen=True)
class Exchange:
    """A question with its pictures and, when there is one, its answer.

    The answer of the last exchange is one that is to go on: nothing closes it. So is its thought, if it has no answer.
    """

    question: str
    pictures: tuple[str, ...] = ()  # names, in order
    answer: str | None = None
    thought: str = ""  # before an answer that is to go on; those of earlier answers are not in a prompt


class Slot(Enum):
    """What differs from one conversation to another."""

    SYSTEM = "system"
    PICTURES = "pictures"
    PICTURE = "picture"
    NUMBER = "number"  # of the picture in the conversation, from 0
    QUESTION = "question"


Pattern = tuple[Special | Slot | Answer | str, ...]


@dataclass(frozen=True)
class Thinking:
    """How a family thinks before it answers, if it is asked to.

    `asking`: with this an answer begins, if something is to be thought before it. `thought`: what was thought, as it
    stands before an answer that goes on; its `Answer` is the thought. Its first and last special tokens begin and end
    a thought. `opening`: instead of the family's, where it is told to think at the start.
    """

    asking: Pattern
    thought: Pattern
    opening: Pattern = ()

    @property
    def specials(self) -> tuple[str, ...]:
        """Return the texts of all special tokens that it uses; those in the thought come first."""
        items = (*self.thought, *self.asking, *self.opening)
        names = (item.name for item in items if isinstance(item, Special) and item.name not in ("bos", "eos"))
        return tuple(dict.fromkeys(names))

    @property
    def begin(self) -> str:
        """Return the special token with which a thought begins."""
        return next(item.name for item in self.thought if isinstance(item, Special))

    @property
    def end(self) -> str:
        """Return the special token with which a thought ends."""
        return next(item.name for item in reversed(self.thought) if isinstance(item, Special))

    @property
    def label(self) -> str:
        """Return the words that stand before a thought."""
        place = next(index for index, item in enumerate(self.thought) if isinstance(item, Answer))
        return "".join(item for item in self.thought[:place] if isinstance(item, str))


@dataclass(frozen=True)
class Family:
    """How the models of a family were trained to converse.

    `opening` stands once at the start (`bare_opening` if the system prompt is empty), `asking` and `answering` once per
    exchange, `without_thinking` only before the answer that is being written, `picture` for each picture. Where a
    family puts the system prompt inside the first question, what every question begins with ends `opening` and
    `answering`.
    """

    name: str
    opening: Pattern
    bare_opening: Pattern
    asking: Pattern
    answering: Pattern
    title: str = ""  # what people call its models
    without_thinking: Pattern = ()  # with this an answer begins, if nothing is to be thought before it
    thinking: Thinking | None = None  # if it can think
    system: str = ""  # the sentence it was trained with
    numbering: Pattern = ()  # before each picture
    picture: Pattern = (Slot.PICTURE, "\n")
    tile: Pattern = ()  # a closer look at a part of a picture, where such have special tokens around them
    asking_in_words: Pattern | None = None  # instead of `asking`, where there is no picture
    stops: tuple[str, ...] = ()  # special tokens that end an answer, whatever the file says of them
    role: str = ""  # words with which the next question would begin: an answer that writes them has lost its end token
    pre_tokenizer: str = ""  # llama.cpp's name of how it splits text before byte pairs are joined; "": a file must say
    composed: bool = False  # whether its tokeniser composes letters and their marks first (Unicode's NFC)
    has_template: bool = False  # whether its authors publish a chat template, with which that of a file is compared

    @property
    def role_tokens(self) -> tuple[str, ...]:
        """Return the special tokens after an answer and at the beginning of a question; none if only words are."""
        items = (*self.answering, self.asking[0])
        return tuple(item.name for item in items if isinstance(item, Special) and item.name not in ("bos", "eos"))

    @property
    def thinking_first(self) -> Family:
        """Return the family as it is asked to think before it answers, or as it is if it cannot."""
        if self.thinking is None:
            return self
        opening = self.thinking.opening
        changed = replace(self, without_thinking=self.thinking.asking)
        return replace(changed, opening=opening, bare_opening=opening) if opening else changed

    @property
    def unframed(self) -> Family:
        """Return the family without the special tokens right before and after a picture."""
        place = self.picture.index(Slot.PICTURE)
        first = last = place
        while first > 0 and isinstance(self.picture[first - 1], Special):
            first -= 1
        while last + 1 < len(self.picture) and isinstance(self.picture[last + 1], Special):
            last += 1
        return replace(self, picture=(*self.picture[:first], Slot.PICTURE, *self.picture[last + 1 :]))

    @property
    def framing_tokens(self) -> frozenset[str]:
        """Return the special tokens around messages; not those that begin every text, nor those around pictures."""
        patterns = (self.opening, self.asking, self.answering, self.without_thinking)
        names = {item.name for pattern in patterns for item in pattern if isinstance(item, Special)}
        first = {item.name for item in self.bare_opening if isinstance(item, Special)} & {self._first_token}
        return frozenset(names - first - {"bos", "eos"})

    @property
    def _first_token(self) -> str:
        first = self.bare_opening[0] if self.bare_opening else None
        return first.name if isinstance(first, Special) and first not in self.asking else ""

    @property
    def specials(self) -> frozenset[str]:
        """Return the texts of all special tokens that the family uses, those with which it thinks aside."""
        patterns = (self.opening, self.bare_opening, self.asking, self.asking_in_words or (), self.answering)
        others = (self.without_thinking, self.numbering, self.picture, self.tile)
        items = [item for pattern in (*patterns, *others) for item in pattern]
        names = {item.name for item in items if isinstance(item, Special)}
        return frozenset(names | set(self.stops)) - {"bos", "eos"}


def prompt_parts(family: Family, exchanges: Sequence[Exchange], system: str | None = None) -> list[Part]:
    """Return the parts of the prompt that asks the last of `exchanges`, or goes on with its answer.

    `system` replaces the sentence that the family was trained with; None keeps that.
    """
    return [part for parts in parts_by_exchange(family, exchanges, system) for part in parts]


def parts_by_exchange(family: Family, exchanges: Sequence[Exchange], system: str | None = None) -> list[list[Part]]:
    """Return the parts of that prompt in lists: one for what stands before the first exchange, then one for each.

    A stretch of words that goes on across the border of two lists stands in the later one. So it does where an
    empty question would go on with it.
    """
    lists = [_joined(_opening(family, system))]
    pictures = 0
    for number, exchange in enumerate(exchanges, 1):
        parts = [*_filled(_asking(family, exchange), exchange, family, pictures)]
        if number == len(exchanges):
            parts += _beginning(family, exchange)
        elif exchange.answer is not None:
            parts += _filled(family.answering, exchange, family, pictures)
        pictures += len(exchange.pictures)
        before = lists[-1]
        if before and isinstance(before[-1], Words) and parts and isinstance(parts[0], Words):
            parts.insert(0, before.pop())
        lists.append(_joined(parts))
    return lists


def _opening(family: Family, system: str | None) -> Iterable[Part]:
    sentence = (family.system if system is None else system).strip()
    pattern = family.opening if sentence else family.bare_opening
    for item in pattern:
        if isinstance(item, Special):
            yield item
        else:
            yield Words(sentence if item is Slot.SYSTEM else str(item))


def _beginning(family: Family, exchange: Exchange) -> Iterable[Part]:
    """Yield how the answer to the last question begins: what was thought, and as much of it as there is."""
    if family.thinking is not None and exchange.thought:
        whole = family.thinking.thought
        thought = _going_on(whole) if exchange.answer is None else whole
        yield from _filled(thought, replace(exchange, answer=exchange.thought), family, 0)
    else:
        yield from _filled(family.without_thinking, exchange, family, 0)
    if exchange.answer is not None:
        yield from _filled(_going_on(family.answering), exchange, family, 0)


def _asking(family: Family, exchange: Exchange) -> Pattern:
    if exchange.pictures or family.asking_in_words is None:
        return family.asking
    return family.asking_in_words


def _going_on(pattern: Pattern) -> Pattern:
    """Return how an answer, or a thought, begins that has not ended."""
    place = next(index for index, item in enumerate(pattern) if isinstance(item, Answer))
    return tuple(replace(item, after="") if isinstance(item, Answer) else item for item in pattern[: place + 1])


def _filled(pattern: Pattern, exchange: Exchange, family: Family, first: int) -> Iterable[Part]:
    """Yield the parts of a pattern; `first` is the number of the exchange's first picture."""
    for item in pattern:
        if isinstance(item, Special):
            yield item
        elif isinstance(item, Answer):
            yield replace(item, text=exchange.answer or "")
        elif item is Slot.PICTURES:
            for number, picture in enumerate(exchange.pictures, first):
                for part in (*family.numbering, *family.picture):
                    if isinstance(part, Special):
                        yield part
                    elif part is Slot.PICTURE:
                        yield PicturePlace(picture)
                    else:
                        yield Words(str(number if part is Slot.NUMBER else part))
        elif item is Slot.QUESTION:
            yield Words(exchange.question.strip())
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

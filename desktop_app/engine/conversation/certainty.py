"""How sure a model was of an answer: from the probabilities of its tokens, word by word and as a whole."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from desktop_app.chat.certainty import UNSURE, Certainty, Sureness, WordScore

_LONGEST = 48  # tokens: a longer answer could have been said in many ways, so some token is always improbable
_NOTHING = 0.2  # as a logarithm: no token became more than 1.2 times as probable through the pictures
_FIRST_IDEOGRAPH = "\u2e80"  # from here on, scripts are written without spaces
_INSIDE = "'’-"  # signs that may stand inside a word


class TokenScore(NamedTuple):
    """A token of an answer."""

    start: int  # in characters of the text
    end: int
    log: float  # its probability as a natural logarithm
    without: float | None = None  # the same without the pictures; None: not known


def certainty(text: str, tokens: Sequence[TokenScore], ending: float | None) -> Certainty:
    """Return how sure a model was of the `tokens` of a text, all or the last of them.

    `ending`: the log probability of the end of the answer, None if it did not end there.
    """
    least = min((token.log for token in tokens), default=0.0)
    least = min(least, ending if ending is not None else 0.0)
    words = tuple(_word(text, group) for group in _groups(text, tokens))
    return Certainty(_sureness(math.exp(least), tokens), math.exp(least), words)


def _sureness(least: float, tokens: Sequence[TokenScore]) -> Sureness:
    is_long = len(tokens) > _LONGEST
    if least < UNSURE and not is_long:
        return Sureness.NOT_SURE
    known = [token.log - token.without for token in tokens if token.without is not None]
    if known and len(known) == len(tokens) and max(known) < _NOTHING:
        return Sureness.DID_NOT_LOOK
    return Sureness.UNKNOWN if is_long else Sureness.SURE


def _groups(text: str, tokens: Sequence[TokenScore]) -> Iterator[list[TokenScore]]:
    """Yield the tokens of each word: those without a space between. An ideograph is a word."""
    group: list[TokenScore] = []
    for token in tokens:
        if not _goes_on(text[token.start : token.end]):
            yield from _whole(text, group)
            group = []
        group.append(token)
    yield from _whole(text, group)


def _goes_on(written: str) -> bool:
    """Return whether a token goes on with the word before it."""
    first = written.lstrip(_INSIDE) if len(written) > 1 else written
    return not first or (_is_letter(first[0]) and first[0] < _FIRST_IDEOGRAPH)


def _is_letter(sign: str) -> bool:
    """Return whether a sign is a letter, a digit, or a mark on one."""
    return unicodedata.category(sign)[0] in "LMN"


def _whole(text: str, group: list[TokenScore]) -> Iterator[list[TokenScore]]:
    if group and any(map(_is_letter, text[group[0].start : group[-1].end])):
        yield group


def _word(text: str, group: Sequence[TokenScore]) -> WordScore:
    start, end = group[0].start, group[-1].end
    while not _is_letter(text[start]):
        start += 1
    while not _is_letter(text[end - 1]):
        end -= 1
    picture = 0.0
    for token in group:
        if token.without is None:
            return WordScore(start, end, math.exp(sum(one.log for one in group)))
        picture += token.log - token.without
    return WordScore(start, end, math.exp(sum(one.log for one in group)), picture)

"""How sure a model was of an answer, and of each of its words. It is kept in the details of the answer's message."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from itertools import pairwise
from typing import Any, NamedTuple

KEY = "certainty"  # in the details of an answer; stored in every history, so it stays
UNSURE = 0.9  # below this probability the model was not sure of a word, nor of an answer with a token of this kind
_MOST_WORDS = 20_000


class Sureness(str, Enum):
    """How an answer was written."""

    SURE = "sure"
    NOT_SURE = "not-sure"
    DID_NOT_LOOK = "did-not-look"  # without the pictures it would have been the same
    UNKNOWN = "unknown"  # it is too long to be judged as a whole


class WordScore(NamedTuple):
    """A word of an answer, without the signs around it."""

    start: int  # in characters of the answer
    end: int  # behind its last
    probability: float  # with which the model wrote it after all that stands before
    #: How many times as probable the pictures made it, as a natural logarithm; None: it is not known.
    picture: float | None = None

    @property
    def is_unsure(self) -> bool:
        """Return whether the model was not sure of this word."""
        return self.probability < UNSURE


class Certainty(NamedTuple):
    """How sure a model was of an answer."""

    sureness: Sureness
    least: float  # the probability of its least probable token, or of its end
    words: tuple[WordScore, ...] = ()


def to_details(certainty: Certainty) -> dict[str, Any]:
    """Return it as JSON types, short: a history holds thousands."""
    words = [
        [word.start, word.end, round(word.probability, 3), *([] if word.picture is None else [round(word.picture, 2)])]
        for word in certainty.words
    ]
    return {"sureness": certainty.sureness.value, "least": round(certainty.least, 3), "words": words}


def from_details(details: Mapping[str, Any], length: int) -> Certainty | None:
    """Return what the details of an answer of `length` characters say; None if nothing that can be understood.

    A history or a file may hold anything.
    """
    found: Any = details.get(KEY)
    try:
        least, words = float(found["least"]), tuple(_word(*word) for word in found["words"][:_MOST_WORDS])
        certainty = Certainty(Sureness(found["sureness"]), least, words)
    except (TypeError, ValueError, KeyError, OverflowError):
        return None
    ends = [0, *(end for word in words for end in (word.start, word.end)), length]
    in_order = all(one <= other for one, other in pairwise(ends))
    return certainty if in_order and 0 <= least <= 1 else None


def as_wished(details: Mapping[str, Any], length: int, wish: str) -> dict[str, Any]:
    """Return details as they are shown by the setting: "quiet" tells only that the model was not sure of an answer."""
    certainty = from_details(details, length) if wish != "off" else None
    others = {key: value for key, value in details.items() if key != KEY}
    if certainty is None or (wish == "quiet" and certainty.sureness is not Sureness.NOT_SURE):
        return others
    return {**others, KEY: to_details(certainty._replace(words=()) if wish == "quiet" else certainty)}


def of_both(before: Certainty | None, now: Certainty, begun: int) -> Certainty:
    """Return how sure a model was of an answer that went on after its first `begun` characters."""
    if before is None:
        return now
    words = tuple(word for word in before.words if word.end <= begun)
    both = {before.sureness, now.sureness}
    some = next((one for one in (Sureness.NOT_SURE, Sureness.UNKNOWN) if one in both), Sureness.SURE)
    sureness = now.sureness if len(both) == 1 else some
    return Certainty(sureness, min(before.least, now.least), (*words, *now.words))


def _word(start: int, end: int, probability: float, picture: float | None = None) -> WordScore:
    numbers = (probability, picture or 0.0)
    if type(start) is not int or type(end) is not int or not 0 <= probability <= 1:
        raise ValueError("no word")
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError("no number")
    return WordScore(start, end, float(probability), None if picture is None else float(picture))

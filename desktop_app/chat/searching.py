"""Search in conversations: which texts count as equal, and the words shown around a match.

Searching looks for each term anywhere in the folded text. A word's beginning, a part of a Chinese
or Japanese sentence (which has no spaces to split at), an asterisk and an emoji are all found
alike, and nothing a person types is ever a query language.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from itertools import accumulate

_ACCENTS = re.compile("[\u0300-\u036f]")
_TERM = re.compile(r'"([^"]*\S[^"]*)"|(\S+)')
_WORD = re.compile(r"\s+|\S+")
_MOST_TERMS = 16


def fold(text: str) -> str:
    """Return `text` without case, accents and width: "Élan" and "ＥＬＡＮ" both become "elan".

    The history stores folded text; a change here needs a migration that folds it all again.
    """
    text = text.casefold()
    if text.isascii():
        return text
    # Composed again, because Korean syllables and the marks of kana come apart as well.
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))


def terms(query: str) -> list[str]:
    """Return the folded terms that must all occur. Words between double quotes stay together.

    A quote that is not closed yet is ignored.
    """
    found = (fold(quoted or word.strip('"')) for quoted, word in _TERM.findall(query))
    return list(dict.fromkeys(filter(None, found)))[:_MOST_TERMS]


def snippet(text: str, wanted: list[str], before: int = 32, after: int = 96) -> str:
    """Return the words around the first hit, on one line; "…" where something was left out.

    `before` and `after` count characters. Without a hit it is the beginning of the text.
    """
    folded = fold(text)
    hits = [at for term in wanted if (at := folded.find(term)) >= 0]
    if not hits:
        at = 0
    elif len(folded) == len(text):
        at = min(hits)
    else:  # folding changed lengths: find the place whose folded beginning is that long
        at = bisect_left(range(len(text)), min(hits), key=lambda end: len(fold(text[:end])))
    start, end = max(0, at - before), min(len(text), at + after)
    if start:
        start = _after_a_space(text, start, at)
    line = " ".join(text[start:end].split())
    return ("…" if start else "") + line + ("…" if end < len(text) else "")


def places(text: str, wanted: list[str]) -> list[tuple[int, int]]:
    """Return where terms are in `text`, in order: first character, and the one after the last. None overlap."""
    # What is between spaces is folded by itself, which gives the same and is quick for most texts.
    words = _WORD.findall(text)
    pieces = [part for word in words for part in ([word] if len(fold(word)) == len(word) else _letters(word))]
    folded = [fold(piece) for piece in pieces]
    starts, folded_starts = ([0, *accumulate(map(len, parts))] for parts in (pieces, folded))
    whole = "".join(folded)

    def first(at: int) -> int:
        index = bisect_right(folded_starts, at) - 1
        return starts[index] + (at - folded_starts[index] if len(pieces[index]) == len(folded[index]) else 0)

    def behind(at: int) -> int:
        index = bisect_left(folded_starts, at) - 1
        inside = at - folded_starts[index] if len(pieces[index]) == len(folded[index]) else len(pieces[index])
        return starts[index] + inside

    found: list[tuple[int, int]] = []
    for start, end in sorted(hit.span() for term in wanted for hit in re.finditer(re.escape(term), whole)):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return [(first(start), behind(end)) for start, end in found]


def _letters(word: str) -> list[str]:
    """Return the letters of a word, each with its accents: what is composed by folding stays together."""
    letters: list[str] = []
    for sign in word:
        first = unicodedata.normalize("NFKD", sign)[0]
        if letters and (unicodedata.combining(first) or "\u1160" <= first <= "\u11ff"):  # also the end of a syllable
            letters[-1] += sign
        else:
            letters.append(sign)
    return letters


def _after_a_space(text: str, start: int, limit: int) -> int:
    space = text.find(" ", start, limit)
    return start if space < 0 else space + 1

"""Search in conversations: which texts count as equal, and the words shown around a match.

Searching looks for each term anywhere in the folded text. A word's beginning, a part of a Chinese
or Japanese sentence (which has no spaces to split at), an asterisk and an emoji are all found
alike, and nothing a person types is ever a query language.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left

_ACCENTS = re.compile("[\u0300-\u036f]")
_TERM = re.compile(r'"([^"]*\S[^"]*)"|(\S+)')
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


def _after_a_space(text: str, start: int, limit: int) -> int:
    space = text.find(" ", start, limit)
    return start if space < 0 else space + 1

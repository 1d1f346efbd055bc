"""Versions of the program: which of two is newer, and which is offered as an update."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

_VERSION = re.compile(
    r"v?([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})"
    r"(?:[-.]?((?:a|b|c|rc|alpha|beta|pre|preview|dev)(?:[-.]?[0-9a-z]{1,9}){0,4}))?"
    r"(?:\+[0-9a-z.-]{1,60})?",
    re.IGNORECASE,
)
_PART = re.compile(r"[0-9]+|[a-z]+")


@total_ordering
@dataclass(frozen=True)
class Version:
    """A version such as 1.2.3, or one before it such as 1.2.3-rc.1. What follows a "+" does not count."""

    numbers: tuple[int, int, int]
    before: tuple[str, ...] = ()  # of a pre-release: its words and numbers, "rc", "1"

    @classmethod
    def parse(cls, text: str) -> Version | None:
        """Return the version that `text` names, as people and tags write it; None if it is none."""
        found = _VERSION.fullmatch(text.strip())
        if found is None:
            return None
        major, minor, patch = (int(found[number]) for number in (1, 2, 3))
        return cls((major, minor, patch), tuple(_PART.findall((found[4] or "").lower())))

    def is_update_for(self, present: Version) -> bool:
        """Return whether it is newer than `present`, and no pre-release for those who have a final version."""
        return self > present and (not self.before or bool(present.before))

    def __lt__(self, other: Version) -> bool:
        return self._rank() < other._rank()

    def __str__(self) -> str:
        """Return it without a "v" before it."""
        return ".".join(map(str, self.numbers)) + ("-" + ".".join(self.before) if self.before else "")

    def _rank(self) -> tuple[tuple[int, int, int], bool, tuple[tuple[bool, int, str], ...]]:
        # As semantic versioning has it: numbers by their size and before words, words by the alphabet.
        parts = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in self.before)
        return self.numbers, not self.before, parts

"""Remembers which conversations were deleted for good, by their ids alone, so that no copy brings one back.

The file lies beside that of the conversations: whoever puts an old copy in their place by hand keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from desktop_app.atomic_files import write_whole

_NAME = "erased-conversations.json"


class Erased(NamedTuple):
    """Ids of conversations: all that were deleted for good, and those of them that a backup may still hold."""

    all: frozenset[str] = frozenset()
    in_backups: frozenset[str] = frozenset()

    def with_more(self, conversations: Iterable[str]) -> Erased:
        """Return this with conversations that are now deleted for good, but not yet from the backups."""
        more = frozenset(conversations)
        return Erased(self.all | more, self.in_backups | more)


def erased_of(path: Path) -> Erased:
    """Return what was deleted for good from the conversation file at `path`."""
    try:
        found = json.loads(path.with_name(_NAME).read_bytes())
        return Erased(_ids(found["all"]), _ids(found["in_backups"]))
    except (OSError, ValueError, TypeError, KeyError):  # mostly there is none
        return Erased()


def remember(path: Path, erased: Erased) -> None:
    """Keep what was deleted for good from the conversation file at `path`. Raises OSError."""
    data = {"all": sorted(erased.all), "in_backups": sorted(erased.in_backups)}
    write_whole(path.with_name(_NAME), json.dumps(data).encode())


def _ids(listed: list[object]) -> frozenset[str]:
    return frozenset(one for one in listed if isinstance(one, str))

"""Remembers which conversations and messages were deleted for good, by their ids, so that no copy brings one back.

It also remembers of which of them the caches must still be cleared, so that this is done however the program ends.

The file lies beside that of the conversations: whoever puts an old copy in their place by hand keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from desktop_app.atomic_files import write_whole

_NAME = "erased-conversations.json"


class Erased(NamedTuple):
    """Ids of conversations: all that were deleted for good, and those of them that a backup may still hold.

    And the same of single messages. And of both those that the caches may still hold, each with when the oldest of it
    was written (in seconds since 1970; 0: nobody knows).
    """

    all: frozenset[str] = frozenset()
    in_backups: frozenset[str] = frozenset()
    messages: frozenset[str] = frozenset()
    messages_in_backups: frozenset[str] = frozenset()
    in_caches: Mapping[str, float] = {}

    @property
    def is_in_backups(self) -> bool:
        """Return whether a backup may still hold some of them."""
        return bool(self.in_backups or self.messages_in_backups)

    def with_more(self, conversations: Iterable[str] = (), messages: Mapping[str, float] | None = None) -> Erased:
        """Return this with what is now deleted for good, but not yet from the backups.

        The caches too still hold it; each message comes with when it was written.
        """
        more, written = frozenset(conversations), messages or {}
        return Erased(
            self.all | more,
            self.in_backups | more,
            self.messages | {*written},
            self.messages_in_backups | {*written},
            {**self.in_caches, **dict.fromkeys(more, 0.0), **written},
        )

    def without(self, messages: Iterable[str]) -> Erased:
        """Return this without messages that are put back."""
        back = frozenset(messages)
        kept = self.cleared(back)
        return kept._replace(messages=self.messages - back, messages_in_backups=self.messages_in_backups - back)

    def cleared(self, gone: Iterable[str]) -> Erased:
        """Return this where the caches hold nothing of some messages and conversations any more."""
        ids = frozenset(gone)
        return self._replace(in_caches={one: time for one, time in self.in_caches.items() if one not in ids})


def erased_of(path: Path) -> Erased:
    """Return what was deleted for good from the conversation file at `path`."""
    try:
        found = json.loads(path.with_name(_NAME).read_bytes())
        return Erased(
            _ids(found["all"]),
            _ids(found["in_backups"]),
            _ids(found.get("messages", [])),
            _ids(found.get("messages_in_backups", [])),
            _times(found.get("in_caches", {})),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # mostly there is none
        return Erased()


def remember(path: Path, erased: Erased) -> None:
    """Keep what was deleted for good from the conversation file at `path`. Raises OSError."""
    data = {name: sorted(ids) for name, ids in erased._asdict().items()} | {"in_caches": dict(erased.in_caches)}
    write_whole(path.with_name(_NAME), json.dumps(data).encode())


def _ids(listed: list[object]) -> frozenset[str]:
    return frozenset(one for one in listed if isinstance(one, str))


def _times(listed: dict[str, object]) -> dict[str, float]:
    return {one: float(time) for one, time in listed.items() if isinstance(time, (int, float))}

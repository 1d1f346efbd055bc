"""Remembers which conversations and messages were deleted for good, by their ids, so that no copy brings one back.

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
    """Ids of conversations: all that were deleted for good, and those of them that a backup may still hold.

    And the same of single messages.
    """

    all: frozenset[str] = frozenset()
    in_backups: frozenset[str] = frozenset()
    messages: frozenset[str] = frozenset()
    messages_in_backups: frozenset[str] = frozenset()

    @property
    def is_in_backups(self) -> bool:
        """Return whether a backup may still hold some of them."""
        return bool(self.in_backups or self.messages_in_backups)

    def with_more(self, conversations: Iterable[str] = (), messages: Iterable[str] = ()) -> Erased:
        """Return this with what is now deleted for good, but not yet from the backups."""
        more, single = frozenset(conversations), frozenset(messages)
        return Erased(
            self.all | more, self.in_backups | more, self.messages | single, self.messages_in_backups | single
        )

    def without(self, messages: Iterable[str]) -> Erased:
        """Return this without messages that are put back."""
        back = frozenset(messages)
        return self._replace(messages=self.messages - back, messages_in_backups=self.messages_in_backups - back)


def erased_of(path: Path) -> Erased:
    """Return what was deleted for good from the conversation file at `path`."""
    try:
        found = json.loads(path.with_name(_NAME).read_bytes())
        messages = (_ids(found.get(name, [])) for name in ("messages", "messages_in_backups"))
        return Erased(_ids(found["all"]), _ids(found["in_backups"]), *messages)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # mostly there is none
        return Erased()


def remember(path: Path, erased: Erased) -> None:
    """Keep what was deleted for good from the conversation file at `path`. Raises OSError."""
    data = {name: sorted(ids) for name, ids in erased._asdict().items()}
    write_whole(path.with_name(_NAME), json.dumps(data).encode())


def _ids(listed: list[object]) -> frozenset[str]:
    return frozenset(one for one in listed if isinstance(one, str))

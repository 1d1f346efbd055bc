"""What a download must still do in spite of a fault."""

from __future__ import annotations

import random
from pathlib import Path
from typing import ClassVar

from tests.helpers.fake_hub import FakeHub, Fault


class Trouble(Fault):
    """A fault with what may be expected of a download in spite of it."""

    #: Codes of errors with which the job may stop and wait for the person; then the fault is over.
    refused: ClassVar[set[str]] = set()
    #: Whether the whole of a file may have to be fetched again: nobody can tell which bytes were wrong.
    costs_a_file = False
    wrong_at = 0.5  # part of a range after which it happens

    def __init__(self, hub: FakeHub, chance: random.Random) -> None:
        super().__init__(wrong_at=chance.uniform(0.05, 0.95))
        self.hub = hub
        self.chance = chance
        self.prepare()

    def prepare(self) -> None:
        """Change the server before it begins."""

    def meanwhile(self, _parts: list[Path]) -> None:
        """Change the disk while no program runs."""

    def over(self) -> None:
        """Make everything right again."""
        self.left = 0

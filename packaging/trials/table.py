"""The table of results: which package was tested on which system, and how each test ended."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from provision.console import say

from trials.chroots import NotHad
from trials.x11_user import Disappointed


@dataclass
class Table:
    """Rows by what is tried (a package in a system), columns by check."""

    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)
    failed: bool = False

    def check(self, row: str, column: str, work: Callable[[], str]) -> bool:
        """Do `work`, which returns what it saw or raises; note how it went, and return whether it went well."""
        started = time.monotonic()
        try:
            said, mark = work(), "ok"
        except NotHad as error:
            said, mark = f"not had: {error}", "-"
        except Disappointed as error:
            said, mark = str(error), "FAILED"
        except Exception as error:  # a trial that breaks is one that failed, and the others are worth knowing
            traceback.print_exc()
            said, mark = f"{type(error).__name__}: {error}", "FAILED"
        self.failed |= mark == "FAILED"
        self.rows.setdefault(row, {})[column] = mark
        line = f"{row}: {column}: {said}"
        self.details.append(f"{mark:<7} {line} ({time.monotonic() - started:.0f} s)")
        say(self.details[-1])
        return mark == "ok"

    def text(self) -> str:
        """Return a table for each kind of trial, and below them what was seen."""
        blocks: list[list[str]] = []
        kinds: dict[str, list[str]] = {}
        for name in self.rows:
            kinds.setdefault(next(iter(self.rows[name])), []).append(name)
        for names in kinds.values():
            columns = list(dict.fromkeys(column for name in names for column in self.rows[name]))
            lines = [["", *columns], *([name, *(self.rows[name].get(c, "") for c in columns)] for name in names)]
            widths = [max(len(line[index]) for line in lines) for index in range(len(columns) + 1)]
            blocks.append(
                [
                    "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
                    for line in lines
                ]
            )
        return "\n\n".join("\n".join(block) for block in [*blocks, self.details]) + "\n"

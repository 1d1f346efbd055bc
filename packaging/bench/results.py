"""What was measured, under a name; or why it was not. A number that nobody measured does not exist.

Names are "PARTY.WHAT" or "PARTY.WHAT.WHICH", with the unit in WHAT: `ours.first_token_s.2`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NotMeasuredError(Exception):
    """There is no such number in this run; the message says why."""


class Sheet:
    """Where a measuring process writes, line by line: what it wrote stays when it dies."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, name: str, value: float) -> None:
        """Note a number."""
        self._write({"name": name, "value": value})

    def fail(self, name: str, why: str) -> None:
        """Note that a number could not be had."""
        self._write({"name": name, "why": why})

    @contextmanager
    def row(self, *names: str) -> Iterator[None]:
        """Measure inside; what goes wrong becomes the reason of `names`, and the run goes on."""
        try:
            yield
        except Exception as error:
            for name in names:
                self.fail(name, f"{type(error).__name__}: {error}")

    def _write(self, line: dict[str, str | float]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


class Results:
    """All numbers of a run."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.reasons: dict[str, str] = {}

    def read(self, sheet: Path) -> None:
        """Take over what a process wrote."""
        if not sheet.exists():
            return
        for line in sheet.read_text("utf-8").splitlines():
            entry = json.loads(line)
            if "value" in entry:
                self.values[entry["name"]] = entry["value"]
            else:
                self.reasons[entry["name"]] = entry["why"]

    def __getitem__(self, name: str) -> float:
        """Return a number. Raises `NotMeasuredError`."""
        if name in self.values:
            return self.values[name]
        raise NotMeasuredError(self.why(name))

    def why(self, name: str) -> str:
        """Return why there is no such number."""
        party = name.partition(".")[0]
        said = self.reasons.get(name) or self.reasons.get(party) or "not measured in this run"
        return f"{name}: {said}"

    def named(self, start: str, end: str = "") -> dict[str, float]:
        """Return the numbers whose names start and end so, by what stands in between."""
        return {
            name[len(start) : len(name) - len(end)]: value
            for name, value in self.values.items()
            if name.startswith(start) and name.endswith(end)
        }

"""Notes about an installed model on this computer: when it was used, and which of its files were verified.

Kept beside the manifest, which stays what it is from the day of installing. Losing it costs a verification.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from model_store.atomic_files import write_whole
from model_store.manifest import MANIFEST

_NAME = "eyebright-seen.json"
_LONGEST = 1 << 20  # bytes


@dataclass(frozen=True)
class VerifiedFile:
    """A file when it was last read as a whole."""

    changed_ns: int  # the file's time of change then
    right: bool  # whether it was what it must be


@dataclass(frozen=True)
class UsageNotes:
    """The notes about one model."""

    added: float = 0.0  # seconds since 1970
    last_used: float = 0.0  # seconds since 1970; 0: never
    files: dict[str, VerifiedFile] = field(default_factory=dict)  # by the manifest's names

    def with_file(self, name: str, file: VerifiedFile) -> UsageNotes:
        """Return the notes with a new one about a file."""
        return replace(self, files={**self.files, name: file})


def read_notes(folder: Path) -> UsageNotes:
    """Read the notes of a model's folder; missing or damaged ones count as empty.

    So do notes about files from before the manifest was written: the files may have been repaired since.
    """
    try:
        with (folder / _NAME).open("rb") as file:
            raw = json.loads(file.read(_LONGEST))
            stale = os.fstat(file.fileno()).st_mtime_ns < (folder / MANIFEST).stat().st_mtime_ns
        known = {} if stale else raw["files"]
        files = {str(name): VerifiedFile(int(one["changed_ns"]), one["right"] is True) for name, one in known.items()}
        return UsageNotes(float(raw["added"]), float(raw["last_used"]), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return UsageNotes()


def write_notes(folder: Path, notes: UsageNotes) -> None:
    """Write the notes into a model's folder. Raises OSError."""
    write_whole(folder / _NAME, json.dumps(asdict(notes), indent=1).encode())

"""Faults of the disk: files change while no program runs. The docstrings are the names in the table."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.fake_hub import HubFile
from tests.model_store.downloads.trouble import Trouble


class FlippedBit(Trouble):
    """a bit of the part file flips on the disk"""

    costs_a_file = True  # 4 MiB at most; these files are not much larger

    def meanwhile(self, parts: list[Path]) -> None:
        for part in parts:
            data = bytearray(part.read_bytes())
            if data:
                data[int(len(data) * self.wrong_at)] ^= 1
                part.write_bytes(data)


class Truncated(Trouble):
    """the part file has become shorter"""

    costs_a_file = True

    def meanwhile(self, parts: list[Path]) -> None:
        for part in parts:
            part.write_bytes(part.read_bytes()[: int(part.stat().st_size * self.wrong_at)])


class Vanished(Trouble):
    """the part file is gone, its journal is not"""

    costs_a_file = True

    def meanwhile(self, parts: list[Path]) -> None:
        for part in parts:
            part.unlink()


class JournalGarbage(Trouble):
    """the journal is garbage"""

    costs_a_file = True

    def meanwhile(self, parts: list[Path]) -> None:
        for part in parts:
            journal = part.with_suffix(".journal")
            kept = journal.read_bytes()
            journal.write_bytes(kept[:80] + self.chance.randbytes(max(0, len(kept) - 80)))


class PowerLoss(Trouble):
    """power fails: marks are on the disk, data is not"""

    costs_a_file = True

    def meanwhile(self, parts: list[Path]) -> None:
        for part in parts:
            journal = part.with_suffix(".journal")
            kept = bytearray(journal.read_bytes())
            kept[48:88] = b"another boot".ljust(40, b"\0")
            journal.write_bytes(kept)
            size = part.stat().st_size
            lost = int(size * self.wrong_at)
            with part.open("r+b") as file:
                file.seek(lost)
                file.write(bytes(size - lost))


class Replaced(Trouble):
    """the files are replaced on the Hub, the old commit is gone"""

    costs_a_file = True

    def meanwhile(self, _parts: list[Path]) -> None:
        for repository in self.hub.shared.repositories.values():
            repository.commit = "f" * 40
            for path, file in repository.files.items():
                data = file.data[:200] + bytes(56) + file.data[256:]
                repository.files[path] = HubFile(path, data)


ALL = (
    FlippedBit,
    Truncated,
    Vanished,
    JournalGarbage,
    PowerLoss,
    Replaced,
)

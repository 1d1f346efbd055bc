"""Lets a library run with an older glibc than that of the computer it was compiled on, where nothing stands against it.

A compiler takes the newest version of a function that it finds, also where the older one does the same. The
library then asks glibc for that version's name, and does not load where it is missing. Of the functions named here
each version is as good: the question is made one that may be answered with no (VER_FLG_WEAK), and the function is
asked for without a version. The tables are those of the System V ABI, as the Linux Standard Base describes them.
"""

from __future__ import annotations

import struct
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

from release import elf

#: Version -> functions of which it brings no more than other ways to report errors.
ALIKE = {"GLIBC_2.35": {"hypot", "hypotf"}}
_WEAK, _ANY = 0x2, 1


def relax(folder: Path) -> list[Path]:
    """Do so with every library below `folder` that needs it; return those that were changed."""
    return [library.path for library in elf.too_new(folder) if _relax(library.path)]


def _relax(path: Path) -> bool:
    with path.open("rb") as file:
        changes = _changes(ELFFile(file))
    if changes:
        with path.open("r+b") as file:
            for place, content in changes:
                file.seek(place)
                file.write(content)
    return bool(changes)


def _changes(library: ELFFile) -> list[tuple[int, bytes]]:
    """Return what is to be written where in the file."""
    order = "<" if library.little_endian else ">"
    needs, versions, symbols = (
        library.get_section_by_name(f".{name}") for name in ("gnu.version_r", "gnu.version", "dynsym")
    )
    changes: list[tuple[int, bytes]] = []
    if not isinstance(needs, GNUVerNeedSection) or versions is None or symbols is None:
        return changes
    numbers = struct.unpack(f"{order}{symbols.num_symbols()}H", versions.data()[: 2 * symbols.num_symbols()])
    place = needs["sh_offset"]
    for need, entries in needs.iter_versions():
        at = place + need["vn_aux"]
        for entry in entries:
            users = [index for index, number in enumerate(numbers) if number & 0x7FFF == entry["vna_other"]]
            names = {symbols.get_symbol(index).name for index in users}
            if names and names <= ALIKE.get(entry.name, set()):
                changes.append((at + 4, struct.pack(f"{order}H", entry["vna_flags"] | _WEAK)))
                changes += [(versions["sh_offset"] + 2 * index, struct.pack(f"{order}H", _ANY)) for index in users]
            at += entry["vna_next"]
        place += need["vn_next"]
    return changes

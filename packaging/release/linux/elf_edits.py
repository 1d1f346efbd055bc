"""Removes from libraries what ties them to the computer that they were compiled on (Linux).

The layout of such files is defined by the System V ABI and the Linux Standard Base.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection, GNUVerSymSection
from elftools.elf.sections import SymbolTableSection

from release.linux import elf

#: Version of glibc -> functions of which it brings no more than other ways to report errors.
ALIKE = {"GLIBC_2.35": {"hypot", "hypotf"}}
_WEAK, _ANY = 0x2, 1  # VER_FLG_WEAK, VER_NDX_GLOBAL
_NULL = 0

#: What is to be written where in a file.
Changes = list[tuple[int, bytes]]


def relax_glibc(folder: Path) -> list[Path]:
    """Let libraries below `folder` run with an older glibc where nothing stands against it; return those changed.

    A compiler takes the newest version of a function that it finds, also where the older one does the same. The
    library then asks glibc for that version's name, and does not load where it is missing. The question is made one
    that may be answered with no, and the function is asked for without a version.
    """
    return [library.path for library in elf.too_new(folder) if _edit(library.path, _relaxing)]


def forget_search_paths(folder: Path) -> list[Path]:
    """Let no library below `folder` look for others in folders of the computer that it was made on."""
    return [library.path for library in elf.libraries(folder) if _edit(library.path, _forgetting)]


def _edit(path: Path, find: Callable[[ELFFile, str], Changes]) -> bool:
    with path.open("rb") as file:
        library = ELFFile(file)
        changes = find(library, "<" if library.little_endian else ">")
    if changes:
        with path.open("r+b") as file:
            for place, content in changes:
                file.seek(place)
                file.write(content)
    return bool(changes)


def _relaxing(library: ELFFile, order: str) -> Changes:
    needs, versions, symbols = map(library.get_section_by_name, (".gnu.version_r", ".gnu.version", ".dynsym"))
    changes: Changes = []
    if not (isinstance(needs, GNUVerNeedSection) and isinstance(versions, GNUVerSymSection)):
        return changes
    assert isinstance(symbols, SymbolTableSection)
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


def _forgetting(library: ELFFile, order: str) -> Changes:
    """Close up the dynamic section where such a path stands."""
    section = library.get_section_by_name(".dynamic")
    if not isinstance(section, DynamicSection):
        return []
    tags: list[Any] = list(section.iter_tags())
    kept = [tag for tag in tags if not _leads_outside(tag)]
    if len(kept) == len(tags):
        return []
    words = 2 * ("q" if library.elfclass == 64 else "i")
    raw = section.data()
    size = struct.calcsize(order + words)
    entries = [raw[index * size : (index + 1) * size] for index, tag in enumerate(tags) if tag in kept]
    empty = struct.pack(order + words, _NULL, 0) * (len(tags) - len(kept))
    return [(section["sh_offset"], b"".join(entries) + empty)]


def _leads_outside(tag: Any) -> bool:
    """Return whether a dynamic tag is a search path with a folder that does not lie beside the library."""
    if tag.entry.d_tag not in ("DT_RUNPATH", "DT_RPATH"):
        return False
    said = tag.runpath if tag.entry.d_tag == "DT_RUNPATH" else tag.rpath
    return any(not folder.startswith("$ORIGIN") for folder in said.split(":"))

"""Which system libraries and versions of glibc the libraries of a frozen program need (Linux)."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from provision.console import give_up
from provision.system import WINDOW_LIBRARIES

#: The oldest glibc that the program runs with: that of PySide6's wheels. Debian 12 and Ubuntu 22.04 have the one for
#: x86-64, Debian 13 and Ubuntu 24.04 that for ARM.
GLIBC_FLOOR = "2.39" if platform.machine() == "aarch64" else "2.34"
#: glibc itself; that it is new enough is looked at symbol by symbol.
_GLIBC = re.compile(r"(ld-linux.*|lib(c|m|dl|pthread|rt|resolv|util|mvec))\.so\.\d+$")
_VERSION = re.compile(r"GLIBC_(\d+(?:\.\d+)+)$")
_MAY_BE_MISSING = 0x2  # VER_FLG_WEAK
_OTHERS = {
    "libICE.so.6": "libice6",  # these two for Qt on ARM
    "libSM.so.6": "libsm6",
    "libgcc_s.so.1": "libgcc-s1",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "liblzma.so.5": "liblzma5",
    "libstdc++.so.6": "libstdc++6",
    "libuuid.so.1": "libuuid1",
    "libz.so.1": "zlib1g",
    "libzstd.so.1": "libzstd1",
}


@dataclass(frozen=True)
class Library:
    """A program or a shared library."""

    path: Path
    name: str  # by which others ask for it
    needed: tuple[str, ...]
    glibc: str  # the newest version that a symbol of it asks for; empty: none


def libraries(folder: Path) -> Iterator[Library]:
    """Return all programs and shared libraries below a folder, each once."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield _look(path, ELFFile(file))


def _look(path: Path, elf: ELFFile) -> Library:
    name, newest = path.name, ""
    needed: list[str] = []
    for section in elf.iter_sections():
        if isinstance(section, DynamicSection):
            tag: Any
            for tag in section.iter_tags():
                if tag.entry.d_tag == "DT_NEEDED":
                    needed.append(tag.needed)
                elif tag.entry.d_tag == "DT_SONAME":
                    name = tag.soname
        elif isinstance(section, GNUVerNeedSection):
            wanted = (entry for _, entries in section.iter_versions() for entry in entries)
            versions = (entry.name for entry in wanted if not entry["vna_flags"] & _MAY_BE_MISSING)
            found = [match[1] for match in map(_VERSION.match, versions) if match]
            newest = max([newest, *found], key=ordered)
    return Library(path, name, tuple(needed), newest)


def ordered(version: str) -> tuple[int, ...]:
    """Return a version as it is compared: 2.9 comes before 2.34."""
    return tuple(int(part) for part in version.split(".") if part)


def too_new(folder: Path) -> list[Library]:
    """Return what asks for a newer glibc than the oldest we promise to run with."""
    return [library for library in libraries(folder) if ordered(library.glibc) > ordered(GLIBC_FLOOR)]


def from_outside(folder: Path) -> dict[str, list[str]]:
    """Return what the system must bring besides glibc: library -> those that ask for it."""
    inside: set[str] = set()
    asked: dict[str, list[str]] = {}
    for library in libraries(folder):
        inside |= {library.name, library.path.name}
        for name in library.needed:
            asked.setdefault(name, []).append(library.path.name)
    return {name: users for name, users in sorted(asked.items()) if name not in inside and not _GLIBC.match(name)}


def unused(folder: Path) -> list[Path]:
    """Return libraries at the top of the program that none of its own parts needs, neither directly nor by another.

    PyInstaller also puts there what plugins of Qt ask for that are left out, if this computer happens to have it.
    """
    loose = {path.name: path for path in folder.glob("lib*.so*") if not _is_python(path)}
    needed = {library.path: library.needed for library in libraries(folder)}
    used: set[str] = set()
    asked = {name for path, names in needed.items() if path not in loose.values() for name in names}
    while fresh := asked - used:
        used |= fresh
        asked = {name for library in fresh & loose.keys() for name in needed.get(loose[library], ())}
    return sorted(path for name, path in loose.items() if name not in used)


def _is_python(path: Path) -> bool:
    """Return whether it is Python itself, which the program opens without being linked to it."""
    return path.name.startswith("libpython")


def debian_packages(folder: Path) -> set[str]:
    """Return Debian's names of the packages that bring what is asked for from outside."""
    known = WINDOW_LIBRARIES | _OTHERS
    missing = from_outside(folder)
    if unknown := missing.keys() - known.keys():
        told = "; ".join(f"{name} (for {', '.join(missing[name][:3])})" for name in sorted(unknown))
        give_up(f"Nobody has said which package brings {told}.")
    return {known[name] for name in missing}

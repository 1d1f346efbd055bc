"""Which version of macOS and which system libraries the libraries of a frozen program need.

Mach-O is described in <mach-o/loader.h> and <mach-o/fat.h>.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: The oldest macOS that the program runs on: the modules of PySide6 6.11 are compiled for it, whatever their wheel is
#: called.
FLOOR = "15.0"

_THIN = b"\xcf\xfa\xed\xfe"  # of 64 bits, the low byte first: all that macOS has had since 2019
_FAT = b"\xca\xfe\xba\xbe"  # for several processors. Compiled Java begins alike, but never with few parts
_MOST_PARTS = 20
_BUILD_VERSION, _VERSION_MIN = 0x32, 0x24
_LOADS = {0xC, 0x8000_0018, 0x8000_001F}  # a library; weakly; one that is passed on
_OF_THE_SYSTEM = ("/usr/lib/", "/System/Library/")


@dataclass(frozen=True)
class Binary:
    """A program or a library."""

    path: Path
    macos: str  # the oldest that it runs on, for any of its processors; empty: it does not say
    needed: tuple[str, ...]  # as it names them: "@rpath/QtCore.framework/Versions/A/QtCore"


def binaries(folder: Path) -> Iterator[Binary]:
    """Return all programs and libraries below a folder, each once."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and is_binary(path):
            content = path.read_bytes()
            parts = [_look(content, place) for place in _parts(content)]
            newest = max((macos for macos, _ in parts), key=ordered, default="")
            yield Binary(path, newest, tuple(dict.fromkeys(name for _, names in parts for name in names)))


def is_binary(path: Path) -> bool:
    """Return whether a file is a program or a library for macOS."""
    with path.open("rb") as file:
        begin = file.read(8)
    if begin[:4] == _FAT and len(begin) == 8:
        return bool(0 < struct.unpack(">I", begin[4:])[0] < _MOST_PARTS)
    return begin[:4] == _THIN


def _parts(content: bytes) -> list[int]:
    """Return where in the file the part for each processor begins."""
    if content[:4] == _THIN:
        return [0]
    (number,) = struct.unpack_from(">I", content, 4)
    places = (struct.unpack_from(">5I", content, 8 + 20 * index)[2] for index in range(number))
    return [place for place in places if content[place : place + 4] == _THIN]


def _look(content: bytes, start: int) -> tuple[str, list[str]]:
    """Return of one part: the oldest macOS that it runs on, and the libraries it asks for."""
    _, _, _, _, number, _, _, _ = struct.unpack_from("<8I", content, start)
    place, macos, needed = start + 32, "", []
    for _ in range(number):
        command, size = struct.unpack_from("<2I", content, place)
        if command in (_BUILD_VERSION, _VERSION_MIN):
            (packed,) = struct.unpack_from("<I", content, place + (12 if command == _BUILD_VERSION else 8))
            macos = f"{packed >> 16}.{packed >> 8 & 0xFF}"
        elif command in _LOADS:
            (name,) = struct.unpack_from("<I", content, place + 8)
            needed.append(content[place + name : place + size].split(b"\0")[0].decode())
        place += size
    return macos, needed


def ordered(version: str) -> tuple[int, ...]:
    """Return a version as it is compared: 10.15 comes before 11.0."""
    return tuple(int(part) for part in version.split(".") if part)


def too_new(folder: Path) -> list[Binary]:
    """Return what asks for a newer macOS than the oldest we promise to run on."""
    return [binary for binary in binaries(folder) if ordered(binary.macos) > ordered(FLOOR)]


def missing(folder: Path) -> dict[str, list[str]]:
    """Return what neither the program nor macOS brings: library -> those that ask for it."""
    inside = {path.name for path in folder.rglob("*") if path.is_file()}
    found: dict[str, list[str]] = {}
    for binary in binaries(folder):
        for name in binary.needed:
            if not name.startswith(_OF_THE_SYSTEM) and name.rpartition("/")[2] not in inside:
                found.setdefault(name, []).append(binary.path.name)
    return found

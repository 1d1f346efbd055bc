"""The program's icon as Windows and macOS want it, and Windows' description of the program.

Built from resources/icons/app when a package is made there; Linux takes the PNG files as they are.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image
from provision import paths

from release.outputs import MAINTAINER, SUMMARY, version

_DRAWN = paths.REPOSITORY / "resources" / "icons" / "app"
_WINDOWS = (16, 24, 32, 48, 64, 128, 256)
_MACOS = (16, 32, 64, 128, 256, 512)


def made(folder: Path) -> str:
    """Write the icon for this system into `folder`; return its path."""
    if sys.platform == "win32":
        return str(for_windows(folder))
    path = folder / "eyebright.icns"
    *others, largest = _drawn(_MACOS)
    largest.save(path, append_images=others)
    return str(path)


def for_windows(folder: Path) -> Path:
    """Write the icon that Windows wants into `folder`; return its path."""
    path = folder / "eyebright.ico"
    *others, largest = _drawn(_WINDOWS)
    largest.save(path, sizes=[(size, size) for size in _WINDOWS], append_images=others)
    return path


def _drawn(sizes: tuple[int, ...]) -> list[Image.Image]:
    return [Image.open(_DRAWN / f"eyebright-{size}.png") for size in sizes]


def windows_version(folder: Path) -> str:
    """Write what Explorer shows of the program into `folder`; return the file's path."""
    numbers = [int(part) for part in version().split(".")[:3]]
    whole = (*numbers, 0)
    strings = {
        "CompanyName": MAINTAINER,
        "FileDescription": "Eyebright",
        "FileVersion": version(),
        "ProductName": "Eyebright",
        "ProductVersion": version(),
        "Comments": SUMMARY,
    }
    table = ", ".join(f"StringStruct({name!r}, {value!r})" for name, value in strings.items())
    path = folder / "version.txt"
    path.write_text(
        f"VSVersionInfo(ffi=FixedFileInfo(filevers={whole}, prodvers={whole}), kids=["
        f"StringFileInfo([StringTable('040904B0', [{table}])]), "
        "VarFileInfo([VarStruct('Translation', [1033, 1200])])])\n",
        "utf-8",
    )
    return str(path)

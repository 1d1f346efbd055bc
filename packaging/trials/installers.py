"""Installs and removes each kind of package on this very computer, on every system."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trials import x11_user
from trials.x11_user import Disappointed

_MOST_S = 300
_KEYS = (
    r"Software\Microsoft\Windows\CurrentVersion\Uninstall\Eyebright",
    r"Software\Classes\Applications\eyebright.exe",
    r"Software\Classes\Eyebright.Picture",
)
_OPEN_WITH = r"Software\Classes\.png\OpenWithProgids"


def run(command: Sequence[str | Path], **more: str) -> str:
    """Run a command and return what it printed. Raises `Disappointed`."""
    try:
        result = subprocess.run(
            command,
            env=os.environ | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_MOST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Disappointed(f"{Path(command[0]).name}: {error}") from error
    if result.returncode:
        raise Disappointed(f"{Path(command[0]).name} ended with {result.returncode}: {result.stderr.strip()[-300:]}")
    return result.stdout


@dataclass
class Placed:
    """A package on this computer. As such: one that is unpacked into a folder, and whose removal is that of the folder.

    `window` starts the program with a window, `command_line` one that speaks in a terminal.
    """

    package: Path
    folder: Path
    window: list[str] = field(default_factory=list)
    command_line: list[str] = field(default_factory=list)

    def install(self) -> str:
        """Put it there, ask nothing, and return one line."""
        if self.package.suffix == ".zip":
            with zipfile.ZipFile(self.package) as archive:
                archive.extractall(self.folder)
        else:
            with tarfile.open(self.package) as tar:
                tar.extractall(self.folder, filter="tar")
        (inside,) = self.folder.iterdir()
        ends = ("eyebright.exe", "eyebright-cli.exe") if sys.platform == "win32" else ("eyebright", "eyebright")
        self.window, self.command_line = ([str(inside / name)] for name in ends)
        return "unpacked"

    def remove(self) -> str:
        """Take it away again, ask nothing, and return one line."""
        shutil.rmtree(self.folder)
        return "deleted"

    def left(self) -> list[str]:
        """Return what is still there of it."""
        return [str(self.folder)] if self.folder.exists() else []


class WindowsInstaller(Placed):
    """The installer, and the uninstaller that it leaves."""

    def install(self) -> str:
        """Install it silently."""
        run([self.package, "/S"])
        self.window = [str(self.folder / "eyebright.exe")]
        self.command_line = [str(self.folder / "eyebright-cli.exe")]
        if missing := {*_KEYS, str(self._shortcut())} - set(self.left()):
            raise Disappointed(f"it has not made {', '.join(sorted(missing))}")
        return "installed without a question, with its entries"

    def remove(self) -> str:
        """Uninstall it as the list of programs in the settings does."""
        run([self.folder / "uninstall.exe", "/S"])
        # It goes on as a copy in another folder, so that it can delete itself, and nobody can wait for that.
        x11_user.wait_for("the end of the uninstaller", lambda: not self.folder.exists())
        time.sleep(2)
        return "uninstalled without a question"

    def left(self) -> list[str]:
        """Return what is still there: the folder, the entry in the start menu, and keys of the registry."""
        paths = [path for path in (self.folder, self._shortcut()) if path.exists()]
        return [*map(str, paths), *(key for key in _KEYS if _has_key(key)), *_values(_OPEN_WITH)]

    def _shortcut(self) -> Path:
        menu = Path(os.environ["APPDATA"]) / "Microsoft" / "Windows" / "Start Menu" / "Programs"
        return menu / "Eyebright.lnk"


def _has_key(name: str) -> bool:
    if sys.platform == "win32":
        import winreg

        try:
            winreg.OpenKey(winreg.HKEY_CURRENT_USER, name).Close()
        except OSError:
            return False
        return True
    return False


def _values(name: str) -> list[str]:
    """Return our value of a key that others have as well."""
    if sys.platform == "win32":
        import winreg

        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, name) as key:
                winreg.QueryValueEx(key, "Eyebright.Picture")
        except OSError:
            return []
        return [f"{name}: Eyebright.Picture"]
    return []


class DiskImage(Placed):
    """A disk image of macOS, from which the program is dragged to the applications."""

    def install(self) -> str:
        """Open the image, copy the program as Finder does, and close it."""
        volume = self.folder.parent / "eyebright-image"
        run(["hdiutil", "attach", self.package, "-nobrowse", "-readonly", "-mountpoint", volume])
        try:
            if not (volume / "Applications").is_symlink():
                raise Disappointed("the image shows no way to the applications")
            run(["ditto", volume / "Eyebright.app", self.folder])
        finally:
            run(["hdiutil", "detach", volume, "-force"])
        self.command_line = [str(self.folder / "Contents" / "MacOS" / "eyebright")]
        # As a double click: by macOS, not as a child of this process.
        self.window = ["open", "-n", "-a", str(self.folder)]
        run(["codesign", "--verify", "--deep", "--strict", self.folder])
        return "copied out of the image, its signature whole"


class Deb(Placed):
    """Debian's package, by apt. `folder` is where the program lies."""

    def install(self) -> str:
        """Install it and what it depends on."""
        run([*_root(), "apt-get", "install", "--yes", "--no-install-recommends", self.package.absolute()])
        self.window = self.command_line = ["/usr/bin/eyebright"]
        return "installed by apt"

    def remove(self) -> str:
        """Remove it."""
        run([*_root(), "apt-get", "purge", "--yes", "eyebright"])
        return "purged without a question"

    def left(self) -> list[str]:
        """Return what is still there: the folder, the command, and the entry among the programs."""
        entry = Path("/usr/share/applications/eyebright.desktop")
        return [str(path) for path in (self.folder, Path("/usr/bin/eyebright"), entry) if path.exists()]


def _root() -> list[str]:
    return [] if sys.platform != "linux" or os.geteuid() == 0 else ["sudo"]


class AppImage(Placed):
    """One file. Computers without FUSE have it unpack itself first."""

    def install(self) -> str:
        """Copy it."""
        self.folder.mkdir()
        copy = self.folder / self.package.name
        shutil.copy(self.package, copy)
        self.window = self.command_line = [str(copy), "--appimage-extract-and-run"]
        return "copied"

"""Makes a fresh Windows environment with Wine for each trial, without a screen and apart from the user's own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trials.chroots import NotHad
from trials.x11_user import Disappointed

#: Debian keeps them off the PATH.
_FOLDER = "/usr/lib/wine"
_MOST_S = 180


class Wine:
    """One Windows, in a folder."""

    def __init__(self, folder: Path, program: str) -> None:
        self._folder, self._program = folder, program
        home = folder / "home"
        home.mkdir(parents=True)
        self._environment = {
            "PATH": f"{os.environ['PATH']}{os.pathsep}{_FOLDER}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "WINEPREFIX": str(folder / "windows"),
            "WINEDEBUG": "-all",
            # No .NET, no browser, and no entries in the menus of this computer.
            "WINEDLLOVERRIDES": "mscoree=d;mshtml=d;winemenubuilder.exe=d",
        }

    def run(self, *command: str | Path, ends: int = 0) -> str:
        """Run a program of Windows and return what it printed; `ends` is the status it should end with."""
        # A file and no pipe: Wine's services, which the first program starts, would keep a pipe open.
        with tempfile.TemporaryFile() as said:
            try:
                result = subprocess.run(
                    [self._program, *command],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    timeout=_MOST_S,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise Disappointed(f"{Path(command[0]).name} did not end in {_MOST_S} s") from error
            if result.returncode != ends:
                raise Disappointed(f"{Path(command[0]).name} ended with {result.returncode} instead of {ends}")
            said.seek(0)
            return said.read().decode(errors="replace")

    @contextlib.contextmanager
    def running(self, *command: str | Path) -> Iterator[None]:
        """Keep a program of Windows running."""
        process = subprocess.Popen(
            [self._program, *command],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            process.kill()
            process.wait(30)

    def local(self) -> Path:
        """Return the person's folder for programs and their data."""
        (users,) = [one for one in (self.drive / "users").iterdir() if one.name != "Public"]
        return users / "AppData" / "Local"

    def menu(self) -> Path:
        """Return the folder of the person's start menu."""
        return self.local().with_name("Roaming") / "Microsoft" / "Windows" / "Start Menu" / "Programs"

    def registry(self, *keys: str) -> str:
        """Return all that the registry holds below some of the person's keys."""
        return "".join(self.run("reg", "query", rf"HKCU\{key}", "/s") for key in keys)

    def named(self, path: Path) -> str:
        """Return the name that Windows has for a path."""
        return "C:\\" + "\\".join(path.relative_to(self.drive).parts)

    def is_version(self, name: str) -> None:
        """Become another version of Windows: win7, win10."""
        self.run("winecfg", "-v", name)

    @property
    def drive(self) -> Path:
        """Return the folder that Windows calls C:."""
        return self._folder / "windows" / "drive_c"

    def end(self) -> None:
        """End all that runs in it."""
        path = self._environment["PATH"]
        server = shutil.which("wineserver64", path=path) or shutil.which("wineserver", path=path)
        if server is not None:
            subprocess.run([server, "--kill", "--wait"], env=self._environment, timeout=_MOST_S, check=False)


@contextlib.contextmanager
def windows(work: Path) -> Iterator[Wine]:
    """Yield a Windows that nobody has used, in a folder that is gone afterwards. Raises `NotHad` without Wine."""
    path = f"{os.environ['PATH']}{os.pathsep}{_FOLDER}"
    program = shutil.which("wine64", path=path) or shutil.which("wine", path=path)
    if program is None:
        raise NotHad("Wine is not here (Debian: apt install wine64)")
    folder = work / "wine"
    shutil.rmtree(folder, ignore_errors=True)
    made = Wine(folder, program)
    try:
        made.run("wineboot", "--init")
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)

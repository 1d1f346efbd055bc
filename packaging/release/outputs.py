"""Where packages are written, what they are called, and the one version of all of them."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from datetime import datetime, timezone

from provision import paths

BUILD = paths.REPOSITORY / "build" / "packages"
#: The finished packages.
DIST = paths.REPOSITORY / "dist"
#: The program as PyInstaller leaves it: the program itself, and `_internal` with all it needs.
PROGRAM = BUILD / "frozen" / "eyebright"
#: macOS starts this.
BUNDLE = BUILD / "frozen" / "Eyebright.app"
#: What one says about the program to systems that install it.
SUMMARY = "Talk with your computer about your pictures, in private"
DESCRIPTION = """\
Drop a picture on the window, ask about it, read the answer, ask again.
Everything happens on your own computer: nothing about a picture ever
leaves it, and no network is needed. A small model is built in; a full
LLaVA is downloaded when you click on the offer."""
MAINTAINER = "Eyebright contributors"

_ABOUT = paths.REPOSITORY / "desktop_app" / "__init__.py"
_DEBIAN = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def about(name: str) -> str:
    """Return what desktop_app says of itself: `__version__` or `__home__`; without importing it."""
    found = re.search(rf'^{name} = "([^"]+)"', _ABOUT.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise LookupError(f"{_ABOUT.name} names no {name}")
    return found[1]


def version() -> str:
    """Return the version of everything that is built."""
    return about("__version__")


def home() -> str:
    """Return the address of the project."""
    return about("__home__")


def set_home(address: str) -> None:
    """Write the address of the project where the program reads it: releases know where they are published."""
    text = _ABOUT.read_text("utf-8")
    _ABOUT.write_text(re.sub(r'^__home__ = "[^"]+"', f'__home__ = "{address}"', text, flags=re.MULTILINE), "utf-8")


def mail() -> str:
    """Return the address that packages want to name."""
    host = home().partition("://")[2].partition("/")[0]
    return f"contributors@{host}"


def processor() -> str:
    """Return this computer's kind of processor by the name that Debian gives it."""
    return _DEBIAN[platform.machine().lower()]


def system_name() -> str:
    """Return what files are named after: linux-x86_64, macos-arm64, windows-x86_64."""
    system = {"darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")
    machine = {"amd64": "x86_64", "arm64": "aarch64" if system == "linux" else "arm64"}[processor()]
    return f"{system}-{machine}"


def moment() -> int:
    """Return the time that files in packages bear (seconds since 1970): that of the latest change."""
    if said := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(said)
    command = ["git", "log", "-1", "--format=%ct"]
    found = subprocess.run(command, cwd=paths.REPOSITORY, capture_output=True, text=True, check=False)
    return int(found.stdout) if found.returncode == 0 else int(_ABOUT.stat().st_mtime)


def date() -> datetime:
    """Return `moment` as a date of UTC."""
    return datetime.fromtimestamp(moment(), timezone.utc)

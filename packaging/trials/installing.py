"""Installs and removes each kind of package inside a Linux system made for the trial."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from trials.chroots import Chroot
from trials.x11_user import Disappointed

_MOST_S = 600
_TOOLS = "/usr/bin:/usr/sbin:/bin:/sbin"


def _must(result: subprocess.CompletedProcess[str]) -> None:
    if result.returncode:
        raise Disappointed((result.stderr or result.stdout).strip()[-400:])


def install_deb(chroot: Chroot, package: Path) -> str:
    """Install a .deb and what it depends on, as a person would: apt install ./eyebright.deb."""
    inside = chroot.root / package.name
    shutil.copyfile(package, inside)
    _must(chroot.run("apt-get", "update", online=True, most=_MOST_S))
    options = ["--yes", "--no-install-recommends"]
    _must(chroot.run("apt-get", "install", *options, f"/{package.name}", online=True, most=_MOST_S))
    inside.unlink()
    return chroot.run("dpkg-query", "--show", "--showformat", "${Version}", "eyebright").stdout


def remove_deb(chroot: Chroot) -> str:
    """Remove it. What it depended on stays, as apt leaves it."""
    _must(chroot.run("apt-get", "purge", "--yes", "eyebright"))
    return "purged without a question"


def install_rpm(chroot: Chroot, package: Path) -> str:
    """Install a .rpm with rpm itself. The system is Debian's, whose packages rpm does not know."""
    _must(_rpm(chroot, "--install", "--nodeps", "--ignoreos", str(package)))
    _must(verified := _rpm(chroot, "--verify", "--nodeps", "eyebright"))
    return f"installed, and every file verified{verified.stdout.strip()}"


def remove_rpm(chroot: Chroot) -> str:
    """Remove it."""
    _must(_rpm(chroot, "--erase", "--nodeps", "eyebright"))
    return "erased without a question"


def _rpm(chroot: Chroot, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["rpm", "--root", str(chroot.root), "--dbpath", "/var/lib/rpm", *words]
    environment = {"PATH": _TOOLS, "HOME": "/root", "LANG": "C.UTF-8"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_MOST_S, check=False)


def requirements_of_rpm(package: Path, chroot: Chroot) -> str:
    """Say whether every library that the .rpm asks for is one that the .deb's dependencies have brought."""
    command = ["rpm", "--query", "--requires", "--package", str(package)]
    asked = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    names = sorted({line.partition("(")[0] for line in asked if ".so" in line})
    known = chroot.run("ldconfig", "--print-cache").stdout
    if missing := [name for name in names if f"\t{name} " not in known]:
        raise Disappointed(f"nothing brings {', '.join(missing)}")
    return f"{len(names)} libraries asked for, all known"


@contextlib.contextmanager
def unpacked(chroot: Chroot, archive: Path, name: str) -> Iterator[str]:
    """Unpack the archive in the person's home, in a folder called `name`; yield the program's place inside."""
    folder = chroot.home / name
    folder.mkdir()
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="tar")
    chroot.give(folder)
    (inside,) = folder.iterdir()
    yield f"{chroot.home_inside}/{name}/{inside.name}"
    shutil.rmtree(folder)

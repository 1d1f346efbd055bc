"""Lays out the files of a Linux package as they will be on disk, below a folder that stands for the root."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

from provision import paths

from release.linux.metainfo import NAME, metainfo
from release.outputs import moment

#: Where the program lies, seen from the root.
PROGRAM_FOLDER = "usr/lib/eyebright"
_ICONS = paths.REPOSITORY / "resources" / "icons"
_THEME = "usr/share/icons/hicolor"


def lay_out(program: Path, root: Path) -> None:
    """Copy the frozen program to `root` as systems with packages have it, with all that desktops want to know."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(program, root / PROGRAM_FOLDER, symlinks=True)
    command = root / "usr/bin/eyebright"
    command.parent.mkdir(parents=True)
    command.symlink_to(f"../lib/{PROGRAM_FOLDER.rpartition('/')[2]}/eyebright")
    _copy(paths.REPOSITORY / "packaging/linux/eyebright.desktop", root / "usr/share/applications/eyebright.desktop")
    _write(root / "usr/share/metainfo" / NAME, metainfo())
    _copy(_ICONS / "eyebright.svg", root / _THEME / "scalable/apps/eyebright.svg")
    for drawn in sorted((_ICONS / "app").glob("eyebright-*.png")):
        size = drawn.stem.rpartition("-")[2]
        _copy(drawn, root / _THEME / f"{size}x{size}/apps/eyebright.png")
    write_compressed(root / "usr/share/man/man1/eyebright.1.gz", paths.REPOSITORY / "packaging/linux/eyebright.1")


def settle(root: Path) -> None:
    """Give all files the rights and the time that packages have, whatever this computer's usual ones are."""
    when = moment()
    for path in sorted(root.rglob("*"), reverse=True):
        if not path.is_symlink():
            runs = path.is_dir() or (path.stat().st_mode & 0o111 and ".so" not in path.name)
            path.chmod(0o755 if runs else 0o644)
        os.utime(path, (when, when), follow_symlinks=False)
    root.chmod(0o755)
    os.utime(root, (when, when))


def write_compressed(target: Path, source: Path | str) -> None:
    """Write a file, or text, so that the same always gives the same bytes."""
    text = source if isinstance(source, str) else source.read_text("utf-8")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
        file.write(text.encode())


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")

"""Checks what packages say about themselves, with the validators of desktop systems and distributions."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from provision import paths
from release.linux.metainfo import NAME

from trials.x11_user import Disappointed

_MOST_S = 300


def lintian(package: Path) -> str:
    """Let Debian's own reader of packages look for errors."""
    said = _said(["lintian", "--fail-on", "error", "--allow-root", str(package)])
    warnings = sum(line.startswith("W: ") for line in said.splitlines())
    return f"no errors, {warnings} warnings"


def desktop_entry(package: Path) -> str:
    """Look at the entry among the programs."""
    with tempfile.TemporaryDirectory() as name:
        root = _unpacked(package, Path(name))
        _said(["desktop-file-validate", "--warn-kde", str(root / "usr/share/applications/eyebright.desktop")])
        icons = sorted(
            path.parent.parent.name for path in (root / "usr/share/icons/hicolor").glob("*/apps/eyebright.*")
        )
        return f"valid, icons in {', '.join(sorted(icons, key=lambda size: (len(size), size)))}"


def metainfo(package: Path) -> str:
    """Look at what software centres show."""
    with tempfile.TemporaryDirectory() as name:
        path = _unpacked(package, Path(name)) / "usr/share/metainfo" / NAME
        if "@" in path.read_text("utf-8").replace("contributors@", ""):
            raise Disappointed("something was not filled in")
        _said(["appstreamcli", "validate", "--no-net", "--explain", str(path)])
        return "valid"


def licence_texts(package: Path) -> str:
    """Look whether every part has its licence with it."""
    with tempfile.TemporaryDirectory() as name:
        text = (_unpacked(package, Path(name)) / "usr/share/doc/eyebright/copyright").read_text("utf-8")
    parts = text.split("-" * 100)[1:]
    bare = [part.strip().splitlines()[0] for part in parts if len(part.strip().splitlines()) < 6]
    if bare or len(parts) < 20:
        raise Disappointed(f"no text for {', '.join(bare)}; {len(parts)} parts")
    return f"{len(parts)} parts, each with its text"


def size(packages: Sequence[Path]) -> str:
    """Look whether a download is as large as the README says, or smaller."""
    readme = (paths.REPOSITORY / "README.md").read_text("utf-8")
    (promised,) = map(int, re.findall(r"in one file of about (\d+) MB", readme))
    sizes = {package.name: round(package.stat().st_size / 1e6) for package in packages}
    if larger := [f"{name} has {megabytes} MB" for name, megabytes in sizes.items() if megabytes > 1.1 * promised]:
        raise Disappointed(f"{', '.join(larger)}; the README says about {promised}")
    return f"{min(sizes.values())} to {max(sizes.values())} MB"


def _unpacked(package: Path, folder: Path) -> Path:
    _said(["dpkg-deb", "--extract", str(package), str(folder)])
    return folder


def _said(command: Sequence[str]) -> str:
    result = subprocess.run(command, cwd=paths.REPOSITORY, capture_output=True, text=True, timeout=_MOST_S, check=False)
    if result.returncode:
        raise Disappointed((result.stdout + result.stderr).strip()[-600:])
    return result.stdout

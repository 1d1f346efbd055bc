"""Makes the .deb package for Debian, Ubuntu and their relatives."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from provision import paths
from provision.console import give_up

from release import licences
from release.linux import elf, tree
from release.outputs import BUILD, DESCRIPTION, DIST, MAINTAINER, SUMMARY, date, home, mail, moment, processor, version

_OVERRIDES = paths.REPOSITORY / "packaging" / "linux" / "lintian-overrides"
_DOC = "usr/share/doc/eyebright"


def build(program: Path) -> Path:
    """Make the package from the frozen program, and return it."""
    root = BUILD / "deb"
    tree.lay_out(program, root)
    doc = root / _DOC
    doc.mkdir(parents=True)
    licences.write_copyright(doc / "copyright", for_debian=True)
    tree.write_compressed(doc / "changelog.gz", _changelog())
    overrides = root / "usr/share/lintian/overrides/eyebright"
    overrides.parent.mkdir(parents=True)
    shutil.copyfile(_OVERRIDES, overrides)
    control = root / "DEBIAN"
    control.mkdir()
    (control / "control").write_text(_control(root), "utf-8")
    (control / "md5sums").write_text(_sums(root), "utf-8")
    tree.settle(root)
    DIST.mkdir(exist_ok=True)
    package = DIST / f"eyebright_{version()}_{processor()}.deb"
    package.unlink(missing_ok=True)
    command: list[str | Path] = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z9", "--build", root, package]
    result = subprocess.run(
        command, env={**os.environ, "SOURCE_DATE_EPOCH": str(moment())}, capture_output=True, text=True, check=False
    )
    if result.returncode:
        give_up(f"dpkg-deb failed: {result.stderr.strip()}")
    shutil.rmtree(root)
    return package


def _control(root: Path) -> str:
    size = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    needed = [f"libc6 (>= {elf.GLIBC_FLOOR})", *sorted(elf.debian_packages(root / tree.PROGRAM_FOLDER))]
    long = "\n".join(f" {line}" for line in DESCRIPTION.splitlines())
    fields = {
        "Package": "eyebright",
        "Version": version(),
        "Architecture": processor(),
        "Maintainer": f"{MAINTAINER} <{mail()}>",
        "Installed-Size": str(-(-size // 1024)),
        "Depends": ", ".join(needed),
        # Without one nobody can open a picture by the portal, or keep a token for a Hub that wants one.
        "Suggests": "xdg-desktop-portal, gnome-keyring | kwalletmanager",
        "Section": "graphics",
        "Priority": "optional",
        "Homepage": home(),
        "Description": f"{SUMMARY[0].lower()}{SUMMARY[1:]}\n{long}",
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def _changelog() -> str:
    when = date().strftime("%a, %d %b %Y %H:%M:%S +0000")
    return (
        f"eyebright ({version()}) unstable; urgency=low\n\n"
        f"  * See {home()} for what is new.\n\n"
        f" -- {MAINTAINER} <{mail()}>  {when}\n"
    )


def _sums(root: Path) -> str:
    files = sorted(path for path in (root / "usr").rglob("*") if path.is_file() and not path.is_symlink())
    lines = (f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in files)
    return "".join(lines)

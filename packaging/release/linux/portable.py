"""Makes the archive with the program in a folder that can be unpacked anywhere, also on a USB stick."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from provision import paths

from release import licences
from release.linux import tree
from release.linux.metainfo import NAME, metainfo
from release.outputs import BUILD, DIST, date, system_name, version

_README = """\
Eyebright {version}

Open the program `eyebright` in this folder: drop a picture on its window and ask about it.
To have it among your programs, run: ./install-shortcut

Your conversations lie in your home folder. To keep them in this folder instead, on a stick for
instance, make a folder here that is called

    eyebright-data

before you start the program. Deleting this folder removes the program, and with it only what
lies in eyebright-data.

./eyebright --help tells what it can do without a window.
"""
#: A program that lies anywhere is not found by the desktop; this says where it lies.
_SHORTCUT = """\
#!/bin/sh
# Puts Eyebright among the programs of this user; `./install-shortcut --remove` takes it out again.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
data=${XDG_DATA_HOME:-$HOME/.local/share}
entry=$data/applications/eyebright.desktop
icon=$data/icons/hicolor/scalable/apps/eyebright.svg
if [ "${1:-}" = --remove ]; then
    rm -f -- "$entry" "$icon"
    exit 0
fi
mkdir -p -- "$data/applications" "$data/icons/hicolor/scalable/apps"
cp -- "$here/share/eyebright.svg" "$icon"
# In a desktop entry a path stands in quotes, with what is special there after a backslash.
quoted=$(printf '%s' "$here/eyebright" | sed -e 's/[\\\\"`$]/\\\\\\\\&/g' -e 's/%/%%/g' -e 's/[&|\\\\]/\\\\&/g')
sed -e "s|^Exec=eyebright|Exec=\\"$quoted\\"|" "$here/share/eyebright.desktop" > "$entry"
"""


def lay_out(program: Path, folder: Path) -> None:
    """Copy the frozen program to `folder`, with what a person needs who has only this."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(program, folder, symlinks=True)
    (folder / "README.txt").write_text(_README.format(version=version()), "utf-8")
    shortcut = folder / "install-shortcut"
    shortcut.write_text(_SHORTCUT, "utf-8")
    shortcut.chmod(0o755)
    share = folder / "share"
    share.mkdir()
    shutil.copyfile(paths.REPOSITORY / "packaging/linux/eyebright.desktop", share / "eyebright.desktop")
    shutil.copyfile(paths.REPOSITORY / "resources/icons/eyebright.svg", share / "eyebright.svg")
    (share / NAME).write_text(metainfo(), "utf-8")
    licences.write_copyright(folder / "LICENCES.txt")


def build(program: Path) -> Path:
    """Make the archive from the frozen program, and return it."""
    folder = BUILD / "portable" / f"eyebright-{version()}"
    lay_out(program, folder)
    tree.settle(folder)
    DIST.mkdir(exist_ok=True)
    archive = DIST / f"eyebright-{version()}-{system_name()}.tar.xz"
    with tarfile.open(archive, "w:xz", format=tarfile.PAX_FORMAT, preset=9) as tar:
        for path in [folder, *sorted(folder.rglob("*"))]:
            tar.add(path, str(path.relative_to(folder.parent)), recursive=False, filter=_anonymous)
    shutil.rmtree(folder)
    return archive


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mtime = int(date().timestamp())
    return entry

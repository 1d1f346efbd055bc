"""Makes the AppImage (type 2): one file that contains the whole program for Linux.

It is a small program, the runtime, with a file system (SquashFS) appended: the runtime mounts it and starts the
AppRun inside. The runtime comes from the AppImage project; whoever makes the package gives its path.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

from provision import paths
from provision.console import give_up

from release import licences
from release.linux import tree
from release.outputs import BUILD, DIST, moment, processor, system_name, version

_MAGIC_PLACE, _MAGIC = 8, b"AI\x02"  # in bytes of the ELF header that nobody else reads
_MACHINES = {"amd64": 62, "arm64": 183}  # EM_X86_64, EM_AARCH64
#: Only what every runtime can read; larger blocks make it smaller, and starting hardly slower.
_PACKING = ("-comp", "zstd", "-Xcompression-level", "22", "-b", "1M")


def lay_out(program: Path, folder: Path) -> None:
    """Copy the frozen program to `folder` (AppDir): below usr as packages have it, and on top what a desktop reads."""
    tree.lay_out(program, folder)
    licences.write_copyright(folder / "usr/share/licenses/eyebright/copyright")
    (folder / "AppRun").symlink_to(f"{tree.PROGRAM_FOLDER}/eyebright")
    shutil.copyfile(folder / "usr/share/applications/eyebright.desktop", folder / "eyebright.desktop")
    shutil.copyfile(paths.REPOSITORY / "resources/icons/app/eyebright-256.png", folder / "eyebright.png")
    (folder / ".DirIcon").symlink_to("eyebright.png")
    tree.settle(folder)


def build(program: Path, runtime: Path) -> Path:
    """Make the file from the frozen program and the AppImage project's runtime, and return it."""
    folder = BUILD / "AppDir"
    lay_out(program, folder)
    DIST.mkdir(exist_ok=True)
    package = DIST / f"eyebright-{version()}-{system_name()}.AppImage"
    join(runtime, folder, package)
    shutil.rmtree(folder)
    return package


def join(runtime: Path, folder: Path, package: Path) -> None:
    """Write the runtime, and behind it the folder as a file system."""
    _look_at(runtime)
    if not shutil.which("mksquashfs"):
        give_up("mksquashfs is not here: install squashfs-tools.")
    packed = package.with_name(f"{package.name}.squashfs")
    packed.unlink(missing_ok=True)
    options = ["-root-owned", "-noappend", "-no-xattrs", "-no-progress", "-quiet", *_PACKING]
    command: list[str | Path] = ["mksquashfs", folder, packed, *options]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(moment())}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        give_up(f"mksquashfs failed: {(result.stderr or result.stdout).strip()[-1000:]}")
    with package.open("wb") as file:
        for part in (runtime, packed):
            with part.open("rb") as source:
                shutil.copyfileobj(source, file)
    package.chmod(0o755)
    packed.unlink()


def _look_at(runtime: Path) -> None:
    """End if the file is no runtime of type 2, or none for this processor: the package would not start."""
    begin = runtime.read_bytes()[:64] if runtime.is_file() else b""
    wanted = _MACHINES[processor()]
    if begin[:4] != b"\x7fELF" or begin[_MAGIC_PLACE : _MAGIC_PLACE + len(_MAGIC)] != _MAGIC:
        give_up(f"{runtime} is no AppImage runtime of type 2.")
    if struct.unpack_from("<H", begin, 18)[0] != wanted:
        give_up(f"{runtime} is for another processor than {processor()}.")

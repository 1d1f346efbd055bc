"""Checks, as far as Linux can, two packages that are only used elsewhere: the Flatpak and the AppImage."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from provision import paths
from release.linux import appimage, flatpak, tree

from trials.x11_user import Disappointed

_MOST_S = 300
_CHECKS = 9  # of the self-test
#: All that a Flatpak of ours may do.
_RIGHTS = {
    "--socket=wayland",
    "--socket=fallback-x11",
    "--share=ipc",
    "--share=network",
    "--talk-name=org.freedesktop.secrets",
}


def flatpak_manifest(archive: Path, work: Path) -> str:
    """Have flatpak-builder read the manifest, and do by hand what it will do: lay out the program below a prefix."""
    manifest = work / flatpak.NAME
    manifest.write_text(flatpak.local(archive), "utf-8")
    # It leaves a folder for its own use where it is started.
    read = json.loads(_said(["flatpak-builder", "--show-manifest", str(manifest)], folder=work))
    (module,) = read["modules"]
    if read.get("id") != flatpak.NAME.removesuffix(".yml") or len(module["sources"]) != len(flatpak.MACHINES):
        raise Disappointed("it was read as something else")
    if more := sorted(set(read["finish-args"]) - _RIGHTS):
        raise Disappointed(f"it may do {', '.join(more)}")
    unpacked, prefix = work / "flatpak-source", work / "flatpak-app"
    for folder in (unpacked, prefix):
        shutil.rmtree(folder, ignore_errors=True)
    unpacked.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        tar.extractall(unpacked, filter="tar")
    (inside,) = unpacked.iterdir()  # which flatpak-builder leaves out, as patch -p1 does
    for line in module["build-commands"]:
        _said(["sh", "-c", line.replace("/app/", f"{prefix}/")], folder=inside)
    tried = _self_test([str(prefix / "bin" / read["command"])], work)
    needed = {
        f"share/applications/{read['rename-desktop-file']}",
        f"share/icons/hicolor/scalable/apps/{read['rename-icon']}.svg",
        f"share/metainfo/{read['id']}.metainfo.xml",
        f"share/licenses/{read['id']}/LICENCES.txt",
    }
    if missing := sorted(name for name in needed if not (prefix / name).is_file()):
        raise Disappointed(f"there is no {', '.join(missing)}")
    for folder in (unpacked, prefix):
        shutil.rmtree(folder)
    return f"understood, laid out, {tried}; {len(read['finish-args'])} rights, none to a folder"


def appimage_folder(program: Path, work: Path) -> str:
    """Lay out what is in an AppImage, and have its AppRun check the program."""
    folder = work / "AppDir"
    appimage.lay_out(program, folder)
    _said(["desktop-file-validate", str(folder / "eyebright.desktop")])
    return _self_test([str(folder / "AppRun")], work)


def appimage_joined(work: Path) -> str:
    """Join that with a stand-in for the runtime, and read it back from behind it."""
    folder, runtime = work / "AppDir", work / "runtime"
    # A program of this processor that bears the mark of a runtime; no other can be had without a network.
    content = bytearray(Path(shutil.which("true") or sys.executable).read_bytes())
    content[8:11] = b"AI\x02"
    runtime.write_bytes(content)
    package, back = work / "trial.AppImage", work / "AppDir-back"
    try:
        appimage.join(runtime, folder, package)
    except SystemExit as error:
        raise Disappointed("it could not be joined; see above") from error
    shutil.rmtree(back, ignore_errors=True)
    _said(["unsquashfs", "-quiet", "-no-progress", "-offset", str(len(content)), "-dest", str(back), str(package)])
    _said(["diff", "--recursive", "--no-dereference", str(folder), str(back)])
    started = subprocess.run([package], check=False).returncode  # the runtime comes first, and is a program
    if started or not (back / tree.PROGRAM_FOLDER / "eyebright").is_file():
        raise Disappointed(f"the runtime ended with {started}")
    megabytes = package.stat().st_size / 1e6
    for path in (folder, back):
        shutil.rmtree(path)
    package.unlink()
    return f"{megabytes:.1f} MB, read back file by file"


def _self_test(command: Sequence[str], work: Path) -> str:
    home = work / "manuscripts-home"
    shutil.rmtree(home, ignore_errors=True)
    variables = {"EYEBRIGHT_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}
    lines = _said([*command, "self-test"], variables).splitlines()
    good = [line for line in lines if line.startswith("ok ")]
    if len(good) != _CHECKS or good != lines:
        raise Disappointed(f"{len(good)} checks of {_CHECKS} are good")
    return f"{len(good)} checks of the self-test"


def _said(command: Sequence[str], variables: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
    result = subprocess.run(
        command,
        env=os.environ | dict(variables or {}),
        cwd=folder or paths.REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_MOST_S,
        check=False,
    )
    if result.returncode:
        raise Disappointed(f"{command[0]}: {(result.stderr or result.stdout).strip()[-500:]}")
    return result.stdout

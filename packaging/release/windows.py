"""Makes the packages for Windows: an installer for one user (NSIS), and an archive to unpack anywhere.

Both contain the same files. Only the program itself needs Windows: the trials compile the installer wherever
there is a makensis.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

from provision import paths
from provision.console import give_up, say

from release import app_icon, licences
from release.outputs import BUILD, DIST, MAINTAINER, SUMMARY, date, home, moment, system_name, version

_SCRIPT = paths.REPOSITORY / "packaging" / "windows" / "eyebright.nsi"
_NSIS = Path(os.environ.get("PROGRAMFILES(X86)", "")) / "NSIS" / "makensis.exe"  # not on the PATH by itself
#: The command that signs a program, with "%1" where its name belongs; without it nothing is signed.
SIGN = "EYEBRIGHT_SIGN_WINDOWS"
_staging = threading.Lock()  # packages are made several at a time
_README = """\
Eyebright {version}

Open eyebright.exe in this folder: drop a picture on its window and ask about it.

Your conversations lie in your own folder (%LOCALAPPDATA%\\eyebright). To keep them in this folder
instead, on a stick for instance, make a folder here that is called

    eyebright-data

before you start the program. Deleting this folder removes the program, and with it only what
lies in eyebright-data.

eyebright-cli.exe --help tells what it can do without a window.
"""


def build(program: Path) -> Path:
    """Make the installer from the frozen program, and return it."""
    folder = _staged(program)
    work = BUILD / "windows"
    DIST.mkdir(exist_ok=True)
    package = DIST / f"eyebright-{version()}-{system_name()}-setup.exe"
    compile_installer(folder, package, work)
    sign(package)
    return package


def build_zip(program: Path) -> Path:
    """Make the archive to unpack anywhere from the frozen program, and return it."""
    folder = _staged(program)
    DIST.mkdir(exist_ok=True)
    archive = DIST / f"eyebright-{version()}-{system_name()}.zip"
    write_zip(folder, archive, {"README.txt": _README.format(version=version())})
    return archive


def _staged(program: Path) -> Path:
    """Return a copy of the program with signed executables and the licences of all parts; made once."""
    folder = BUILD / "windows" / "program"
    stamp = folder.with_name("program.of")
    current = f"{version()} {home()} {(program / 'eyebright.exe').stat().st_mtime_ns}"
    with _staging:
        if stamp.exists() and stamp.read_text("utf-8") == current:
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(program, folder)
        licences.write_copyright(folder / "LICENCES.txt")
        for executable in sorted(folder.glob("*.exe")):
            sign(executable)
        stamp.write_text(current, "utf-8")
    return folder


def compile_installer(folder: Path, package: Path, work: Path, target: str = "", signing: str = "") -> None:
    """Make an installer of everything in `folder`; `target` is NSIS's name of a processor, if not the usual one.

    `signing`: the command that signs its uninstaller, as for `sign`.
    """
    work.mkdir(parents=True, exist_ok=True)
    package.unlink(missing_ok=True)
    (work / "files.nsh").write_text("\n".join(installing(folder)) + "\n", "utf-8")
    (work / "removal.nsh").write_text("\n".join(removing(folder)) + "\n", "utf-8")
    defines = {
        "VERSION": version(),
        "NUMBERS": ".".join([*version().split(".")[:3], "0"]),
        "SIZE": str(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) // 1024),
        "HOME": home(),
        "PUBLISHER": MAINTAINER,
        "SUMMARY": SUMMARY,
        "ICON": str(app_icon.for_windows(work)),
        "OUTPUT": str(package),
        "FILES": str(work / "files.nsh"),
        "REMOVAL": str(work / "removal.nsh"),
    }
    if target:
        defines["TARGET"] = target
    if command := signing or os.environ.get(SIGN):
        defines["SIGN"] = command  # the uninstaller exists only inside makensis, which calls this
    # Warnings are errors: a name that was mistyped is one, and makes an installer that does something else.
    words = [_makensis(), "-V2", "-WX", "-INPUTCHARSET", "UTF8"]
    command_line = [*words, *(f"-D{name}={value}" for name, value in defines.items()), str(_SCRIPT)]
    result = subprocess.run(
        command_line,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(moment())},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode:
        give_up(f"makensis failed: {(result.stdout + result.stderr).strip()[-1500:]}")


def _makensis() -> str:
    found = shutil.which("makensis") or shutil.which(str(_NSIS))
    if found is None:
        give_up("makensis is not here: install NSIS 3.08 or newer (choco install nsis; Debian: apt install nsis).")
    return found


def installing(folder: Path) -> Iterator[str]:
    """Yield the commands of NSIS that lay out every file below `folder`."""
    for directory in [folder, *_folders(folder)]:
        files = sorted(path for path in directory.iterdir() if path.is_file())
        if files:
            yield f"SetOutPath {_inside(folder, directory)}"
        yield from (f'File "{path}"' for path in files)


def removing(folder: Path) -> Iterator[str]:
    """Yield the commands of NSIS that remove exactly these, and the folders that are empty then."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    yield from (f"Delete {_inside(folder, path)}" for path in files)
    # What is deeper comes first. RMDir without /r leaves a folder in which something else lies.
    yield from (f"RMDir {_inside(folder, path)}" for path in reversed(_folders(folder)))


def _folders(folder: Path) -> list[Path]:
    """Return the folders below one, each after the one it lies in."""
    return sorted(path for path in folder.rglob("*") if path.is_dir())


def _inside(folder: Path, path: Path) -> str:
    """Return where a file or folder will lie; there a dollar would begin a variable."""
    parts = (part.replace("$", "$$") for part in path.relative_to(folder).parts)
    return '"' + "\\".join(["$INSTDIR", *parts]) + '"'


def sign(path: Path, command: str = "") -> None:
    """Sign a program with `command`, or with the one that the environment names; without one say so."""
    command = command or os.environ.get(SIGN, "")
    if not command:
        say(f"{path.name} is not signed: {SIGN} is not set.")
        return
    # It is the maintainer's own command line, quotes and all.
    if subprocess.run(command.replace("%1", str(path)), shell=True, check=False).returncode:
        give_up(f"{path.name} could not be signed; see above.")


def write_zip(folder: Path, archive: Path, more: dict[str, str]) -> None:
    """Pack a folder, and texts besides, so that the same always gives the same bytes."""
    top, when = f"Eyebright-{version()}", date().timetuple()[:6]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(f"{top}/{path.relative_to(folder).as_posix()}", when)
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, path.read_bytes())
        for name, text in more.items():
            # Notepad has known bare line ends only since 2018.
            made.writestr(zipfile.ZipInfo(f"{top}/{name}", when), text.replace("\n", "\r\n"))

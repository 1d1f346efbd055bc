"""Tests the Windows installer on Linux, with a small folder in place of the program.

It is compiled as for a release, signed with a certificate made for the test, and run under Wine, there as a 64-bit
program, since Wine without the libraries of a 32-bit system starts no other.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from release import windows

from trials import x11_user
from trials.chroots import NotHad
from trials.wine import Wine
from trials.wine import windows as a_windows
from trials.x11_user import Disappointed

_64_BITS = "amd64-unicode"
#: As packaging/windows/eyebright.nsi has them.
_OPEN, _TOO_OLD = 3, 4
_KEYS = (r"Software\Classes", r"Software\Microsoft\Windows\CurrentVersion")
_PROGRAMS = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall"
_OTHERS = r"HKCU\Software\Classes\.png"  # what opens a picture by double click, if somebody has chosen it


def compiles(work: Path) -> str:
    """Compile the installer, where a warning is an error."""
    package = _made(work, "setup", {})
    return f"without a warning, {package.stat().st_size // 1024} KiB around a program of nothing"


def is_signed(work: Path) -> str:
    """Sign it with a certificate that was made for it, and have the signature verified."""
    with _certificate(work) as (certificate, signing):
        package = _made(work, "signed-setup", {}, signing=signing)
        windows.sign(package, signing)
        _must_be_signed(package, certificate)
    return "by osslsigncode, with a certificate made for it"


def is_used(work: Path) -> str:
    """Install, be refused, upgrade and uninstall under Wine, and look what is left."""
    with a_windows(work) as wine, _certificate(work) as (certificate, signing):
        runs = wine.drive / "windows" / "system32" / "ping.exe"  # some program that goes on for a while
        first = _made(work, "first-setup", {"_internal/old.dll": b"old"}, runs, _64_BITS, signing)
        second = _made(work, "second-setup", {"_internal/new.dll": b"new"}, runs, _64_BITS, signing)
        wine.is_version("win7")
        wine.run(first, "/S", ends=_TOO_OLD)
        wine.is_version("win10")
        wine.run("reg", "add", _OTHERS, "/ve", "/d", "another.program", "/f")
        wine.run("reg", "add", _PROGRAMS, "/f")  # every Windows that somebody uses has it
        before = wine.registry(*_KEYS)
        _install(wine, first, certificate)
        _refuse(wine, second)
        _upgrade(wine, second)
        _uninstall(wine, before)
    return "too old, installed, refused while it is open, upgraded, uninstalled; what is not its own stayed"


def _made(
    work: Path, name: str, more: dict[str, bytes], runs: Path | None = None, target: str = "", signing: str = ""
) -> Path:
    """Return an installer of a small folder; `runs` is what becomes eyebright.exe in it, `signing` what signs."""
    folder = work / f"{name}-program"
    shutil.rmtree(folder, ignore_errors=True)
    files = {"eyebright.exe": b"MZ", "eyebright-cli.exe": b"MZ", "_internal/图片 and $more/x.txt": b"x", **more}
    for inside, content in files.items():
        path = folder / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if runs is not None:
        shutil.copyfile(runs, folder / "eyebright.exe")
    package = work / f"eyebright-trial-{name}.exe"
    try:
        windows.compile_installer(folder, package, work / f"{name}-work", target, signing)
    except SystemExit as error:
        raise Disappointed("it does not compile; see above") from error
    return package


def _install(wine: Wine, package: Path, certificate: Path) -> None:
    wine.run(package, "/S")
    folder = _folder(wine)
    _must_hold(folder, "eyebright.exe", "eyebright-cli.exe", "_internal/old.dll", "_internal/图片 and $more/x.txt")
    if not (wine.menu() / "Eyebright.lnk").exists():
        raise Disappointed("there is no entry in the start menu")
    said = wine.registry(*_KEYS)
    for entry in (r"Applications\eyebright.exe\SupportedTypes", r".heic\OpenWithProgids", "QuietUninstallString"):
        if entry not in said:
            raise Disappointed(f"the registry has no {entry}")
    if "another.program" not in wine.run("reg", "query", _OTHERS, "/ve"):
        raise Disappointed("it has made itself the program for pictures")
    _must_be_signed(folder / "uninstall.exe", certificate)


def _refuse(wine: Wine, package: Path) -> None:
    folder = _folder(wine)
    with wine.running(folder / "eyebright.exe", "-n", "60", "127.0.0.1"):
        x11_user.wait_for("a running program", lambda: _runs(wine, folder / "eyebright.exe"), 20)
        wine.run(package, "/S", ends=_OPEN)
        wine.run(folder / "uninstall.exe", "/S", f"_?={wine.named(folder)}", ends=_OPEN)
        _must_hold(folder, "eyebright.exe", "_internal/old.dll")


def _runs(wine: Wine, program: Path) -> bool:
    """Return whether Windows lets nobody write to a program; nothing is written."""
    return "violation" in wine.run("cmd", "/c", f"type nul >> {wine.named(program)}").lower()


def _upgrade(wine: Wine, package: Path) -> None:
    folder = _folder(wine)
    for own in ("eyebright-data/conversations.sqlite", "_internal/notes.txt"):
        (folder / own).parent.mkdir(exist_ok=True)
        (folder / own).write_text("the person's own")
    wine.run(package, "/S")
    _must_hold(folder, "eyebright.exe", "_internal/new.dll", "uninstall.exe", "_internal/notes.txt")
    if (folder / "_internal/old.dll").exists():
        raise Disappointed("a file of the earlier version is still there")


def _uninstall(wine: Wine, before: str) -> None:
    folder = _folder(wine)
    wine.run(folder / "uninstall.exe", "/S")
    x11_user.wait_for("the end of the uninstaller", lambda: not (folder / "uninstall.exe").exists(), 30)
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if left != {"eyebright-data/conversations.sqlite", "_internal/notes.txt"}:
        raise Disappointed(f"there is {', '.join(sorted(left)) or 'nothing'}, not what was the person's own")
    if (wine.menu() / "Eyebright.lnk").exists():
        raise Disappointed("it is still in the start menu")
    if more := sorted(set(wine.registry(*_KEYS).splitlines()) ^ set(before.splitlines())):
        raise Disappointed(f"the registry is not what it was: {'; '.join(line.strip() for line in more[:5])}")


def _folder(wine: Wine) -> Path:
    return wine.local() / "Programs" / "Eyebright"


def _must_hold(folder: Path, *names: str) -> None:
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise Disappointed(f"there is no {', '.join(missing)}")


@contextlib.contextmanager
def _certificate(work: Path) -> Iterator[tuple[Path, str]]:
    """Yield a certificate for signing code, and the command that signs with it as long as its key is there."""
    if not (shutil.which("osslsigncode") and shutil.which("openssl")):
        raise NotHad("osslsigncode or openssl is not here")
    key, certificate = work / "trial.key", work / "trial.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "2", "-subj", "/CN=Eyebright's trial"]
    _said([*made, "-addext", "extendedKeyUsage=codeSigning", "-keyout", str(key), "-out", str(certificate)])
    words = f'osslsigncode sign -certs "{certificate}" -key "{key}" -n Eyebright -in "%1" -out "%1.signed"'
    try:
        yield certificate, f'{words} > /dev/null && mv "%1.signed" "%1"'
    finally:
        key.unlink()


def _must_be_signed(program: Path, certificate: Path) -> None:
    said = _said(["osslsigncode", "verify", "-CAfile", str(certificate), "-in", str(program)])
    if "Signature verification: ok" not in said:
        raise Disappointed(f"{program.name} is not signed: {said.strip()[-200:]}")


def _said(command: Sequence[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if result.returncode:
        raise Disappointed(f"{command[0]}: {(result.stderr or result.stdout).strip()[-300:]}")
    return result.stdout

"""Makes small Linux systems with debootstrap, keeps them, and gives each trial a fresh copy."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from provision import paths
from provision.console import say

#: Who uses the program: an ordinary user.
PERSON = "person"
_NUMBER = 1000
_INSTALL_S, _RUN_S = 600, 180
_DEVICES = ("null", "zero", "full", "random", "urandom")


@dataclass(frozen=True)
class System:
    """A release of a distribution."""

    name: str
    suite: str
    script: str  # of debootstrap, which may be older than the suite
    keyring: str = ""  # the package with the keys that its archive signs with, where Debian has none of them


#: Ubuntu's package of its keys, in every version of which the same ones are.
_UBUNTU_KEYS = "pool/main/u/ubuntu-keyring/ubuntu-keyring_2021.03.26_all.deb"
_SHA256 = {_UBUNTU_KEYS: "0d0e7ed6b112f5d03eabf3c7eb01ebdacf9c57714b279e90495cfc58c8c4520f"}
SYSTEMS = (
    System("Debian 12", "bookworm", "sid"),
    System("Debian 13", "trixie", "sid"),
    System("Ubuntu 22.04", "jammy", "gutsy", _UBUNTU_KEYS),
    System("Ubuntu 24.04", "noble", "gutsy", _UBUNTU_KEYS),
    System("Ubuntu 26.04", "resolute", "gutsy", _UBUNTU_KEYS),
)
_SCRIPTS = Path("/usr/share/debootstrap/scripts")
_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class NotHad(Exception):  # noqa: N818 - it says what happened
    """A system could not be made here; the text says why."""


def pristine(system: System) -> Path:
    """Return the folder of a system in which nothing was done yet; made when it is first wanted."""
    folder = paths.cache() / "chroots" / system.suite
    if (folder / "etc" / "os-release").exists():
        return folder
    say(f"Fetching {system.name}, once.")
    work = folder.with_name(f"{system.suite}.part")
    shutil.rmtree(work, ignore_errors=True)
    work.parent.mkdir(parents=True, exist_ok=True)
    script = _SCRIPTS / system.script
    mirror = _mirror(script)
    keys = _fetched_keys(mirror, system.keyring) if system.keyring else _KEYS
    options = ["--variant=minbase", f"--keyring={keys}"]
    # What it mounts there is gone with it, however it ends.
    unshared: list[str | Path] = ["unshare", "--mount", "debootstrap", *options]
    command = [*unshared, system.suite, work, mirror, script]
    result = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    if result.returncode:
        log = work / "debootstrap" / "debootstrap.log"
        said = log.read_text("utf-8", "replace") if log.exists() else result.stdout + result.stderr
        raise NotHad((said.strip().splitlines() or ["debootstrap said nothing"])[-1])
    work.rename(folder)
    return folder


def _mirror(script: Path) -> str:
    """Return the archive: the one that this computer's apt uses, or that debootstrap knows."""
    known: list[str] = re.findall(r"default_mirror\s+(http\S+)", script.read_text("utf-8"))
    if script.name == "sid":
        used = re.findall(r"http\S+/debian/?(?=\s)", "\n".join(p.read_text("utf-8") for p in _apt_sources()))
        known = used or known or ["http://deb.debian.org/debian"]
    return next(address for address in known if "old-releases" not in address)


def _apt_sources() -> list[Path]:
    folder = Path("/etc/apt")
    return [path for path in (folder / "sources.list", *(folder / "sources.list.d").glob("*")) if path.is_file()]


def _fetched_keys(mirror: str, package: str) -> Path:
    """Return the file of keys in a package of the archive itself; which it is, its hash says."""
    folder = paths.cache() / "chroots" / "keys"
    found = folder / "usr" / "share" / "keyrings" / "ubuntu-archive-keyring.gpg"
    if not found.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fetched = folder / "keys.deb"
        try:
            with urllib.request.urlopen(f"{mirror}/{package}", timeout=30) as answer:
                fetched.write_bytes(answer.read())
        except OSError as error:
            raise NotHad(f"its archive does not answer: {error}") from error
        if hashlib.sha256(fetched.read_bytes()).hexdigest() != _SHA256[package]:
            raise NotHad("the keys of its archive are not those that are known")
        subprocess.run(["dpkg-deb", "--extract", fetched, folder], check=True)
    return found


@dataclass
class Chroot:
    """A system that may be changed, and is thrown away afterwards."""

    root: Path
    mounts: list[Path] = field(default_factory=list)

    def run(
        self,
        *command: str,
        person: bool = False,
        online: bool = False,
        variables: Mapping[str, str] | None = None,
        most: float = _RUN_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside and return how it went; by `person` or by root, and without a network."""
        return subprocess.run(
            self.command(command, person=person, online=online),
            env=self.variables(person) | dict(variables or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=most,
            check=False,
        )

    def start(self, *command: str, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a program inside as the person does, without a network."""
        return subprocess.Popen(
            self.command(command, person=True, online=False),
            env=self.variables(True) | dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def command(self, command: Sequence[str], *, person: bool, online: bool) -> list[str]:
        """Return the command that runs `command` inside. All it starts ends with it."""
        apart = ["unshare", "--pid", "--fork", "--kill-child", *([] if online else ["--net"])]
        enter = ["chroot", *([f"--userspec={_NUMBER}:{_NUMBER}"] if person else []), str(self.root)]
        return [*apart, *enter, *command]

    def variables(self, person: bool) -> dict[str, str]:
        """Return the environment of a login."""
        home = self.home_inside if person else "/root"
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": home,
            "LANG": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
        }

    @property
    def home_inside(self) -> str:
        """Return the person's home as the system calls it."""
        return f"/home/{PERSON}"

    @property
    def home(self) -> Path:
        """Return the person's home as it is seen from here."""
        return self.root / "home" / PERSON

    def give(self, path: Path) -> None:
        """Let something below the home belong to the person."""
        for one in [path, *path.rglob("*")]:
            os.chown(one, _NUMBER, _NUMBER, follow_symlinks=False)

    def files(self) -> set[str]:
        """Return the names of all files and folders there are, but for what the system itself notes."""
        found = set()
        for folder, _, names in os.walk(self.root):
            inside = os.path.relpath(folder, self.root)
            if Path(inside).parts[:1] in (("proc",), ("dev",), ("sys",), ("tmp",), ("run",)):
                continue
            found |= {os.path.normpath(os.path.join(inside, name)) for name in ("", *names)}  # noqa: PTH118
        return found

    def empty_folders(self) -> set[str]:
        """Return the names of folders with nothing but such folders in them."""
        names = self.files()
        used = {str(parent) for name in names if not (self.root / name).is_dir() for parent in Path(name).parents}
        return {name for name in names - used if (self.root / name).is_dir() and "eyebright" not in name}


@contextlib.contextmanager
def fresh(base: Path, work: Path) -> Iterator[Chroot]:
    """Yield a system that begins as `base`; what is done to it lies in `work` and is gone afterwards."""
    shutil.rmtree(work, ignore_errors=True)
    layers = {name: work / name for name in ("upper", "hidden", "root")}
    for layer in layers.values():
        layer.mkdir(parents=True)
    made = Chroot(layers["root"])
    try:
        options = f"lowerdir={base},upperdir={layers['upper']},workdir={layers['hidden']}"
        _mount(made, layers["root"], "-t", "overlay", "-o", options, "overlay")
        _furnish(made)
        yield made
    finally:
        for mount in reversed(made.mounts):
            subprocess.run(["umount", "--lazy", mount], check=False)
        shutil.rmtree(work, ignore_errors=True)


def _mount(chroot: Chroot, target: Path, *arguments: str) -> None:
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", *arguments, str(target)], check=True, capture_output=True, text=True)
    chroot.mounts.append(target)


def _furnish(chroot: Chroot) -> None:
    root = chroot.root
    _mount(chroot, root / "proc", "-t", "proc", "proc")
    _mount(chroot, root / "dev", "-t", "tmpfs", "-o", "mode=755", "tmpfs")
    for name in _DEVICES:
        device = root / "dev" / name
        device.touch()
        subprocess.run(["mount", "--bind", f"/dev/{name}", str(device)], check=True)
        chroot.mounts.append(device)
    _mount(chroot, root / "dev" / "shm", "-t", "tmpfs", "-o", "mode=1777", "tmpfs")
    _mount(chroot, root / "tmp", "-t", "tmpfs", "-o", "mode=1777", "tmpfs")
    sockets = Path("/tmp/.X11-unix")  # where every X server has them
    sockets.mkdir(mode=0o1777, exist_ok=True)
    _mount(chroot, root / "tmp" / ".X11-unix", "--bind", str(sockets))
    for name in ("resolv.conf", "hosts"):
        target = root / "etc" / name
        target.unlink(missing_ok=True)
        shutil.copyfile(Path("/etc", name), target)
    # Services are not started where nobody has booted.
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n", "utf-8")
    policy.chmod(0o755)
    chroot.run("useradd", "--create-home", "--uid", str(_NUMBER), "--shell", "/bin/sh", PERSON)
    if not chroot.home.is_dir():
        raise NotHad("no user could be made")

"""Small systems of their own, as debootstrap makes them: kept as they came, and fresh for every trial."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from provision import places
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
    keyring: str


SYSTEMS = (
    System("Debian 12", "bookworm", "debian-archive-keyring"),
    System("Debian 13", "trixie", "debian-archive-keyring"),
    System("Ubuntu 22.04", "jammy", "ubuntu-archive-keyring"),
    System("Ubuntu 24.04", "noble", "ubuntu-archive-keyring"),
)


class NotHad(Exception):  # noqa: N818 - it says what happened
    """A system could not be made here; the text says why."""


def pristine(system: System) -> Path:
    """Return the folder of a system in which nothing was done yet; made when it is first wanted."""
    folder = places.cache() / "chroots" / system.suite
    if (folder / "etc" / "os-release").exists():
        return folder
    say(f"Fetching {system.name}, once.")
    work = folder.with_name(f"{system.suite}.part")
    shutil.rmtree(work, ignore_errors=True)
    work.parent.mkdir(parents=True, exist_ok=True)
    keyring = f"/usr/share/keyrings/{system.keyring}.gpg"
    # Without a mirror debootstrap takes the one that it knows for the suite.
    command: list[str | Path] = ["debootstrap", "--variant=minbase", f"--keyring={keyring}", system.suite, work]
    result = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    if result.returncode:
        log = work / "debootstrap" / "debootstrap.log"
        said = log.read_text("utf-8", "replace") if log.exists() else result.stdout + result.stderr
        raise NotHad((said.strip().splitlines() or ["debootstrap said nothing"])[-1])
    work.rename(folder)
    return folder


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

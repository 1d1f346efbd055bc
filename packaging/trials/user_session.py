"""What a person does with an installed program, and what must be true afterwards: the same for every package."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from trials import x11_user
from trials.chroots import Chroot
from trials.x11_user import Disappointed, Person

_CHECKS = 9  # of the self-test
#: What using a program leaves in a system besides the person's own data: caches that belong to others.
_OTHERS = ("var/", "etc/ld.so.cache", "root/", "usr/share/mime/", "usr/share/icons/hicolor/icon-theme.cache")


@dataclass
class Installed:
    """A program in a system, as it is started there."""

    chroot: Chroot
    command: str
    variables: dict[str, str]


def self_test(program: Installed) -> str:
    """Let the program check itself, by an ordinary user, without a screen and without a network."""
    result = program.chroot.run(program.command, "self-test", person=True, variables=program.variables)
    lines = result.stdout.splitlines()
    bad = [line for line in lines if not line.startswith("ok ")]
    if result.returncode or bad or len(lines) != _CHECKS or result.stderr:
        raise Disappointed("; ".join(bad) or result.stderr.strip()[-300:] or f"{len(lines)} checks")
    return f"{len(lines)} checks"


def drop_and_ask(program: Installed, shot: Path) -> str:
    """Drop a picture on the window, ask, read the answer, look, and close the window."""
    chroot = program.chroot
    picture = chroot.home / "a red circle – 红圈.png"
    x11_user.draw_circle(picture)
    chroot.give(picture)
    inside = f"{chroot.home_inside}/{picture.name}"
    with x11_user.screen() as display:
        someone = Person(display)
        with _running(program, display) as process:
            window = someone.find_window()
            someone.drop(inside)
            x11_user.wait_for("the dropped picture", lambda: x11_user.pictures(chroot.home))
            someone.type(window, x11_user.QUESTION)
            said = x11_user.wait_for("an answer", lambda: x11_user.answers(chroot.home))
            someone.look(shot)
            someone.close(window)
            if process.wait(30):
                raise Disappointed(f"it ended with {process.returncode}")
    return x11_user.must_be_right(said[-1])


def open_with(program: Installed, shot: Path) -> str:
    """Open a picture with the program, as file managers do; what it is asked next is about that picture."""
    chroot = program.chroot
    before = len(x11_user.answers(chroot.home))
    picture = chroot.home / "opened.png"
    x11_user.draw_circle(picture)
    chroot.give(picture)
    with x11_user.screen() as display:
        someone = Person(display)
        with _running(program, display, f"{chroot.home_inside}/{picture.name}") as process:
            window = someone.find_window()
            someone.type(window, x11_user.QUESTION)
            x11_user.wait_for("an answer", lambda: len(x11_user.answers(chroot.home)) > before)
            someone.look(shot)
            someone.close(window)
            process.wait(30)
    return x11_user.must_be_right(x11_user.answers(chroot.home)[-1])


def data_beside(program: Installed, folder: str) -> str:
    """Use an unpacked program that has a folder for data beside it; nothing may go elsewhere."""
    chroot = program.chroot
    beside = chroot.root / folder.lstrip("/") / "eyebright-data"
    beside.mkdir()
    chroot.give(beside)
    before = chroot.files()
    self_test(program)
    result = chroot.run(program.command, "models", "where", person=True, variables=program.variables)
    inside = f"{folder}/{beside.name}"
    elsewhere = {name for name in chroot.files() - before if not f"/{name}".startswith(inside)}
    if inside not in result.stdout or elsewhere:
        raise Disappointed(f"models are in {result.stdout.strip()}; {', '.join(sorted(elsewhere)[:5])}")
    return "models and everything else beside the program"


def nothing_left(chroot: Chroot, before: set[str]) -> str:
    """Look for what a removed package has left behind; the person's own data must be among it."""
    left = {name for name in chroot.files() - before if not name.startswith(_OTHERS)}
    own = {name for name in left if name.startswith("home/")}
    if rest := sorted(left - own):
        raise Disappointed(f"{len(rest)} files are left: {', '.join(rest[:5])}")
    if not x11_user.answers(chroot.home):
        raise Disappointed("the person's conversations are gone")
    return f"nothing but {len(own)} files of the person's own"


class _running:  # noqa: N801 - used like a function
    """The program on a screen, for as long as it is wanted."""

    def __init__(self, program: Installed, display: str, *words: str) -> None:
        variables = program.variables | {"DISPLAY": display}
        self._process = program.chroot.start(program.command, *words, variables=variables)

    def __enter__(self):  # type: ignore[no-untyped-def]
        return self._process

    def __exit__(self, *_exception: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(30)


def clear_home(chroot: Chroot) -> None:
    """Let the person start from the beginning."""
    for path in chroot.home.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

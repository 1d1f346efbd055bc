"""`manage.py test-here`: installs each package on this very computer, uses it, and removes it.

For systems of which no chroot can be made, on computers that are thrown away afterwards, such as those of the
release workflow. It refuses to start where Eyebright has been used.
"""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import platformdirs
from provision import paths
from provision.console import give_up
from release import outputs

from trials import x11_user
from trials.chroots import NotHad
from trials.desktop_automation import Hands, at_the_screen
from trials.installers import AppImage, Deb, DiskImage, Placed, WindowsInstaller, run
from trials.table import Table
from trials.x11_user import Disappointed

_SHOTS = paths.REPOSITORY / "build" / "trials"
_START_S, _ANSWER_S, _KEYS_S, _END_S = 120, 120, 20, 60
#: The self-test prints a line for each check, and begins it with this.
_GOOD = "ok "
_CHECKS = 9


def main() -> int:
    """Try every package there is; nonzero if anything failed."""
    parser = argparse.ArgumentParser(prog="manage.py test-here", description=__doc__)
    parser.add_argument("--only", default="", metavar="ENDS", help="such as .deb,.tar.xz: packages that end so")
    only = parser.parse_args().only
    data = _data()
    if x11_user.questions(data):
        give_up("Somebody has used Eyebright here. This wants a computer that is thrown away afterwards.", 2)
    table = Table()
    with tempfile.TemporaryDirectory(prefix="eyebright-trial-", ignore_cleanup_errors=True) as name:
        for number, placed in enumerate(_packages(Path(name)), 1):
            if not only or placed.package.name.endswith(tuple(only.split(","))):
                picture = Path(name) / f"a red circle {number} – 红圈.png"
                x11_user.draw_circle(picture)
                _try(table, placed, picture, data)
    _SHOTS.mkdir(parents=True, exist_ok=True)
    (_SHOTS / "here.txt").write_text(table.text(), "utf-8")
    print("\n" + table.text(), flush=True)
    return int(table.failed or not table.rows)


def _data() -> Path:
    """Return the folder in which the program keeps conversations."""
    home = os.environ.get("EYEBRIGHT_HOME")
    return Path(home) / "data" if home else platformdirs.user_data_path("eyebright", appauthor=False)


def _packages(work: Path) -> list[Placed]:
    """Return the packages in dist/ that this system takes, each with the place that it will have."""
    kinds: dict[str, Callable[[Path], Placed]]
    if sys.platform == "win32":
        programs = Path(os.environ["LOCALAPPDATA"]) / "Programs"
        kinds = {
            "-setup.exe": lambda package: WindowsInstaller(package, programs / "Eyebright"),
            ".zip": lambda package: Placed(package, work / "图片 and more"),
        }
    elif sys.platform == "darwin":
        kinds = {".dmg": lambda package: DiskImage(package, Path("/Applications/Eyebright.app"))}
    else:
        kinds = {
            ".deb": lambda package: Deb(package, Path("/usr/lib/eyebright")),
            ".tar.xz": lambda package: Placed(package, work / "图片 and more"),
            ".AppImage": lambda package: AppImage(package, work / "AppImage"),
        }
    found = sorted(path for path in outputs.DIST.glob(f"eyebright[-_]{outputs.version()}[-_]*"))
    return [place(path) for end, place in kinds.items() for path in found if path.name.endswith(end)]


def _try(table: Table, placed: Placed, picture: Path, data: Path) -> None:
    check: Callable[[str, Callable[[], str]], bool] = functools.partial(table.check, placed.package.name)
    if not check("install", placed.install):
        return
    check("self-test", lambda: _self_test(placed))
    with at_the_screen() as (hands, screen):
        window = _Window(placed, picture, data, hands, screen)
        if check("window", window.open):
            check("ask in it", window.ask)
            check("screenshot", lambda: window.look(_SHOTS / f"{placed.package.name}.png"))
            check("close", window.close)
        window.end()
    check("ask", lambda: _ask(placed, picture))
    before = x11_user.questions(data)
    check("remove", placed.remove)
    check("nothing left", lambda: _nothing_left(placed, data, before))


def _self_test(placed: Placed) -> str:
    lines = run([*placed.command_line, "self-test"], PYTHONIOENCODING="utf-8").splitlines()
    bad = [line for line in lines if not line.startswith(_GOOD)]
    if bad or len(lines) != _CHECKS:
        raise Disappointed("; ".join(bad) or f"{len(lines)} checks instead of {_CHECKS}")
    return f"{len(lines)} checks"


def _ask(placed: Placed, picture: Path) -> str:
    said = run([*placed.command_line, "ask", picture, "-p", x11_user.QUESTION, "--greedy"], PYTHONIOENCODING="utf-8")
    return x11_user.must_be_right(said.strip())


def _nothing_left(placed: Placed, data: Path, before: list[str]) -> str:
    if left := placed.left():
        raise Disappointed(f"there is still {', '.join(left)}")
    if x11_user.questions(data) != before:
        raise Disappointed("the person's conversations are not what they were")
    return f"nothing but the person's own: {len(before)} questions"


class _Window:
    """The program's window, opened with a picture, and what the person's data say of it."""

    def __init__(self, placed: Placed, picture: Path, data: Path, hands: Hands, screen: dict[str, str]) -> None:
        self._placed, self._picture, self._data, self._hands, self._screen = placed, picture, data, hands, screen
        self._asked, self._answered = len(x11_user.questions(data)), len(x11_user.answers(data))
        self._started: subprocess.Popen[bytes] | None = None

    def open(self) -> str:
        """Start the program with the picture, and wait until it has looked at it and kept it."""
        command = [*self._placed.window, str(self._picture)]
        began = time.monotonic()
        self._started = subprocess.Popen(
            command, env=os.environ | self._screen, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        x11_user.wait_for("the opened picture", lambda: self._picture.name in x11_user.drafted(self._data), _START_S)
        return f"open, the picture attached after {time.monotonic() - began:.1f} s"

    def ask(self) -> str:
        """Write the question into the window; `NotHad` if this computer's windows hear no keys from here."""
        self._hands.type(self._number(), x11_user.QUESTION)
        try:
            x11_user.wait_for("a question", lambda: len(x11_user.questions(self._data)) > self._asked, _KEYS_S)
        except Disappointed as error:
            if sys.platform == "linux":
                raise
            raise NotHad("the keys did not arrive, so nobody has asked in the window") from error
        x11_user.wait_for("an answer", lambda: len(x11_user.answers(self._data)) > self._answered, _ANSWER_S)
        return x11_user.must_be_right(x11_user.answers(self._data)[-1])

    def look(self, path: Path) -> str:
        """Take a picture of the screen."""
        self._hands.look(path)
        return path.name

    def close(self) -> str:
        """Close the window; the program must end by itself."""
        self._hands.close(self._number())
        x11_user.wait_for("the end of the program", lambda: not self._runs(), _END_S)
        return "closed, and ended"

    def end(self) -> None:
        """End it, however it is."""
        if self._runs():
            number = self._number()
            command = ["taskkill", "/F", "/T", "/PID"] if sys.platform == "win32" else ["kill", "-KILL"]
            subprocess.run([*command, str(number)], capture_output=True, check=False)
        if self._started is not None:
            self._started.wait(_END_S)

    def _number(self) -> int:
        """Return the number of the process."""
        if sys.platform == "darwin":  # `open` is another one
            return int(run(["pgrep", "-o", "-f", self._placed.command_line[0]]).split()[0])
        assert self._started is not None
        return self._started.pid

    def _runs(self) -> bool:
        if self._started is None:
            return False
        if sys.platform == "darwin":
            command = ["pgrep", "-f", self._placed.command_line[0]]
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        return self._started.poll() is None


if __name__ == "__main__":
    sys.exit(main())

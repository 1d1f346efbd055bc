"""`make test-packages`: tests every package in `dist/`, and prints the table of results."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from provision import paths
from provision.console import give_up, say
from release import outputs

from trials import (
    chroots,
    installing,
    metadata_checks,
    processors,
    unrun_formats,
    user_session,
    wayland,
    windows_installer,
)
from trials.chroots import Chroot, System
from trials.table import Table
from trials.user_session import Installed

_WORK = paths.REPOSITORY / "build" / "trials"
_PROGRAM = "/usr/bin/eyebright"


def main() -> int:
    """Try what was asked for; nonzero if anything failed."""
    options = _parser().parse_args()
    if sys.platform != "linux" or os.geteuid() != 0:
        give_up("Systems of their own can only be made by root on Linux.", 2)
    started = time.monotonic()
    table = Table()
    known = _names()
    wanted = options.only.split(",") if options.only else known
    if unknown := set(wanted) - set(known):
        give_up(f"--only knows {', '.join(known)}; not {', '.join(sorted(unknown))}.", 2)
    for name, trial in _OTHERS.items():
        if name in wanted:
            trial(table)
    for system in chroots.SYSTEMS:
        if system.suite in wanted:
            _try_system(table, system)
    _WORK.mkdir(parents=True, exist_ok=True)
    (_WORK / "table.txt").write_text(table.text(), "utf-8")
    print("\n" + table.text(), flush=True)
    say(f"This took {time.monotonic() - started:.0f} s; screenshots are in {_WORK.relative_to(paths.REPOSITORY)}.")
    return int(table.failed)


def _parser() -> argparse.ArgumentParser:
    names = ", ".join(_names())
    parser = argparse.ArgumentParser(prog="make test-packages", description="Install, use and remove every package.")
    parser.add_argument("--only", default="", metavar="TRIALS", help=f"of {names}, with commas in between")
    return parser


def _names() -> list[str]:
    """Return all there is to try."""
    return [*_OTHERS, *(system.suite for system in chroots.SYSTEMS)]


def _package(pattern: str) -> Path:
    found = sorted(path for path in outputs.DIST.glob(pattern) if outputs.version() in path.name)
    if len(found) != 1:
        give_up(f"dist/ should hold one {pattern}; `make packages` makes it.", 2)
    return found[0]


def _try_system(table: Table, system: System) -> None:
    row = f"deb, {system.name}"
    base: list[Path] = []

    def fetch() -> str:
        base.append(chroots.pristine(system))
        return "a system with nothing in it"

    if not table.check(row, "system", fetch):
        return
    with chroots.fresh(base[0], _WORK / "chroot") as chroot:
        _try_deb(table, row, chroot, system)
        if system is chroots.SYSTEMS[0]:
            # The libraries that the .deb asked for are still there.
            _try_rpm(table, f"rpm, {system.name}", chroot)
            _try_portable(table, f"tar.xz, {system.name}", chroot)


def _try_deb(table: Table, row: str, chroot: Chroot, system: System) -> None:
    check: Callable[[str, Callable[[], str]], bool] = functools.partial(table.check, row)
    before = chroot.files()
    if not check("install", lambda: installing.install_deb(chroot, _package("*.deb"))):
        return
    brought = {name for name in chroot.files() - before if "eyebright" not in name.lower()}
    program = Installed(chroot, _PROGRAM, {})
    check("self-test", lambda: user_session.self_test(program))
    check("drop, ask", lambda: user_session.drop_and_ask(program, _WORK / f"{system.suite}.png"))
    check("open with", lambda: user_session.open_with(program, _WORK / f"{system.suite}-opened.png"))
    check("remove", lambda: installing.remove_deb(chroot))
    check("nothing left", lambda: user_session.nothing_left(chroot, before | brought))


def _try_rpm(table: Table, row: str, chroot: Chroot) -> None:
    check: Callable[[str, Callable[[], str]], bool] = functools.partial(table.check, row)
    user_session.clear_home(chroot)
    before = chroot.files()
    package = _package("*.rpm")
    check("system", lambda: installing.requirements_of_rpm(package, chroot))
    if not check("install", lambda: installing.install_rpm(chroot, package)):
        return
    program = Installed(chroot, _PROGRAM, {})
    check("self-test", lambda: user_session.self_test(program))
    check("drop, ask", lambda: user_session.drop_and_ask(program, _WORK / "rpm.png"))
    check("open with", lambda: user_session.open_with(program, _WORK / "rpm-opened.png"))
    check("remove", lambda: installing.remove_rpm(chroot))
    # In systems with rpm the folders that many share belong to a package of their own, which is not here.
    check("nothing left", lambda: user_session.nothing_left(chroot, before | chroot.empty_folders()))


def _try_portable(table: Table, row: str, chroot: Chroot) -> None:
    check: Callable[[str, Callable[[], str]], bool] = functools.partial(table.check, row)
    user_session.clear_home(chroot)
    before = chroot.files()
    with installing.unpacked(chroot, _package("*.tar.xz"), "图片 and more") as folder:
        program = Installed(chroot, f"{folder}/eyebright", {})
        check("system", lambda: "as the .deb has left it")
        check("install", lambda: "unpacked where there are spaces and other scripts")
        check("self-test", lambda: user_session.self_test(program))
        check("drop, ask", lambda: user_session.drop_and_ask(program, _WORK / "portable.png"))
        check("data beside it", lambda: user_session.data_beside(program, folder))
    check("nothing left", lambda: user_session.nothing_left(chroot, before))


def _try_papers(table: Table) -> None:
    package = _package("*.deb")
    for column, look in (
        ("lintian", metadata_checks.lintian),
        ("desktop entry", metadata_checks.desktop_entry),
        ("AppStream", metadata_checks.metainfo),
        ("licences", metadata_checks.licence_texts),
    ):
        table.check("papers", column, functools.partial(look, package))
    packages = [package, _package("*.rpm"), _package("*.tar.xz")]
    table.check("papers", "size", functools.partial(metadata_checks.size, packages))


def _try_processors(table: Table) -> None:
    _WORK.mkdir(parents=True, exist_ok=True)
    table.check("processors", "here", lambda: processors.answers_here(outputs.PROGRAM / "eyebright", _WORK))
    with contextlib.ExitStack() as stack:
        found: list[Path] = []

        def mark() -> str:
            found.append(stack.enter_context(processors.marked(outputs.PROGRAM, _WORK)))
            return "a copy that QEMU runs"

        if table.check("processors", "QEMU", mark):
            for name in processors.EMULATED:
                look = functools.partial(processors.answers_as, name, found[0], _WORK)
                table.check("processors", name, look)


def _try_wayland(table: Table) -> None:
    _WORK.mkdir(parents=True, exist_ok=True)
    table.check("Wayland", "window", lambda: wayland.window(outputs.PROGRAM / "eyebright", _WORK))


def _try_manuscripts(table: Table) -> None:
    work = _WORK / "manuscripts"
    work.mkdir(parents=True, exist_ok=True)
    check: Callable[[str, Callable[[], str]], bool] = functools.partial(table.check, "manuscripts")
    check("Flatpak", lambda: unrun_formats.flatpak_manifest(_package("*.tar.xz"), work))
    if check("AppDir", lambda: unrun_formats.appimage_folder(outputs.PROGRAM, work)):
        check("AppImage", lambda: unrun_formats.appimage_joined(work))
    check("NSIS", lambda: windows_installer.compiles(work))
    check("signature", lambda: windows_installer.is_signed(work))
    check("Wine", lambda: windows_installer.is_used(work))


#: Trials that need no system of their own.
_OTHERS: dict[str, Callable[[Table], None]] = {
    "papers": _try_papers,
    "processors": _try_processors,
    "wayland": _try_wayland,
    "manuscripts": _try_manuscripts,
}


if __name__ == "__main__":
    sys.exit(main())

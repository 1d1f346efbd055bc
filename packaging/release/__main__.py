"""`make packages`: freezes the program, checks the result, and makes every package for this system."""

from __future__ import annotations

import argparse
import functools
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from provision.console import give_up, say

from release import checksums, contents, frozen, licences, parts_list, publishing, remove_x265
from release.outputs import DIST, PROGRAM, system_name, version

_LARGEST = 20
_AT_ONCE = 2  # packages: more would need the memory of a large computer
#: A package for a person on a home connection (MB).
MOST_MB = 80
#: Runtimes of AppImages read nothing that is packed better than zstd does, and Windows nothing but plain zip, in which
#: the Python code of its two programs is there twice.
_MOST_MB_OF = {".AppImage": 90, ".zip": 110}


def main() -> int:
    """Make what was asked for."""
    options = _parser().parse_args()
    publishing.settle(options)
    started = time.monotonic()
    if not options.keep or not PROGRAM.exists():
        program = frozen.freeze()
        for library in remove_x265.take_out(program):
            say(f"{library.name} was taken out.")
        if sys.platform == "linux":
            from release.linux import elf, elf_edits

            unused = elf.unused(program / "_internal")
            for library in unused:
                library.unlink()
            if unused:
                say(f"No part of the program needs these, so they were left out: {', '.join(p.name for p in unused)}.")
            elf_edits.relax_glibc(program)
            elf_edits.forget_search_paths(program)
    _look_at(PROGRAM)
    DIST.mkdir(exist_ok=True)
    kinds = _kinds(options.runtime)
    wanted = {name: build for name, build in kinds.items() if not options.only or name in options.only.split(",")}
    say(f"Making {', '.join(wanted) or 'no package'}; {time.monotonic() - started:.0f} s so far.")
    # Nearly all of it is packing, which takes one core each.
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        made = list(pool.map(lambda build: build(PROGRAM), wanted.values()))
    made.append(parts_list.build())
    licences.write_copyright(DIST / f"eyebright-{version()}-{system_name()}.licences.txt")
    checksums.write(DIST)
    too_large = []
    for package in made:
        megabytes = package.stat().st_size / 1e6
        print(f"{megabytes:8.1f} MB  {package.name}")
        if megabytes > (most := _MOST_MB_OF.get(package.suffix, MOST_MB)):
            too_large.append(f"{package.name} (at most {most} MB)")
    say(f"The packages are in {DIST.name}; this took {time.monotonic() - started:.0f} s.")
    if too_large:
        give_up(f"Too large: {', '.join(too_large)}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make packages", description="Make the packages of this system.")
    parser.add_argument("--only", default="", metavar="KINDS", help=f"of {', '.join(_kinds())}, with commas in between")
    parser.add_argument(
        "--runtime", type=Path, metavar="FILE", help="make an AppImage too, with this runtime of theirs"
    )
    publishing.add_arguments(parser)
    parser.add_argument("--keep", action="store_true", help="use the program that was frozen before")
    return parser


def _kinds(runtime: Path | None = None) -> dict[str, Callable[[Path], Path]]:
    """Return the kinds of packages that this system has, and what makes each."""
    if sys.platform == "win32":
        from release import windows

        return {"installer": windows.build, "zip": windows.build_zip}
    if sys.platform == "darwin":
        from release import macos

        return {"dmg": macos.build}
    from release.linux import deb, portable, rpm

    kinds: dict[str, Callable[[Path], Path]] = {"deb": deb.build, "rpm": rpm.build, "portable": portable.build}
    if not shutil.which("rpmbuild"):
        say("rpmbuild is not here: no .rpm will be made.")
        del kinds["rpm"]
    if runtime:
        from release.linux import appimage

        kinds["appimage"] = functools.partial(appimage.build, runtime=runtime.absolute())
    return kinds


def _look_at(program: Path) -> None:
    """Show what is in it; end if something could not run where it is meant to."""
    files = [path for path in program.rglob("*") if path.is_file() and not path.is_symlink()]
    print(f"{sum(path.stat().st_size for path in files) / 1e6:.0f} MB in {len(files)} files; the largest:")
    unknown = []
    for path in sorted(files, key=lambda one: one.stat().st_size, reverse=True)[:_LARGEST]:
        name = path.relative_to(program).as_posix()
        why = contents.reason(name)
        unknown += [] if why else [name]
        print(f"{path.stat().st_size / 1e6:8.1f} MB  {name}: {why or '?'}")
    if unknown:
        give_up(f"Nobody has said why this is needed: {', '.join(unknown)} (packaging/release/contents.py)")
    if sys.platform == "linux":
        from release.linux import elf

        if late := elf.too_new(program):
            told = ", ".join(f"{library.path.name} ({library.glibc})" for library in late)
            give_up(f"These need a newer glibc than {elf.GLIBC_FLOOR}: {told}.")
        if absent := [name for name in elf.from_outside(program) if contents.is_wanted(name)]:
            give_up(
                f"This computer lacks {', '.join(absent)}: install it, or leave it out (packaging/release/contents.py)"
            )
        say(f"Every library runs with glibc {elf.GLIBC_FLOOR}.")


if __name__ == "__main__":
    sys.exit(main())

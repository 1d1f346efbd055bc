"""Checks that a release is complete: tag, version and changelog agree, and every file is there.

Standard library only: the workflow's job that collects the files has nothing else.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from provision import paths
from provision.console import give_up, say

from release import checksums, outputs
from release.linux import flatpak
from release.outputs import DIST, version

_CHANGELOG = paths.REPOSITORY / "CHANGELOG.md"
_HOMES = paths.REPOSITORY / "tests" / "data" / "homes"
_ADDRESS = re.compile(r"https://[\w.-]+(/[\w.-]+)*")
#: What stands on the page of the release, below what is new.
_FOOT = """
`SHA256SUMS` has the checksums of all files (`sha256sum --check --ignore-missing SHA256SUMS`). That they were built
from this repository says `gh attestation verify FILE --repo {repository}`. Each `.cdx.json` lists the parts of the
program for one system (CycloneDX), each `.licences.txt` has their licences.
"""


def main(arguments: list[str]) -> int:
    """Look whether everything is in dist/, and add what belongs to all systems: checksums, Flatpak, notes."""
    parser = argparse.ArgumentParser(prog="manage.py publish", description=main.__doc__)
    add_arguments(parser)
    parser.add_argument("--notes", type=Path, metavar="FILE", help="write the text of the release's page there")
    options = parser.parse_args(arguments)
    settle(options)
    missing = [name for name in files() if not (DIST / name).is_file()]
    if missing:
        give_up(f"A release is whole or none; these are missing: {', '.join(missing)}.")
    (DIST / flatpak.NAME).write_text(flatpak.published(DIST), "utf-8")
    checksums.write(DIST)
    if options.notes:
        options.notes.write_text(notes(), "utf-8")
    say(f"{len(files())} files and the manifest for Flatpak are in {DIST.name}, with SHA256SUMS.")
    return 0


def tagged(arguments: list[str]) -> int:
    """Look whether a tag may be released, in a moment: before anything is built."""
    parser = argparse.ArgumentParser(prog="manage.py tagged", description=tagged.__doc__)
    parser.add_argument("tag", metavar="vX.Y.Z")
    tag = parser.parse_args(arguments).tag
    must_agree(tag)
    say(f"{tag} may be released.")
    return 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two options by which a build learns what it is to be."""
    parser.add_argument(
        "--tag", metavar="vX.Y.Z", help="give up unless tag, version and changelog agree; empty: there is no tag"
    )
    parser.add_argument("--home", metavar="ADDRESS", help="write this address of the project into the program first")


def settle(options: argparse.Namespace) -> None:
    """Do what these two options ask for."""
    if options.tag:
        must_agree(options.tag)
    if options.home is not None:
        if not _ADDRESS.fullmatch(options.home):
            give_up(f"--home wants an address such as https://github.com/OWNER/REPOSITORY, not {options.home}.", 2)
        outputs.set_home(options.home)


def must_agree(tag: str) -> None:
    """End unless a tag names the version that the program has, and what belongs to a release has been done for it."""
    if tag != f"v{version()}":
        give_up(f"The tag is {tag}, but the program says it is {version()} (desktop_app/__init__.py).")
    if not re.fullmatch(r"\d+\.\d+\.\d+", version()):
        give_up(f"{version()} is no version of three numbers, which all kinds of packages can bear.")
    if not changes():
        give_up(f'CHANGELOG.md has nothing below a heading "## {version()}".')
    if not (_HOMES / version()).is_dir():
        give_up(f"What {version()} leaves on a disk is not kept for the tests: run tests/recording/home.py.")


def changes() -> str:
    """Return what the changelog says of this version; empty: nothing."""
    text = _CHANGELOG.read_text("utf-8")
    heading = re.search(rf"^## \[?{re.escape(version())}\]?([ \t].*)?$", text, re.MULTILINE)
    if heading is None:
        return ""
    rest = text[heading.end() :]
    following = re.search(r"^## ", rest, re.MULTILINE)
    return rest[: following.start() if following else None].strip()


def notes() -> str:
    """Return the text of the release's page."""
    repository = outputs.home().partition("://")[2].partition("/")[2]
    return changes() + "\n" + _FOOT.format(repository=repository)


def files() -> list[str]:
    """Return the names of all files that the jobs for the systems make."""
    named = f"eyebright-{version()}"
    systems = ("linux-x86_64", "linux-aarch64", "windows-x86_64", "macos-arm64", "macos-x86_64")
    return [
        *(f"eyebright_{version()}_{machine}.deb" for machine in ("amd64", "arm64")),
        *(f"{named}-1.{machine}.rpm" for machine in flatpak.MACHINES),
        *(f"{named}-linux-{machine}.{kind}" for machine in flatpak.MACHINES for kind in ("tar.xz", "AppImage")),
        *(f"{named}-windows-x86_64{end}" for end in ("-setup.exe", ".zip")),
        *(f"{named}-macos-{machine}.dmg" for machine in ("arm64", "x86_64")),
        *(f"{named}-{system}.{kind}" for system in systems for kind in ("cdx.json", "licences.txt")),
    ]

"""Writes the manifest from which flatpak-builder makes a Flatpak of our archives for Linux."""

from __future__ import annotations

from pathlib import Path

from provision import paths
from provision.console import give_up

from release import checksums
from release.outputs import home, version

NAME = "org.eyebright.Eyebright.yml"
_TEMPLATE = paths.REPOSITORY / "packaging" / "linux" / NAME
MACHINES = ("x86_64", "aarch64")


def archive_name(machine: str) -> str:
    """Return what the archive for a processor is called."""
    return f"eyebright-{version()}-linux-{machine}.tar.xz"


def main(arguments: list[str]) -> int:
    """Print the manifest for an archive on this computer, which flatpak-builder makes a Flatpak of."""
    if len(arguments) != 1 or not (archive := Path(arguments[0])).is_file():
        give_up("Name the archive: manage.py flatpak dist/eyebright-...-linux-x86_64.tar.xz", 2)
    print(local(archive), end="")
    return 0


def published(folder: Path) -> str:
    """Return the manifest that fetches the archives, which lie in `folder`, from where the release will have them."""
    known = {"HOME": home(), "VERSION": version()}
    for machine in MACHINES:
        name = archive_name(machine)
        known |= {machine.upper(): name, f"{machine.upper()}_SHA256": checksums.sha256(folder / name)}
    return _filled(known)


def local(archive: Path) -> str:
    """Return the manifest that takes one archive from this computer, for a try before the release."""
    known = {"HOME": home(), "VERSION": version()}
    for machine in MACHINES:
        known |= {machine.upper(): archive.name, f"{machine.upper()}_SHA256": checksums.sha256(archive)}
    lines = _filled(known).splitlines(keepends=True)
    return "".join(f'        path: "{archive.absolute()}"\n' if "  url: " in line else line for line in lines)


def _filled(known: dict[str, str]) -> str:
    text = _TEMPLATE.read_text("utf-8")
    for name, value in known.items():
        text = text.replace(f"@{name}@", value)
    return text.replace("# Names between at-signs are put in by packaging/release/linux/flatpak.py.\n", "")

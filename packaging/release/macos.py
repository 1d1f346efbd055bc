"""Makes the disk image for macOS, with the program and a link to Applications."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from provision.console import give_up, say

from release import licences, mac_signing, macho, remove_x265
from release.outputs import BUILD, BUNDLE, DIST, system_name, version

_TRIES = 3


def build(_program: Path) -> Path:
    """Make the disk image from the bundle that PyInstaller has made beside the frozen program, and return it."""
    prepare(BUNDLE)
    mac_signing.sign(BUNDLE)
    archive = BUILD / "Eyebright.zip"
    # The program as well as the image it comes on: it is copied out, perhaps to a computer without a network.
    _must(["ditto", "-c", "-k", "--keepParent", BUNDLE, archive])
    if mac_signing.notarise(archive):
        mac_signing.staple(BUNDLE)
    archive.unlink()
    DIST.mkdir(exist_ok=True)
    image = DIST / f"eyebright-{version()}-{system_name()}.dmg"
    make_image(BUNDLE, image)
    mac_signing.sign_image(image)
    if mac_signing.notarise(image):
        mac_signing.staple(image)
    return image


def prepare(app: Path) -> None:
    """Put into the bundle what it lacks, and end if it could not run where it is meant to."""
    for library in remove_x265.take_out(app):
        say(f"{library.name} was taken out of {app.name}.")
    licences.write_copyright(app / "Contents" / "Resources" / "LICENCES.txt")
    if late := macho.too_new(app):
        told = ", ".join(f"{binary.path.name} ({binary.macos})" for binary in late)
        give_up(f"These need a newer macOS than {macho.FLOOR}: {told}.")
    if lacking := macho.missing(app):
        told = "; ".join(f"{name} (for {', '.join(users[:3])})" for name, users in sorted(lacking.items()))
        give_up(f"Neither macOS nor the program brings {told}.")


def make_image(app: Path, image: Path) -> None:
    """Write a disk image with the program and a link to the folder it is to be dragged to."""
    stage = BUILD / "image"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    _must(["ditto", app, stage / app.name])
    (stage / "Applications").symlink_to("/Applications")
    image.unlink(missing_ok=True)
    command: list[str | Path] = ["hdiutil", "create", "-volname", "Eyebright", "-srcfolder", stage]
    command += ["-fs", "HFS+", "-format", "ULMO", image]
    for attempt in range(1, _TRIES + 1):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if not result.returncode:
            break
        # macOS looks at new volumes (for Spotlight, for malware), and they are "busy" meanwhile.
        say(f"hdiutil failed, {attempt} of {_TRIES} times: {result.stderr.strip()[-300:]}")
        time.sleep(5 * attempt)
    else:
        give_up("The disk image could not be made; see above.")
    shutil.rmtree(stage)


def _must(command: list[str | Path]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        give_up(f"{command[0]} failed: {result.stderr.strip()[-1000:]}")

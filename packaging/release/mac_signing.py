"""Signs a program for macOS from the inside out, and has Apple notarise it.

A signature seals what is inside it, so the inner parts come first. Without a certificate everything is signed "ad
hoc", by nobody: Apple's processors start nothing else. Without a key for Apple's service nothing is sent there.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from provision import paths
from provision.console import give_up, say

from release import macho

#: Whose certificate: its name as the keychain has it, "Developer ID Application: ...".
IDENTITY = "EYEBRIGHT_SIGN_MACOS"
#: A key for Apple's service, as App Store Connect gives it out: the .p8 file, its number, and that of who issued it.
NOTARY = ("EYEBRIGHT_NOTARY_KEY", "EYEBRIGHT_NOTARY_KEY_ID", "EYEBRIGHT_NOTARY_ISSUER")
_ENTITLEMENTS = paths.REPOSITORY / "packaging" / "macos" / "entitlements.plist"
_BUNDLES = (".framework", ".app", ".bundle", ".xpc")
_NOBODY = "-"
_MOST = "45m"


def sign(app: Path) -> None:
    """Sign a bundle and all that is in it, and see that macOS takes the signature for whole."""
    identity = os.environ.get(IDENTITY, "")
    if identity:
        # The hardened runtime is what Apple asks for before it notarises. It wants all libraries from the same hand,
        # which "nobody" is not.
        who = [identity, "--options", "runtime", "--timestamp"]
    else:
        say(f"{app.name} is signed ad hoc, by nobody: {IDENTITY} is not set.")
        who = [_NOBODY, "--timestamp=none"]
    codesign: list[str | Path] = ["codesign", "--force", "--sign"]
    codesign += who
    libraries, programs = inside_out(app)
    if libraries:
        _must([*codesign, *libraries], "signed")
    rights: list[str | Path] = ["--entitlements", _ENTITLEMENTS] if identity else []
    for program in programs:
        _must([*codesign, *rights, program], "signed")
    _must(["codesign", "--verify", "--deep", "--strict", app], "verified")


def sign_image(image: Path) -> None:
    """Sign a disk image, where there is a certificate."""
    if identity := os.environ.get(IDENTITY):
        _must(["codesign", "--force", "--sign", identity, "--timestamp", image], "signed")
    else:
        say(f"{image.name} is not signed: {IDENTITY} is not set.")


def inside_out(app: Path) -> tuple[list[Path], list[Path]]:
    """Return what is to be signed, in this order: libraries and bundles inside, then programs, the whole one last."""
    binaries = [path for path in app.rglob("*") if path.is_file() and not path.is_symlink() and macho.is_binary(path)]
    bundles = [path for path in app.rglob("*") if path.suffix in _BUNDLES and path.is_dir() and not path.is_symlink()]
    started = app / "Contents" / "MacOS"
    programs = sorted(path for path in binaries if path.parent == started)
    main = started / "eyebright"
    # The program of a bundle is signed with the bundle.
    loose = [path for path in binaries if path not in programs and not _is_main(path, bundles)]
    libraries = sorted([*loose, *bundles], key=lambda path: (-len(path.parts), path.suffix in _BUNDLES, path))
    return libraries, [*(path for path in programs if path != main), app]


def _is_main(path: Path, bundles: Sequence[Path]) -> bool:
    """Return whether a file is what a framework is there for: Qt.framework/Versions/A/Qt."""
    return any(bundle in path.parents and path.name == bundle.stem for bundle in bundles)


def notarise(package: Path) -> bool:
    """Send an archive or a disk image to Apple and wait for the answer; False where there is no key.

    Ends the program if Apple does not accept it, with what it found.
    """
    key = [os.environ.get(name, "") for name in NOTARY]
    if not (all(key) and os.environ.get(IDENTITY)):
        lacking = [name for name in (IDENTITY, *NOTARY) if not os.environ.get(name)]
        say(f"{package.name} is not notarised: {', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not set.")
        return False
    who = ["--key", key[0], "--key-id", key[1], "--issuer", key[2]]
    notarytool = ["xcrun", "notarytool"]
    said = _answer([*notarytool, "submit", str(package), *who, "--wait", "--timeout", _MOST, "--output-format", "json"])
    if said.get("status") != "Accepted":
        if number := said.get("id"):
            subprocess.run([*notarytool, "log", str(number), *who], check=False)
        give_up(f"Apple did not accept {package.name}: {said.get('status') or said.get('message') or 'no answer'}.")
    return True


def staple(package: Path) -> None:
    """Fasten Apple's ticket to what it was given for, so that a computer without a network finds it."""
    _must(["xcrun", "stapler", "staple", package], "stapled")


def _answer(command: Sequence[str]) -> dict[str, str]:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        said = json.loads(result.stdout)
    except ValueError:
        return {"message": (result.stderr or result.stdout).strip()[-500:]}
    return said if isinstance(said, dict) else {}


def _must(command: Sequence[str | Path], what: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        give_up(f"{Path(command[-1]).name} could not be {what}: {(result.stdout + result.stderr).strip()[-1500:]}")

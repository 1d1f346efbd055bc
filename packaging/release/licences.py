"""Collects the licences of everything inside the program, from the files of its parts."""

from __future__ import annotations

import re
import sys
import sysconfig
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import cast

from provision import paths

#: In the environment, but not in the program.
BUILD_ONLY = frozenset(
    {
        "altgraph", "pefile", "macholib", "pywin32-ctypes", "pyinstaller", "pyinstaller-hooks-contrib", "pyelftools",
        "pip", "setuptools", "wheel", "hatchling", "pathspec", "pluggy", "trove-classifiers", "editables", "tomlkit",
        "cyclonedx-python-lib", "license-expression", "boolean-py", "packageurl-python", "py-serializable",
        "sortedcontainers", "defusedxml", "hf-xet",
    }
)  # fmt: skip
_FOLDER = Path(__file__).resolve().parent
#: Texts that Debian has on every computer, and does not want once more in each package.
_COMMON = {"lgpl-3.0": "LGPL-3", "gpl-3.0": "GPL-3"}
_WHERE = "The text of this licence is in /usr/share/common-licenses/{}."
_APACHE = re.compile(
    r"^ *Apache License\s+Version 2\.0, January 2004.*?END OF TERMS AND CONDITIONS", re.DOTALL | re.MULTILINE
)
_QT = """\
Qt is used as shared libraries under the GNU Lesser General Public License, version 3. They lie beside the
program and may be replaced by others of the same interface. Sources: https://code.qt.io"""
_NAMES = ("licen", "copying", "notice", "authors")
_MIT = (paths.REPOSITORY / "LICENSE").read_text("utf-8").partition("\n\n")[2].partition("\n\n")[2]


@dataclass(frozen=True)
class Part:
    """Something inside the program that others have written."""

    name: str
    version: str
    licence: str  # as its authors name it
    home: str
    texts: tuple[str, ...]


def parts() -> list[Part]:
    """Return all parts, by name; those that no Python distribution describes come last."""
    found = {_key(one): _part(one) for one in distributions() if _key(one) not in BUILD_ONLY}
    return [*(found[name] for name in sorted(found)), *_others()]


def _key(distribution: Distribution) -> str:
    return distribution.metadata["Name"].lower().replace("_", "-").replace(".", "-")


def _part(distribution: Distribution) -> Part:
    about = cast(Message, distribution.metadata)  # which it is, beneath its protocol
    licence = about.get("License-Expression") or about.get("License") or ""
    if not licence or "\n" in licence:
        classified = [c.rpartition(" :: ")[2] for c in about.get_all("Classifier", []) if c.startswith("License")]
        licence = ", ".join(classified) or "see below"
    files = [file for file in distribution.files or () if any(name in file.name.lower() for name in _NAMES)]
    texts = [Path(str(distribution.locate_file(file))) for file in files if ".dist-info" in str(file)]
    home = about.get("Home-page") or next(
        (url.partition(", ")[2] for url in about.get_all("Project-URL", []) if "http" in url), ""
    )
    if about["Name"].lower() in ("pyside6_essentials", "shiboken6"):  # whose wheels have no text in them
        return Part(about["Name"], distribution.version, licence, home, (_QT,))
    read = tuple(text.read_text("utf-8", "replace").strip() for text in sorted(texts) if text.suffix != ".py")
    return Part(about["Name"], distribution.version, licence, home, read)


def _others() -> list[Part]:
    python = next(
        (
            path
            for path in (Path(sysconfig.get_path("stdlib"), "LICENSE.txt"), Path(sys.base_prefix) / "LICENSE.txt")
            if path.is_file()
        ),
        None,
    )
    return [
        Part(
            "llama.cpp and ggml",
            f"as in llama-cpp-python {_version('llama-cpp-python')}",
            "MIT",
            "https://github.com/ggml-org/llama.cpp",
            ("Copyright (c) 2023-2026 The ggml authors\n\n" + _MIT.strip(),),
        ),
        Part(
            "Inter",
            "4.1.1",  # of packaging/make_fonts.py
            "OFL-1.1",
            "https://rsms.me/inter",
            ((paths.REPOSITORY / "resources/fonts/OFL.txt").read_text("utf-8").strip(),),
        ),
        Part(
            "Python",
            sys.version.split()[0],
            "PSF-2.0",
            "https://www.python.org",
            (python.read_text("utf-8", "replace").strip(),) if python else (),
        ),
        Part(
            "Qt",
            _version("PySide6-Essentials"),
            "LGPL-3.0-only",
            "https://www.qt.io",
            (
                _QT,
                *((_FOLDER / f"{name}.txt").read_text("utf-8").strip() for name in _COMMON),
            ),
        ),
    ]


def _version(name: str) -> str:
    return next(one.version for one in distributions() if _key(one) == name.lower())


def write_copyright(path: Path, *, for_debian: bool = False) -> None:
    """Write one file with everything: Eyebright's own licence, then that of each part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = "-" * 100
    own = (paths.REPOSITORY / "LICENSE").read_text("utf-8").strip()
    blocks = [f"Eyebright\n\n{own}", "What follows is inside the program as well, each part under its own licence."]
    for part in parts():
        head = f"{part.name} {part.version}\nLicence: {part.licence}\n{part.home}".strip()
        blocks.append("\n\n".join([f"{line}\n{head}", *part.texts]))
    text = "\n\n".join(blocks) + "\n"
    if for_debian:
        for name, common in _COMMON.items():
            long = (_FOLDER / f"{name}.txt").read_text("utf-8").strip()
            text = text.replace(long, _WHERE.format(common))
        text = _APACHE.sub(_WHERE.format("Apache-2.0"), text)
    path.write_text(text, "utf-8")

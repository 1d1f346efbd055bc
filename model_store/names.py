"""File and folder names that every system accepts, and a check that a name from elsewhere stays in its folder."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")  # names that Windows keeps to itself
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")  # a terminal may obey them
_ENDING = re.compile(r"(-\d{5}-of-\d{5})?\.[^.]{1,10}$")  # also that of one of several files: names tell their order
_LONGEST_LINE = 200  # characters
_LONGEST_NAME = 200  # bytes; file systems take 255, and endings are added
_LONGEST_PLAIN_PATH = 240  # characters that Windows takes without the prefix for long paths


def is_plain_name(name: str) -> bool:
    """Return whether `name`, which came from elsewhere, names a file in a folder and nothing beyond it."""
    return (
        0 < len(os.fsencode(name)) <= 255
        and name not in (".", "..")
        and not re.search(r"[/\\\0]", name)
        and not (len(name) > 1 and name[1] == ":")
    )


def one_line(text: str) -> str:
    """Return a name or title from elsewhere as it can be shown: one line, not too long, nothing but letters."""
    line = CONTROL.sub("\ufffd", " ".join(text[: 4 * _LONGEST_LINE].split()))
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"


def identifier(name: str) -> str:
    """Return `name` as an id of a model: it is typed on the command line, and is a folder's name."""
    plain = safe_name(name).encode("ascii", "ignore").decode()
    letters = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in plain)
    return "-".join(part for part in letters.split("-") if part).strip(".")[:80].lower() or "model"


def safe_name(name: str) -> str:
    """Return `name` as every file system takes it; an ending such as `.gguf` or `-00001-of-00003.gguf` stays."""
    name = unicodedata.normalize("NFC", name.encode(errors="replace").decode())
    name = "".join("_" if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in name)
    name = _FORBIDDEN.sub("_", name).strip(" .") or "model"
    if _RESERVED.match(name):
        name = "_" + name
    match = _ENDING.search(name)
    ending = match[0] if match else ""
    stem = name.removesuffix(ending)
    return stem.encode()[: _LONGEST_NAME - len(ending.encode())].decode(errors="ignore").rstrip(" .") + ending


def reachable(path: Path) -> Path:
    r"""Return `path` so that programs reach it also where it is long: on Windows with the prefix \\?\."""
    if os.name != "nt" or len(str(path)) < _LONGEST_PLAIN_PATH or str(path).startswith("\\\\?\\"):
        return path
    whole = str(path.absolute())
    return Path("\\\\?\\UNC\\" + whole[2:] if whole.startswith("\\\\") else "\\\\?\\" + whole)

"""What people call a model: the same name in the list of models, while it is in use, and in a notice."""

from __future__ import annotations

import re
from pathlib import Path

from model_store.foreign_files import is_file
from model_store.gguf_header import GGUFHeader
from model_store.jobs import Role
from model_store.manifest import MANIFEST, Manifest
from model_store.split_model import part_name

_QUANTISATION = re.compile(r"(?i)(?<![a-z0-9])(i?q\d(?:_[a-z0-9]+)*|bf16|f16|fp16|f32|int4|int8)(?![a-z0-9])")
_GENERIC = re.compile(r"(?i)^(ggml-|text-)?model|^sha256-")  # names of files that say nothing
# general.file_type, as llama.h numbers them.
# fmt: off
_FILE_TYPES = (
    "F32", "F16", "Q4_0", "Q4_1", "", "", "", "Q8_0", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S",
    "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "IQ2_XXS", "IQ2_XS", "Q2_K_S", "IQ3_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL",
    "IQ3_S", "IQ3_M", "IQ2_S", "IQ2_M", "IQ4_XS", "IQ1_M", "BF16",
)
# fmt: on


def quantisation_of(name: str, header: GGUFHeader) -> str:
    """Return how the numbers are stored, as the name says or else the header; "" where neither does."""
    found = _QUANTISATION.findall(name)
    if found:
        return str(found[-1]).upper().replace("FP16", "F16")
    number = header.integer("general.file_type")
    return _FILE_TYPES[number] if number is not None and 0 <= number < len(_FILE_TYPES) else ""


def _stem(name: str) -> str:
    """Return a file's name without its ending and its number among several."""
    part = part_name(name)
    if part is not None:
        return part.stem
    return name[:-5] if name.lower().endswith(".gguf") else name


def title_of(path: Path, name: str, header: GGUFHeader) -> str:
    """Return what people may call a model that nobody has given a title; `name` is what they call its file."""
    stem = _stem(name)
    if not _GENERIC.search(stem):
        return stem
    said = header.text("general.name") or path.parent.name
    return f"{said} {quantisation_of(name, header)}".strip()


def is_in_library(path: Path) -> bool:
    """Return whether a file lies, or lay, in the folder of an installed model; else it is used where it is."""
    return is_file(path.parent / MANIFEST)


def known_title(path: Path) -> str:
    """Return the title that a model was installed with, otherwise the name of its file; its header is not read."""
    return installed_title(path) or _stem(path.name)


def title_in_use(path: Path, header: GGUFHeader) -> str:
    """Return the title that a model was installed with if it lies in the library, otherwise that of its file."""
    return installed_title(path) or title_of(path, path.name, header)


def installed_title(path: Path) -> str:
    """Return the title that a model was installed with, "" if its file does not lie in the library."""
    try:
        manifest = Manifest.read(path.parent)
    except (OSError, ValueError):
        return ""
    file = manifest.file(Role.MODEL)
    return manifest.title if file is not None and file.name == path.name else ""

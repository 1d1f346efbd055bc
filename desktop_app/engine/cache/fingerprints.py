"""Identifies model files and the llama.cpp libraries by their content, independent of path and date."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path

_WHOLE = 16 * 1024 * 1024  # bytes: files up to this size are read completely
_START = 8 * 1024 * 1024  # holds the header: names, shapes, vocabulary
_SAMPLES = 128
_SAMPLE = 16 * 1024


def file_identity(path: Path) -> str:
    """Return a digest of the content, 64 hexadecimal digits.

    For a large file it covers the size, the beginning, and samples over the whole length: different models differ in
    nearly every tensor, and reading 4 GB would take longer than loading it. Raises OSError.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(f"{size} ".encode())
    with path.open("rb") as file:
        if size <= _WHOLE:
            digest.update(file.read())
        else:
            digest.update(file.read(_START))
            for index in range(1, _SAMPLES + 1):
                file.seek(_START + (size - _START - _SAMPLE) * index // _SAMPLES)
                digest.update(file.read(_SAMPLE))
    return digest.hexdigest()


def files_identity(paths: Sequence[Path]) -> str:
    """Return a digest of the content of all files of a language model, of a single one its own. Raises OSError."""
    identities = [file_identity(path) for path in paths]
    return identities[0] if len(identities) == 1 else hashlib.sha256(" ".join(identities).encode()).hexdigest()


def library_identity() -> str:
    """Return a digest of the libraries of llama.cpp, without loading them; "" if they are not found.

    It changes with the version and with how they were compiled. Raises OSError.
    """
    found = importlib.util.find_spec("llama_cpp")
    if found is None or found.origin is None:
        return ""
    folder = Path(found.origin).parent / "lib"
    # The same library may have several names.
    names = {path.resolve() for path in folder.iterdir() if path.suffix in (".so", ".dylib", ".dll")}
    return hashlib.sha256(" ".join(file_identity(path) for path in sorted(names)).encode()).hexdigest()

"""What tells one model file, and one llama.cpp, from another, wherever it lies and whenever it was copied."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

_WHOLE = 16 * 1024 * 1024  # bytes: files up to here are read whole
_START = 8 * 1024 * 1024  # holds the header: names, shapes, vocabulary
_SAMPLES = 128
_SAMPLE = 16 * 1024


def file_identity(path: Path) -> str:
    """Return a digest of the content, 64 hexadecimal digits.

    Of a large file its size, its beginning and samples over its whole length: models that differ
    differ in nearly every tensor, and reading 4 GB would take longer than loading it. Raises OSError.
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


def library_identity() -> str:
    """Return a digest of llama.cpp's libraries: of the version, and of how it was compiled. They are not loaded.

    Empty where they are not found. Raises OSError.
    """
    found = importlib.util.find_spec("llama_cpp")
    if found is None or found.origin is None:
        return ""
    folder = Path(found.origin).parent / "lib"
    # The same library may lie there under several names.
    names = {path.resolve() for path in folder.iterdir() if path.suffix in (".so", ".dylib", ".dll")}
    return hashlib.sha256(" ".join(file_identity(path) for path in sorted(names)).encode()).hexdigest()

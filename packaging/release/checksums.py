"""Writes SHA256SUMS, the list of checksums of all published files."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write(folder: Path) -> Path:
    """Write the SHA-256 of every file in a folder, as `sha256sum --check` reads it; return the list."""
    path = folder / "SHA256SUMS"
    files = sorted(one for one in folder.iterdir() if one.is_file() and one != path)
    # Nothing but line feeds, on Windows too: sha256sum would take the rest for part of the name.
    path.write_bytes("".join(f"{sha256(one)}  {one.name}\n" for one in files).encode())
    return path

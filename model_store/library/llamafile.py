"""llamafiles: programs with weights inside, which are zip archives at the same time.

The weights are stored in it as they are (https://github.com/Mozilla-Ocho/llamafile: "zipalign -j0"), but llama.cpp
and mtmd open files by name and from their beginning, so the GGUFs have to be copied out.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

from model_store.errors import StoreError
from model_store.foreign_files import is_file
from model_store.gguf_header import DamagedGGUFError, GGUFHeader, NotGGUFError, read_header_from
from model_store.library.gguf_kind import GGUFFile, GGUFKind, kind_of, read_parts

_ENDINGS = (".llamafile", ".llamafile.exe")


def is_llamafile(path: Path) -> bool:
    """Return whether a file is called like a llamafile, or is a zip archive that begins as a program."""
    return path.name.lower().endswith(_ENDINGS) and is_file(path)


def look_into(path: Path) -> list[GGUFKind]:
    """Return the language models and projectors in a llamafile.

    Raises StoreError: nothing-to-import, file-unreadable, weights-damaged, and as `read_parts` and `kind_of`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            inside = {info.filename: info for info in archive.infolist() if info.filename.lower().endswith(".gguf")}

            def read(name: str) -> GGUFHeader:
                with archive.open(inside[name]) as member:
                    return read_header_from(cast(BinaryIO, member), inside[name].file_size)

            def file(name: str) -> GGUFFile:
                return GGUFFile(path, name.rpartition("/")[2], inside[name].file_size, name)

            found: list[GGUFKind] = []
            for name in inside:
                if all(name != one.member for kind in found for one in kind.files):  # not of a split model
                    names, header = read_parts(name, read)
                    found.append(kind_of(tuple(map(file, names)), header))
    except (zipfile.BadZipFile, NotGGUFError, DamagedGGUFError, EOFError, NotImplementedError, KeyError) as error:
        raise StoreError("weights-damaged", name=path.name) from error
    except OSError as error:
        raise StoreError("file-unreadable", name=path.name) from error
    if not found:
        raise StoreError("nothing-to-import", name=path.name)
    return found


def open_member(path: Path, name: str) -> BinaryIO:
    """Open a file inside a llamafile for reading. Raises OSError, also while reading what is damaged."""
    try:
        return cast(BinaryIO, io.BufferedReader(_Member(path, name), 1 << 20))
    except (zipfile.BadZipFile, KeyError, NotImplementedError) as error:
        raise OSError(f"{path.name} is damaged") from error


class _Member(io.RawIOBase):
    """A file of an archive that closes the archive with itself, and tells damage as OSError."""

    def __init__(self, path: Path, name: str) -> None:
        self._archive = zipfile.ZipFile(path)
        self._file = self._archive.open(name)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._file.read(len(buffer))
        except (zipfile.BadZipFile, EOFError) as error:
            raise OSError("the archive is damaged") from error
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
            self._archive.close()
        super().close()

"""The Hub: which files a repository holds, how large they are and what their hash is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from model_store.gguf_header import GGUFHeader

DEFAULT_ENDPOINT = "https://huggingface.co"


@dataclass(frozen=True)
class RemoteFile:
    """A file on the Hub."""

    repository: str
    revision: str  # the commit, where the Hub tells it; else what was asked for
    path: str  # in the repository
    size: int  # bytes
    sha256: str  # 64 hex digits; "" when the Hub does not tell it

    @property
    def name(self) -> str:
        """Return its own name."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class RemoteRepository:
    """What a repository holds, as far as it matters here."""

    name: str  # "owner/name"
    commit: str
    licence: str  # "" when it tells none
    gated: bool
    files: tuple[RemoteFile, ...]  # GGUF files only, by name


@dataclass(frozen=True)
class FoundRepository:
    """One result of a search."""

    name: str
    downloads: int
    gated: bool


class Hub:
    """Asks one Hub, or a mirror of it. May be used from several threads.

    Everything raises `StoreError`: endpoint-wrong and proxy-wrong at once, and later no-connection,
    connection-not-safe, repository-missing, remote-file-missing, gated, token-refused, server-busy,
    server-failed, answer-not-understood.
    """

    def __init__(self, endpoint: str = DEFAULT_ENDPOINT, token: str = "", proxy: str = "") -> None:
        """Speak to `endpoint`; `token` goes nowhere else. `proxy` "": what the system says, "none": none."""
        self.endpoint = endpoint

    @property
    def host(self) -> str:
        """Return the name of the server, for sentences."""
        raise NotImplementedError

    def repository(self, name: str, revision: str = "main") -> RemoteRepository:
        """Return what a repository holds."""
        raise NotImplementedError

    def list_gguf_files(self, name: str, revision: str = "main") -> tuple[RemoteFile, ...]:
        """Return the GGUF files of a repository."""
        return self.repository(name, revision).files

    def file_metadata(self, repository: str, revision: str, path: str) -> RemoteFile:
        """Return size and hash of a file."""
        raise NotImplementedError

    def search(self, text: str, limit: int = 20) -> tuple[FoundRepository, ...]:
        """Return repositories that hold GGUF files and whose names fit, the most fetched first."""
        raise NotImplementedError

    def read_range(self, file: RemoteFile, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end` (exclusive)."""
        raise NotImplementedError

    def open(self, file: RemoteFile) -> BinaryIO:
        """Return a file object that fetches what is read from it, a megabyte at a time."""
        raise NotImplementedError

    def read_header(self, file: RemoteFile) -> GGUFHeader:
        """Return the header of a GGUF file without fetching its weights. Also raises not-a-model."""
        raise NotImplementedError

    def close(self) -> None:
        """Close its connections."""

"""The Hub: which files a repository holds, how large they are and what their hash is.

huggingface_hub asks for metadata and addresses; it is only kept from sending anything to anybody
but the configured endpoint. The bytes are fetched by `ranged_request`, which trusts them less.
"""

from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

import httpx2

from model_store.errors import StoreError
from model_store.gguf_header import DamagedGGUFError, GGUFHeader, NotGGUFError, read_header_from
from model_store.hub.addresses import checked_endpoint
from model_store.hub.cancellable_connection import CancellableConnection
from model_store.hub.http_client import Timeouts, explained, new_client
from model_store.hub.proxies import checked_proxy
from model_store.hub.ranged_request import SHA256, RangeSource, file_url, refusal
from model_store.names import one_line

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# Read when huggingface_hub is imported, which takes half a second and so waits until it is needed.
os.environ["HF_HUB_VERBOSITY"] = "critical"  # its warnings, which name what was looked for, would go to the terminal
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"

DEFAULT_ENDPOINT = "https://huggingface.co"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
_PIECE = 2 << 20  # bytes fetched at a time of a header
_LONGEST_HEADER = 128 << 20  # bytes
_MOST_FILES = 5000
_LONGEST_PATH = 1000  # characters
_SUFFIX = ".gguf"
_ASKED_AGAIN = {408, 429, 500, 502, 503, 504}  # statuses after which huggingface_hub asks again

# huggingface_hub has one client for the whole process.
_LIBRARY = threading.Lock()


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


def repository_name(text: str, endpoint: str = DEFAULT_ENDPOINT) -> str:
    """Return "owner/name" from what a person wrote or copied from a browser.

    Raises `StoreError` (repository-name-wrong).
    """
    name = text.strip().removeprefix(endpoint).removeprefix(DEFAULT_ENDPOINT).strip("/")
    name = "/".join(name.split("/")[:2])
    if _REPOSITORY.fullmatch(name) is None or any(part.strip(".") == "" for part in name.split("/")):
        raise StoreError("repository-name-wrong", name=text)
    return name


class Hub:
    """Asks one Hub, or a mirror of it. May be used from several threads.

    Everything raises `StoreError`: endpoint-wrong and proxy-wrong at once, and later no-connection,
    system-proxy-wrong, proxy-refused, connection-not-safe, repository-missing, remote-file-missing, gated,
    token-refused, server-busy, server-failed, answer-not-understood.
    """

    def __init__(
        self, endpoint: str = DEFAULT_ENDPOINT, token: str = "", proxy: str = "", timeouts: Timeouts | None = None
    ) -> None:
        """Speak to `endpoint`; `token` goes nowhere else. `proxy` "": what the system says, "none": none."""
        self.endpoint = checked_endpoint(endpoint or DEFAULT_ENDPOINT)
        self.timeouts = timeouts or Timeouts()
        self._token = token.strip()
        self._proxy = checked_proxy(proxy)
        self._lock = threading.Lock()
        self._connections: set[CancellableConnection] = set()
        self._closed = False

    @property
    def host(self) -> str:
        """Return the name of the server, for sentences."""
        return httpx2.URL(self.endpoint).host

    def repository(self, name: str, revision: str = "main") -> RemoteRepository:
        """Return what a repository holds."""
        name = repository_name(name, self.endpoint)
        with self._asking(name) as api:
            info = api.model_info(name, revision=revision, files_metadata=True, timeout=self.timeouts.answer)
            commit = info.sha or ""
            commit = commit if _COMMIT.fullmatch(commit) else revision
            licence = (info.card_data.get("license") if info.card_data is not None else None) or ""
            files = [
                RemoteFile(name, commit, one.rfilename, one.size or 0, _sha256(one.lfs.sha256 if one.lfs else ""))
                for one in (info.siblings or [])[:_MOST_FILES]
                if one.rfilename.lower().endswith(_SUFFIX) and len(one.rfilename) <= _LONGEST_PATH
            ]
            files.sort(key=lambda file: file.path)
            return RemoteRepository(name, commit, one_line(str(licence)), bool(info.gated), tuple(files))

    def file_metadata(self, repository: str, revision: str, path: str) -> RemoteFile:
        """Return size and hash of a file."""
        repository = repository_name(repository, self.endpoint)
        with self._asking(repository, path) as api:
            url = file_url(self.endpoint, repository, revision, path)
            found = api.get_hf_file_metadata(url=url, timeout=self.timeouts.answer)
            if found.size is None or found.size < 1:
                raise StoreError("answer-not-understood", host=self.host)
            commit = found.commit_hash or ""
            return RemoteFile(
                repository,
                commit if _COMMIT.fullmatch(commit) else revision,
                path,
                found.size,
                _sha256(found.etag or ""),
            )

    def search(self, text: str, limit: int = 20) -> tuple[FoundRepository, ...]:
        """Return repositories that hold GGUF files and whose names fit, the most fetched first."""
        with self._asking(text) as api:
            found = api.list_models(search=text, filter="gguf", sort="downloads", limit=limit)
            return tuple(
                FoundRepository(one.id, one.downloads or 0, bool(one.gated))
                for one in found
                if _REPOSITORY.fullmatch(one.id)
            )

    def read_range(self, file: RemoteFile, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end` (exclusive)."""
        with self.source(file) as (source, _connection), source.open(start, end, self.timeouts) as pieces:
            data = b"".join(pieces)
        if len(data) != end - start:
            raise StoreError("no-connection", host=self.host)
        return data

    def open(self, file: RemoteFile) -> BinaryIO:
        """Return a file object that fetches what is read from it, some megabytes at a time."""
        return cast(BinaryIO, io.BufferedReader(_RemoteReader(self, file), _PIECE))

    def read_header(self, file: RemoteFile) -> GGUFHeader:
        """Return the header of a GGUF file without fetching its weights. Also raises not-a-model."""
        with self.open(file) as lazy:
            try:
                return read_header_from(lazy, file.size)
            except (NotGGUFError, DamagedGGUFError) as error:
                raise StoreError("not-a-model", name=file.name) from error

    @contextmanager
    def source(self, file: RemoteFile, at_once: int = 0) -> Iterator[tuple[RangeSource, CancellableConnection]]:
        """Give what fetches ranges of a file over a connection of its own, in pieces of at most `at_once` bytes."""
        url = file_url(self.endpoint, file.repository, file.revision, file.path)
        with self._connection(at_once) as connection, self._client(connection) as client:
            source = RangeSource(
                client, connection, url, name=file.name, repository=file.repository, size=file.size, sha256=file.sha256
            )
            yield source, connection

    def close(self) -> None:
        """End what is being asked, at once. Everything after it fails with no-connection."""
        with self._lock:
            self._closed = True
            still_open = tuple(self._connections)
        for connection in still_open:
            connection.cut()

    def _client(self, connection: CancellableConnection) -> httpx2.Client:
        return new_client(connection, self.endpoint, self._token, self._proxy, self.timeouts)

    def _client_of_the_library(self, connection: CancellableConnection) -> httpx2.Client:
        return new_client(connection, self.endpoint, self._token, self._proxy, self.timeouts, around=_Once)

    @contextmanager
    def _connection(self, at_once: int = 0) -> Iterator[CancellableConnection]:
        connection = CancellableConnection(at_once)
        with self._lock:
            if self._closed:
                raise StoreError("no-connection", host=self.host)
            self._connections.add(connection)
        try:
            yield connection
        finally:
            with self._lock:
                self._connections.discard(connection)

    @contextmanager
    def _asking(self, repository: str, path: str = "") -> Iterator[HfApi]:
        """Give huggingface_hub, set up for one question, and explain its errors."""
        from huggingface_hub import HfApi, close_session, errors, set_client_factory

        with _LIBRARY, self._connection() as connection:
            connection.within(self.timeouts.answer)
            set_client_factory(lambda: self._client_of_the_library(connection))
            try:
                # The token is added by our client, for the right server only.
                yield HfApi(endpoint=self.endpoint, token=False)
            except httpx2.HTTPError as error:
                status, headers = _answer(error)
                if status:
                    name = path.rpartition("/")[2]
                    if isinstance(error, (errors.GatedRepoError, errors.RepositoryNotFoundError)):
                        gated = isinstance(error, errors.GatedRepoError)
                        code = "gated" if gated else "repository-missing"
                        raise StoreError(code, repository=repository, host=self.host) from error
                    raise refusal(status, headers, self.host, repository, name or repository, True) from error
                with explained(self.host):
                    raise
            except errors.HFValidationError as error:
                raise StoreError("repository-name-wrong", name=repository) from error
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise StoreError("answer-not-understood", host=self.host) from error
            finally:
                close_session()


def _answer(error: httpx2.HTTPError) -> tuple[int, httpx2.Headers]:
    response = getattr(error, "response", None)
    if isinstance(response, httpx2.Response):
        return response.status_code, response.headers
    return 0, httpx2.Headers()


def _sha256(text: str) -> str:
    text = text.lower()
    return text if SHA256.fullmatch(text) else ""


class _Once(httpx2.BaseTransport):
    """Raises `StoreError` where huggingface_hub would ask again.

    It tries five times for half a minute, or for as long as the server tells it to, and sleeps in between, where
    nothing can end it. A person who waits for an answer is told at once, and may ask again.
    """

    def __init__(self, transport: httpx2.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        with explained(request.url.host):
            response = self._transport.handle_request(request)
        if response.status_code in _ASKED_AGAIN:
            response.close()
            raise refusal(response.status_code, response.headers, request.url.host, "", "", at_home=False)
        return response

    def close(self) -> None:
        self._transport.close()


class _RemoteReader(io.RawIOBase):
    """A file on the Hub as a file object."""

    def __init__(self, hub: Hub, file: RemoteFile) -> None:
        self._hub = hub
        self._file = file
        self._at = 0
        self._fetched = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        end = min(self._at + len(buffer), self._file.size)
        if end <= self._at:
            return 0
        self._fetched += end - self._at
        if self._fetched > _LONGEST_HEADER:
            raise StoreError("not-a-model", name=self._file.name)
        data = self._hub.read_range(self._file, self._at, end)
        buffer[: len(data)] = data
        self._at = end
        return len(data)

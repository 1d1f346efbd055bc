"""Fetches a range of bytes of one file, or says why that is not possible.

Servers answer with other ranges, other files and login pages; everything about an answer that can be
checked is checked before its bytes are believed.
"""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote

import httpx2

from model_store.errors import StoreError
from model_store.hub.addresses import origin
from model_store.hub.cancellable_connection import CancellableConnection
from model_store.hub.http_client import Timeouts, explained

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_WAIT = 3600  # seconds: nobody is asked to wait longer
_TOO_MANY = 429
_OK, _PARTIAL = 200, 206


def file_url(endpoint: str, repository: str, revision: str, path: str) -> str:
    """Return where a file of a repository is on a Hub."""
    return f"{endpoint}/{repository}/resolve/{quote(revision, safe='')}/{quote(path)}"


class RangeSource:
    """Fetches ranges of one file. For one thread; `connection` can be cut from another."""

    def __init__(
        self,
        client: httpx2.Client,
        connection: CancellableConnection,
        url: str,
        *,
        name: str,
        repository: str,
        size: int,
        sha256: str,
    ) -> None:
        self._client = client
        self._connection = connection
        self._url = url
        self._name = name
        self._repository = repository
        self._size = size
        self._sha256 = sha256

    @contextmanager
    def open(self, start: int, end: int, timeouts: Timeouts) -> Iterator[Iterator[bytes]]:
        """Give the bytes from `start` up to `end` (exclusive) piece by piece; the connection may end before.

        Raises `StoreError`: no-connection, proxy-refused, system-proxy-wrong, connection-not-safe, gated,
        token-refused, remote-file-missing, server-busy, server-failed or answer-not-understood.
        """
        host = httpx2.URL(self._url).host
        self._connection.within(timeouts.answer)
        # No explanation around the yield: what the caller does with the bytes has errors of its own.
        with explained(host):
            request = self._client.build_request("GET", self._url, headers={"Range": f"bytes={start}-{end - 1}"})
            response = self._client.send(request, stream=True)
        try:
            self._connection.within(None)
            skipped = self._check(response, start, end)
            yield self._body(response, skipped, end - start, timeouts)
        finally:
            with explained(host):
                response.close()

    def _check(self, response: httpx2.Response, start: int, end: int) -> int:
        """Return how many bytes come before those that were asked for."""
        host = response.url.host
        if response.status_code not in {_OK, _PARTIAL}:
            at_home = origin(str(response.url)) == origin(self._url)
            raise refusal(response.status_code, response.headers, host, self._repository, self._name, at_home)
        strange = StoreError("answer-not-understood", host=host)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise strange
        if response.headers.get("Content-Type", "").lower().startswith("text/html"):
            raise strange
        etag = response.headers.get("ETag", "").removeprefix("W/").strip('"').lower()
        if self._sha256 and SHA256.fullmatch(etag) and etag != self._sha256:
            raise strange
        if response.status_code == _OK:  # a server that knows no ranges sends everything
            length = response.headers.get("Content-Length")
            if length is not None and length != str(self._size):
                raise strange
            return start
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if found is None or int(found[1]) != start or int(found[2]) != end - 1:
            raise strange
        if found[3] not in {"*", str(self._size)}:
            raise strange
        return 0

    def _body(self, response: httpx2.Response, skipped: int, wanted: int, timeouts: Timeouts) -> Iterator[bytes]:
        host = response.url.host
        speed = _LeastSpeed(timeouts, host)
        with explained(host):
            for piece in response.iter_raw():
                speed.count(len(piece))
                if skipped >= len(piece):
                    skipped -= len(piece)
                    continue
                kept = piece[skipped : skipped + wanted]
                skipped = 0
                wanted -= len(kept)
                yield kept
                if not wanted:
                    return


class _LeastSpeed:
    """Ends a connection over which hardly anything comes, however regularly."""

    def __init__(self, timeouts: Timeouts, host: str) -> None:
        self._timeouts = timeouts
        self._host = host
        self._since = time.monotonic()
        self._bytes = 0

    def count(self, size: int) -> None:
        self._bytes += size
        now = time.monotonic()
        if now - self._since < self._timeouts.slow:
            return
        if self._bytes < self._timeouts.least:
            raise StoreError("no-connection", host=self._host)
        self._since, self._bytes = now, 0


def refusal(
    status: int, headers: Mapping[str, str], host: str, repository: str, name: str, at_home: bool
) -> StoreError:
    """Return what a status means; `at_home`: the Hub itself said it, not a server it has sent us to."""
    code = headers.get("X-Error-Code", "")
    if status == _TOO_MANY or "Retry-After" in headers:
        return StoreError("server-busy", host=host, seconds=_seconds(headers.get("Retry-After", "")))
    if at_home and code == "GatedRepo":
        return StoreError("gated", repository=repository, host=host)
    if at_home and code == "RepoNotFound":
        return StoreError("repository-missing", repository=repository, host=host)
    if at_home and status in {401, 403}:
        return StoreError("token-refused", host=host)
    if at_home and status in {404, 410}:
        return StoreError("remote-file-missing", name=name, repository=repository)
    return StoreError("server-failed", host=host, status=status)


def _seconds(text: str) -> int:
    """Return what Retry-After means: seconds, or a date."""
    if text.strip().isdecimal():
        return min(int(text.strip()[:9]), _LONGEST_WAIT)
    try:
        until = email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return 5
    return min(max(0, round(until - time.time())), _LONGEST_WAIT)

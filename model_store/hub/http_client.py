"""The HTTP client of the model store: encrypted, through the person's proxy, and with errors it can explain.

Certificates are checked against the system's. Plain http is for this very computer only. The access
token is for one origin (scheme, name and port) and goes nowhere else, whatever a redirect says.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import httpcore2
import httpx2
import truststore

from model_store.errors import StoreError
from model_store.hub.addresses import is_safe, origin, split_url
from model_store.hub.cancellable_connection import CancellableConnection
from model_store.hub.proxies import pool_through, proxy_for

_MOST_REDIRECTS = 8


@dataclass(frozen=True)
class Timeouts:
    """How long to wait for what. Seconds."""

    connect: float = 15.0
    answer: float = 30.0  # for the head of an answer, and for a whole one that is short
    stall: float = 30.0  # without a single byte
    slow: float = 60.0  # with fewer than `least` bytes: a server that only pretends to send
    least: int = 16_384  # bytes
    first_retry: float = 1.0  # doubled with every failure in a row
    longest_retry: float = 60.0
    tries: int = 6  # in a row without a new byte, where the network itself is well


class _Transport(httpx2.BaseTransport):
    """httpx2's way of sending a request, over connections of a `CancellableConnection`."""

    def __init__(self, connection: CancellableConnection, proxy: str) -> None:
        self._connection = connection
        self._proxy = proxy
        self._pools: dict[str, httpcore2.ConnectionPool] = {}  # by proxy

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        assert isinstance(request.stream, httpx2.SyncByteStream)
        url = httpcore2.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        sent = httpcore2.Request(
            request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
        )
        pool = self._pool(proxy_for(str(request.url), self._proxy))
        with _as_httpx():
            answer = pool.handle_request(sent)
        assert isinstance(answer.stream, Iterable)
        return httpx2.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    def _pool(self, proxy: str) -> httpcore2.ConnectionPool:
        if proxy not in self._pools:
            self._pools[proxy] = pool_through(proxy, self._connection, _certificates())
        return self._pools[proxy]

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()


class _Body(httpx2.SyncByteStream):
    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._stream

    def close(self) -> None:
        close = getattr(self._stream, "close", None)
        if close is not None:
            close()


@contextmanager
def _as_httpx() -> Iterator[None]:
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise httpx2.ReadTimeout(str(error)) from error
    except httpcore2.ConnectError as error:
        raise httpx2.ConnectError(str(error)) from error
    except httpcore2.ProxyError as error:
        raise httpx2.ProxyError(str(error)) from error
    except httpcore2.NetworkError as error:
        raise httpx2.ReadError(str(error)) from error
    except (httpcore2.ProtocolError, httpcore2.UnsupportedProtocol) as error:
        raise httpx2.RemoteProtocolError(str(error)) from error


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def new_client(
    connection: CancellableConnection,
    endpoint: str,
    token: str,
    proxy: str,
    timeouts: Timeouts,
    around: Callable[[httpx2.BaseTransport], httpx2.BaseTransport] = lambda transport: transport,
) -> httpx2.Client:
    """Return a client that sends `token` to the origin of `endpoint` alone, and follows safe redirects only.

    `around` may put something between the client and its transport.
    Besides errors of httpx2 its calls raise `StoreError` (connection-not-safe).
    """
    home = origin(endpoint)

    def check(request: httpx2.Request) -> None:
        url = str(request.url)
        parts = split_url(url)
        if parts is None or not is_safe(parts) or (home[0] == "https" and parts.scheme != "https"):
            reason = "it leads to an address without encryption."
            raise StoreError("connection-not-safe", host=request.url.host, reason=reason)
        request.headers.pop("Authorization", None)
        if token and origin(url) == home:
            request.headers["Authorization"] = f"Bearer {token}"

    timeout = httpx2.Timeout(timeouts.stall, connect=timeouts.connect)
    return httpx2.Client(
        transport=around(_Transport(connection, proxy)),
        event_hooks={"request": [check]},
        follow_redirects=True,
        max_redirects=_MOST_REDIRECTS,
        timeout=timeout,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
    )


@contextmanager
def explained(host: str) -> Iterator[None]:
    """Turn what goes wrong on the way into `StoreError`.

    Codes: no-connection, proxy-refused, connection-not-safe, answer-not-understood.
    """
    try:
        yield
    except httpx2.HTTPError as error:
        raise _explanation(error, host) from error
    except (httpx2.InvalidURL, httpx2.StreamError, UnicodeError) as error:
        raise StoreError("answer-not-understood", host=host) from error


def _explanation(error: httpx2.HTTPError, host: str) -> StoreError:
    try:
        host = error.request.url.host or host
    except RuntimeError:
        pass  # it was not sent yet
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return StoreError("connection-not-safe", host=host, reason=f"{cause.verify_message}.")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx2.ProxyError) and str(error).startswith("407"):
        return StoreError("proxy-refused", host=host)
    if isinstance(error, (httpx2.TimeoutException, httpx2.NetworkError, httpx2.ProxyError)):
        return StoreError("no-connection", host=host)
    if "disconnected" in str(error) or "incomplete" in str(error) or "closed" in str(error):
        return StoreError("no-connection", host=host)
    return StoreError("answer-not-understood", host=host)

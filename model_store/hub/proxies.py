"""Chooses the proxy for a server: the person's, the system's, or none."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterable
from typing import Any
from urllib.parse import SplitResult, unquote

import httpcore2

from model_store.errors import StoreError
from model_store.hub.addresses import is_loopback, split_url
from model_store.hub.cancellable_connection import CancellableConnection
from model_store.hub.socks import greet

NO_PROXY = "none"
_PORTS = {"http": 80, "https": 443, "socks": 1080, "socks5": 1080, "socks5h": 1080}


def checked_proxy(address: str) -> str:
    """Return the address of a proxy. Raises `StoreError` (proxy-wrong)."""
    address = address.strip()
    if address and address != NO_PROXY and _parts(address) is None:
        raise StoreError("proxy-wrong", address=address)
    return address


def proxy_for(url: str, chosen: str) -> str:
    """Return the proxy to use for an address: the chosen one, or the system's for ""; "" for none.

    Raises `StoreError` (system-proxy-wrong): who has a proxy has a reason, and is not led past it.
    """
    if chosen:
        return "" if chosen == NO_PROXY else chosen
    parts = split_url(url)
    if parts is None or is_loopback(parts.hostname or "") or urllib.request.proxy_bypass(parts.netloc):
        return ""
    told = urllib.request.getproxies()
    named = told.get(parts.scheme) or told.get("all", "")
    if not named and told.get("socks"):  # macOS names it so, with any scheme
        named = re.sub(r"^\w+://", "socks5://", told["socks"])
    # Windows knows no version, and urllib calls it the fourth; names without a scheme are usual in the environment.
    proxy = re.sub(r"^socks4://", "socks5://", named)
    proxy = proxy if "://" in proxy or not proxy else f"http://{proxy}"
    if proxy and _parts(proxy) is None:
        raise StoreError("system-proxy-wrong", address=named)
    return proxy


def pool_through(proxy: str, connection: CancellableConnection, certificates: Any) -> httpcore2.ConnectionPool:
    """Return what makes connections through a proxy that was checked; straight for ""."""
    parts = _parts(proxy)
    if parts is None:
        return httpcore2.ConnectionPool(ssl_context=certificates, network_backend=connection)
    user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    if parts.scheme.startswith("socks"):
        return httpcore2.ConnectionPool(
            ssl_context=certificates, network_backend=_ThroughSocks(connection, parts, user)
        )
    bare = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return httpcore2.HTTPProxy(bare, proxy_auth=user, ssl_context=certificates, network_backend=connection)


def _parts(address: str) -> SplitResult | None:
    return split_url(address, _PORTS)


class _ThroughSocks(httpcore2.NetworkBackend):
    """Opens connections that a SOCKS proxy makes; it also looks up the names, so that nobody else hears them."""

    def __init__(self, connection: CancellableConnection, proxy: SplitResult, user: tuple[str, str] | None) -> None:
        self._connection = connection
        self._proxy = proxy
        self._user = user

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect; as httpcore2 wants it."""
        place = self._proxy.hostname or "", self._proxy.port or _PORTS[self._proxy.scheme]
        stream = self._connection.connect_tcp(*place, timeout, local_address, socket_options)
        try:
            greet(stream, host, port, self._user, timeout)
        except BaseException:
            stream.close()
            raise
        return stream

    def sleep(self, seconds: float) -> None:
        """Wait; as httpcore2 wants it."""
        self._connection.sleep(seconds)

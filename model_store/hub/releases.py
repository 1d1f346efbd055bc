"""Asks which release of a program is the newest.

Nothing is read but where that page leads: as on GitHub, `<home>/releases/latest` redirects to
`<home>/releases/tag/v1.2.3`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urljoin

import httpx2

from model_store.errors import StoreError
from model_store.hub.addresses import origin, split_url
from model_store.hub.cancellable_connection import CancellableConnection
from model_store.hub.http_client import Timeouts, explained, new_client
from model_store.hub.proxies import checked_proxy

_LATEST = "/releases/latest"
_TAG = re.compile(r".*/releases/tag/([^/]{1,100})")
_MOST_REDIRECTS = 3  # a home that was renamed leads to its new name first
_USER_AGENT = "Eyebright"
_CODES = {"no-connection": "releases-unreachable", "answer-not-understood": "release-not-understood"}


@dataclass(frozen=True)
class Release:
    """A published release."""

    tag: str  # as it is written in the address: "v1.2.3"
    address: str  # of its page


class ReleasePage:
    """Asks one home for its newest release, once. `close` may come from another thread."""

    def __init__(self, home: str, proxy: str = "", deadline_s: float = 15.0) -> None:
        """Ask the server of `home`, an address, within `deadline_s` altogether; `proxy` as for `Hub`."""
        self._home = home.rstrip("/")
        self._proxy = checked_proxy(proxy)
        self._deadline_s = deadline_s
        self._connection = CancellableConnection()

    def newest(self) -> Release:
        """Return what the home calls its newest release.

        Sent is a HEAD request with the headers Host, Accept, Accept-Encoding, Connection and User-Agent, the last one
        being the program's name. Redirects are followed on the same server only, and not to the release itself.

        Raises `StoreError`: releases-unreachable, release-not-understood, server-failed, connection-not-safe,
        proxy-refused, system-proxy-wrong.
        """
        parts = split_url(self._home)
        host = (parts.hostname if parts is not None else None) or self._home
        timeouts = Timeouts(connect=self._deadline_s, answer=self._deadline_s, stall=self._deadline_s)
        self._connection.within(self._deadline_s)
        try:
            with explained(host), new_client(self._connection, self._home, "", self._proxy, timeouts) as client:
                return self._follow(client, host)
        except StoreError as error:
            if error.code not in _CODES:
                raise
            raise StoreError(_CODES[error.code], host=host) from error

    def close(self) -> None:
        """End what is being asked, at once. It cannot be asked again."""
        self._connection.cut()

    def _follow(self, client: httpx2.Client, host: str) -> Release:
        address = self._home + _LATEST
        for _ in range(_MOST_REDIRECTS):
            client.cookies.clear()  # what one answer set is not told with the next request
            answer = client.head(address, follow_redirects=False, headers={"User-Agent": _USER_AGENT})
            if answer.status_code == httpx2.codes.TOO_MANY_REQUESTS or answer.is_server_error:
                raise StoreError("server-failed", host=host, status=answer.status_code)
            address = _joined(address, answer.headers.get("Location", "")) if answer.is_redirect else ""
            parts = split_url(address)
            if parts is None or origin(address) != origin(self._home):
                break
            tag = _TAG.fullmatch(parts.path)
            if tag is not None:
                return Release(unquote(tag[1]), address)
        raise StoreError("release-not-understood", host=host)


def _joined(address: str, location: str) -> str:
    try:
        return urljoin(address, location)
    except ValueError:  # brackets that hold no IPv6 address
        return ""

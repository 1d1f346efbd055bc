"""Splits addresses of servers, and says which of them are safe to use."""

from __future__ import annotations

import ipaddress
from collections.abc import Container
from urllib.parse import SplitResult, urlsplit

from model_store.errors import StoreError

_PORTS = {"http": 80, "https": 443}


def split_url(url: str, schemes: Container[str] = _PORTS) -> SplitResult | None:
    """Return the parts of an address; None when its scheme is another or it names no server."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in schemes and parts.hostname else None


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, name and port."""
    parts = split_url(url)
    if parts is None:
        return ("", "", 0)
    return (parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS[parts.scheme])


def is_loopback(host: str) -> bool:
    """Return whether a name means this very computer."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_safe(parts: SplitResult) -> bool:
    """Return whether what is said there is encrypted, or stays on this computer."""
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def checked_endpoint(address: str) -> str:
    """Return the address of a Hub without its last slash. Raises `StoreError` (endpoint-wrong)."""
    parts = split_url(address.strip())
    if parts is None or parts.username or parts.query or parts.fragment or not is_safe(parts):
        raise StoreError("endpoint-wrong", address=address)
    return address.strip().rstrip("/")

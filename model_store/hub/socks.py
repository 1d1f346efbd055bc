"""Asks a SOCKS5 proxy for a connection: RFC 1928, and RFC 1929 for a name and password.

Its refusals are told as those of an HTTP proxy: with a status in front, 407 where it wants another password.
"""

from __future__ import annotations

import ipaddress
import struct

import httpcore2

_VERSION, _CONNECT = 5, 1
_OPEN, _WITH_PASSWORD, _PASSWORD_VERSION = 0, 2, 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_LENGTHS = {_IPV4: 4, _IPV6: 16}
_LONGEST = 255  # bytes of a name


def greet(
    stream: httpcore2.NetworkStream, host: str, port: int, user: tuple[str, str] | None, timeout: float | None
) -> None:
    """Have the proxy at the other end of `stream` connect to a server. Raises ProxyError, or as the stream."""
    answers = _Answers(stream, timeout)
    methods = bytes([_OPEN, _WITH_PASSWORD] if user else [_OPEN])
    stream.write(bytes([_VERSION, len(methods)]) + methods, timeout)
    version, method = answers.take(2)
    if version != _VERSION:
        raise httpcore2.ProxyError("502 it does not speak SOCKS5")
    if method not in methods:
        raise httpcore2.ProxyError("407 it wants name and password")
    if method == _WITH_PASSWORD and user:
        stream.write(bytes([_PASSWORD_VERSION]) + _counted(user[0].encode()) + _counted(user[1].encode()), timeout)
        if answers.take(2)[1]:
            raise httpcore2.ProxyError("407 it does not accept name and password")
    stream.write(bytes([_VERSION, _CONNECT, 0]) + _address(host) + struct.pack(">H", port), timeout)
    _, refused, _, kind = answers.take(4)
    if refused:
        raise httpcore2.ProxyError(f"502 it could not connect ({refused})")
    answers.take((answers.take(1)[0] if kind == _NAME else _LENGTHS.get(kind, 0)) + 2)


def _address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bytes([_NAME]) + _counted(host.encode("idna"))
    return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed


def _counted(text: bytes) -> bytes:
    if len(text) > _LONGEST:
        raise httpcore2.ProxyError("502 a name is too long")
    return bytes([len(text)]) + text


class _Answers:
    """What the proxy says, byte for byte. Nothing comes after it before something was asked of the server."""

    def __init__(self, stream: httpcore2.NetworkStream, timeout: float | None) -> None:
        self._stream = stream
        self._timeout = timeout
        self._here = b""

    def take(self, count: int) -> bytes:
        while len(self._here) < count:
            more = self._stream.read(_LONGEST, self._timeout)
            if not more:
                raise httpcore2.ProxyError("502 it hung up")
            self._here += more
        taken, self._here = self._here[:count], self._here[count:]
        return taken

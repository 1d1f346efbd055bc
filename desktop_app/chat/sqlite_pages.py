"""Reads rows straight from the pages of an SQLite file, whatever is broken above them.

SQLite finds a table through the header, the list of tables and inner pages; when one of them is damaged, all below
it is lost to SQLite. But each leaf page of a table says itself which rows it holds. Format:
https://www.sqlite.org/fileformat2.html. What the write-ahead log holds counts too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

_MAGIC = b"SQLite format 3\0"
_USUAL_PAGE = 4096
_LEAF = 0x0D  # the first byte of a leaf page of a table
_WAL_MAGIC = (0x377F0682, 0x377F0683)
_MOST_COLUMNS = 100
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # serial type -> bytes


class Row(NamedTuple):
    """A row of some table. A column that is the row's number itself is stored as None."""

    place: int  # the row's number
    values: list[Any]


class _Unreadable(Exception):  # noqa: N818 - a page is something else, or damaged
    pass


def rows_of(path: Path) -> Iterator[Row]:
    """Yield the rows of all tables, page after page. Raises OSError."""
    data = path.read_bytes()
    first = _first_page(data)
    size = _page_size(data[first : first + 18])
    pages = _Pages(data, size, _logged(path.with_name(path.name + "-wal"), size), first // size + 1)
    for number in pages.numbers():
        page = pages.page(number)
        if page[:1] == bytes([_LEAF]):
            yield from _rows_on(page, pages)


def _first_page(data: bytes) -> int:
    """Return where page 1 begins: in the place of another page, if it was exchanged with that one."""
    place = data.find(_MAGIC)
    while place > 0:
        if place % _page_size(data[place : place + 18]) == 0:  # no text that quotes it
            return place
        place = data.find(_MAGIC, place + 1)
    return 0


def _page_size(data: bytes) -> int:
    size = int.from_bytes(data[16:18], "big")
    known = data.startswith(_MAGIC) and size >= 512 and size & (size - 1) == 0
    return size if known else 65536 if data.startswith(_MAGIC) and size == 1 else _USUAL_PAGE


def _logged(path: Path, size: int) -> dict[int, bytes]:
    """Return the pages that the write-ahead log holds in a newer state, up to its last whole transaction."""
    try:
        log = path.read_bytes()
    except OSError:
        return {}
    if len(log) < 32 or int.from_bytes(log[:4], "big") not in _WAL_MAGIC or int.from_bytes(log[8:12], "big") != size:
        return {}
    whole: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    for start in range(32, len(log) - size - 23, size + 24):
        number, pages_after = struct.unpack_from(">II", log, start)
        if log[start + 8 : start + 16] != log[16:24]:  # left from before the log began anew
            break
        pending[number] = log[start + 24 : start + 24 + size]
        if pages_after:  # a transaction ends here
            whole |= pending
            pending = {}
    return whole


class _Pages:
    def __init__(self, data: bytes, size: int, logged: dict[int, bytes], first: int) -> None:
        self._data, self.size, self._logged = data, size, logged
        self._places = {1: first, first: 1}  # of pages that lie in another's

    def numbers(self) -> Iterator[int]:
        yield from range(1, max(len(self._data) // self.size, *self._logged, 0) + 1)

    def page(self, number: int) -> bytes:
        place = self._places.get(number, number)
        return self._logged.get(number) or self._data[(place - 1) * self.size : place * self.size]


def _rows_on(page: bytes, pages: _Pages) -> Iterator[Row]:
    for index in range(int.from_bytes(page[3:5], "big")):
        start = int.from_bytes(page[8 + 2 * index : 10 + 2 * index], "big")
        try:
            yield _row(page, start, pages)
        except (_Unreadable, IndexError, struct.error):
            continue  # the others may be whole


def _row(page: bytes, start: int, pages: _Pages) -> Row:
    length, position = _varint(page, start)
    place, position = _varint(page, position)
    usable = pages.size
    local = length
    if length > usable - 35:
        smallest = (usable - 12) * 32 // 255 - 23
        local = smallest + (length - smallest) % (usable - 4)
        local = local if local <= usable - 35 else smallest
    payload = page[position : position + local]
    if local < length:
        payload += _overflow(int.from_bytes(page[position + local : position + local + 4], "big"), length, local, pages)
    if len(payload) != length:
        raise _Unreadable
    return Row(place, _values(payload))


def _overflow(number: int, length: int, local: int, pages: _Pages) -> bytes:
    parts: list[bytes] = []
    left = length - local
    while left > 0:
        page = pages.page(number) if number > 1 else b""
        if len(page) < 5 or left > length:
            raise _Unreadable
        parts.append(page[4 : 4 + left])
        left -= len(page) - 4
        number = int.from_bytes(page[:4], "big")
    return b"".join(parts)


def _values(payload: bytes) -> list[Any]:
    header, position = _varint(payload, 0)
    kinds = []
    while position < header:
        kind, position = _varint(payload, position)
        kinds.append(kind)
        if len(kinds) > _MOST_COLUMNS:
            raise _Unreadable
    values: list[Any] = []
    position = header
    for kind in kinds:
        size = 8 if kind == 7 else _INTEGERS.get(kind, 0) if kind < 12 else (kind - 12) // 2
        part = payload[position : position + size]
        if len(part) != size or kind in (10, 11):
            raise _Unreadable
        values.append(_value(kind, part))
        position += size
    return values


def _value(kind: int, part: bytes) -> Any:
    if kind == 0:
        return None
    if kind in (8, 9):
        return kind - 8
    if kind == 7:
        return struct.unpack(">d", part)[0]
    if kind < 12:
        return int.from_bytes(part, "big", signed=True)
    return part if kind % 2 == 0 else part.decode("utf-8", "replace")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index in range(9):
        byte = data[position + index]
        if index == 8:
            return (value << 8) | byte, position + 9
        value = (value << 7) | (byte & 0x7F)
        if byte < 0x80:
            return value, position + index + 1
    raise _Unreadable

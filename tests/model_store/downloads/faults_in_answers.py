"""Faults in a server's answers: something arrives, and it is wrong. The docstrings are the names in the table."""

from __future__ import annotations

from typing import ClassVar

from tests.helpers.fake_hub import Answer, HubFile
from tests.model_store.downloads.trouble import Trouble

_HTML = b"<!DOCTYPE html><html><title>Welcome to our Wi-Fi</title></html>"


class WrongBytes(Trouble):
    """wrong bytes of the right size"""

    times = 3
    refused: ClassVar = {"checksum-differs"}
    costs_a_file = True

    def body(self, answer: Answer, file: HubFile, start: int, end: int) -> bool:
        if not self.due():
            return False
        answer.request_seen.wasted = True
        data = bytearray(file.data[start:end])
        at = 4 + int((len(data) - 5) * self.wrong_at)
        data[at] ^= 0x40
        answer.head(file, start, end)
        answer.send(bytes(data))
        return True


class WrongOffset(Trouble):
    """206 that begins elsewhere, and says so"""

    times = 3

    def body(self, answer: Answer, file: HubFile, start: int, end: int) -> bool:
        if not self.due():
            return False
        answer.request_seen.wasted = True
        start = max(0, start - 4096) if start else 4096
        answer.head(file, start, end)
        answer.send(file.data[start:end])
        return True


class HiddenOffset(Trouble):
    """206 that begins elsewhere, and denies it"""

    times = 3
    refused: ClassVar = {"checksum-differs"}
    costs_a_file = True

    def body(self, answer: Answer, file: HubFile, start: int, end: int) -> bool:
        if not self.due():
            return False
        answer.request_seen.wasted = True
        answer.head(file, start, end)
        answer.send(file.data[: end - start] if start else file.data[:4] + file.data[8:end] + bytes(4))
        return True


class WrongTotal(Trouble):
    """Content-Range with another total size"""

    times = 3

    def body(self, answer: Answer, file: HubFile, start: int, end: int) -> bool:
        if not self.due():
            return False
        answer.request_seen.wasted = True
        answer.head(file, start, end, headers={"Content-Range": f"bytes {start}-{end - 1}/{len(file.data) + 1}"})
        answer.send(file.data[start:end])
        return True


class NoRanges(Trouble):
    """a server that knows no ranges"""

    times = 1 << 30
    costs_a_file = True  # twice: sent again, but not kept again

    def body(self, answer: Answer, file: HubFile, _start: int, _end: int) -> bool:
        if self.left <= 0:
            return False
        answer.head(file, 0, len(file.data), ranged=False)
        answer.send(file.data)
        return True


class LoginPage(Trouble):
    """HTML of a Wi-Fi's login page"""

    times = 3

    def body(self, answer: Answer, _file: HubFile, _start: int, _end: int) -> bool:
        if self.due():
            answer.plain(200, _HTML, Content_Type="text/html")
            return True
        return False


class LoginPageInDisguise(Trouble):
    """HTML of the right length and type"""

    times = 3
    costs_a_file = True

    def body(self, answer: Answer, file: HubFile, start: int, end: int) -> bool:
        if not self.due():
            return False
        answer.request_seen.wasted = True
        answer.head(file, start, end)
        answer.send((_HTML * ((end - start) // len(_HTML) + 1))[: end - start])
        return True


class TooShort(Trouble):
    """fewer bytes than were asked for, and a fitting Content-Length"""

    times = 3

    def body(self, answer: Answer, file: HubFile, start: int, end: int) -> bool:
        if not self.due():
            return False
        answer.request_seen.wasted = True
        shorter = start + max(1, int((end - start) * self.wrong_at))
        answer.head(file, start, end, headers={"Content-Length": str(shorter - start)})
        answer.send(file.data[start:shorter])
        return True


class TooLong(Trouble):
    """more bytes than were asked for"""

    times = 3

    def body(self, answer: Answer, file: HubFile, start: int, end: int) -> bool:
        if not self.due():
            return False
        answer.request_seen.wasted = True
        answer.head(file, start, end, headers={"Content-Length": str(end - start + 5000)})
        answer.send(file.data[start:end] + bytes(5000))
        return True


class ChunkedCut(Trouble):
    """chunked answer that ends early"""

    times = 2

    def body(self, answer: Answer, file: HubFile, start: int, end: int) -> bool:
        if not self.due():
            return False
        answer.request_seen.wasted = True
        data = file.data[start : start + int((end - start) * self.wrong_at)]
        answer.head(file, start, end, headers={"Transfer-Encoding": "chunked"}, leave_out=("Content-Length",))
        answer.wfile.write(f"{len(data):x}\r\n".encode())
        answer.send(data)
        answer.wfile.write(b"\r\n0\r\n\r\n")
        return True


class Compressed(Trouble):
    """bytes said to be compressed"""

    times = 3

    def body(self, answer: Answer, file: HubFile, start: int, end: int) -> bool:
        if not self.due():
            return False
        answer.request_seen.wasted = True
        answer.head(file, start, end, headers={"Content-Encoding": "gzip"})
        answer.send(file.data[start:end])
        return True


class OtherETag(Trouble):
    """ETag that is another file's hash"""

    times = 3

    def body(self, answer: Answer, file: HubFile, start: int, end: int) -> bool:
        if not self.due():
            return False
        answer.request_seen.wasted = True
        answer.head(file, start, end, headers={"ETag": f'"{"ab" * 32}"'})
        answer.send(file.data[start:end])
        return True


class EvilETag(Trouble):
    """ETag that names a path: ../../"""

    times = 1 << 30

    def metadata(self, answer: Answer) -> bool:
        if self.left <= 0:
            return False
        file = next(
            file
            for repository in self.hub.shared.repositories.values()
            for file in repository.files.values()
            if answer.path.endswith(file.path)
        )
        answer.plain(
            302,
            X_Linked_Etag='"../../../../evil"',
            X_Linked_Size=str(len(file.data)),
            Location=f"{self.hub.cdn}/cdn/{file.sha256}/..%2f..%2fevil",
        )
        return True


class NoHash(Trouble):
    """a Hub that tells no hash"""

    def prepare(self) -> None:
        for repository in self.hub.shared.repositories.values():
            for file in repository.files.values():
                file.told_sha256 = ""


class WrongHash(Trouble):
    """a Hub that tells a wrong hash"""

    refused: ClassVar = {"checksum-differs"}
    costs_a_file = True

    def prepare(self) -> None:
        for repository in self.hub.shared.repositories.values():
            for file in repository.files.values():
                file.told_sha256 = "0" * 64

    def over(self) -> None:
        for repository in self.hub.shared.repositories.values():
            for file in repository.files.values():
                file.told_sha256 = None


ALL = (
    WrongBytes,
    WrongOffset,
    HiddenOffset,
    WrongTotal,
    NoRanges,
    LoginPage,
    LoginPageInDisguise,
    TooShort,
    TooLong,
    ChunkedCut,
    Compressed,
    OtherETag,
    EvilETag,
    NoHash,
    WrongHash,
)

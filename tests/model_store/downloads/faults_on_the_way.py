"""Faults of connections: what arrives is right, but not complete. The docstrings are the names in the table."""

from __future__ import annotations

from typing import ClassVar

from tests.helpers.fake_hub import Answer, HubFile
from tests.model_store.downloads.trouble import Trouble


class Cut(Trouble):
    """connection closed in the middle"""

    times = 3
    reset = False

    def body(self, answer: Answer, file: HubFile, start: int, end: int) -> bool:
        if not self.due():
            return False
        answer.head(file, start, end)
        answer.send(file.data[start : start + int((end - start) * self.wrong_at)])
        answer.end(reset=self.reset)
        return True


class Reset(Cut):
    """connection reset in the middle"""

    reset = True


class Stall(Trouble):
    """server falls silent in the middle"""

    times = 2

    def body(self, answer: Answer, file: HubFile, start: int, end: int) -> bool:
        if not self.due():
            return False
        answer.head(file, start, end)
        answer.send(file.data[start : start + int((end - start) * self.wrong_at)])
        answer.wait(3)
        answer.end()
        return True


class Drip(Trouble):
    """slow loris: a byte now and then"""

    times = 2

    def body(self, answer: Answer, file: HubFile, start: int, end: int) -> bool:
        if not self.due():
            return False
        answer.head(file, start, end)
        for at in range(start, min(start + 100, end)):
            answer.wfile.write(file.data[at : at + 1])
            answer.wait(0.05)
        answer.end()
        return True


class DripHead(Trouble):
    """slow loris: the head of the answer"""

    times = 1

    def resolve(self, answer: Answer) -> bool:
        if not self.due():
            return False
        answer.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(60):
            answer.wfile.write(b"X-Slow: loris\r\n")
            answer.wait(0.1)
        answer.end()
        return True


class Unavailable(Trouble):
    """503 for the bytes"""

    times = 3

    def body(self, answer: Answer, _file: HubFile, _start: int, _end: int) -> bool:
        if self.due():
            answer.plain(503)
            return True
        return False


class MetadataBroken(Trouble):
    """500 for the metadata"""

    times = 3

    def metadata(self, answer: Answer) -> bool:
        if self.due():
            answer.plain(500)
            return True
        return False


class Busy(Trouble):
    """429 with Retry-After for the bytes"""

    times = 1

    def body(self, answer: Answer, _file: HubFile, _start: int, _end: int) -> bool:
        if self.due():
            answer.plain(429, Retry_After="1")
            return True
        return False


class BusyMetadata(Trouble):
    """429 with Retry-After for the metadata"""

    times = 1

    def metadata(self, answer: Answer) -> bool:
        if self.due():
            answer.plain(429, Retry_After="1")
            return True
        return False


class Elsewhere(Trouble):
    """another CDN host for every request"""

    def prepare(self) -> None:
        port = self.hub.cdn.rpartition(":")[2]
        self.hub.shared.origins = [self.hub.cdn, f"http://localhost:{port}", f"http://127.0.0.2:{port}"]


class Circle(Trouble):
    """redirects in a circle"""

    times = 30

    def resolve(self, answer: Answer) -> bool:
        if self.due():
            answer.plain(302, Location=answer.path)
            return True
        return False


class Unsafe(Trouble):
    """redirect to a server without encryption"""

    times = 1 << 30
    refused: ClassVar = {"connection-not-safe"}

    def resolve(self, answer: Answer) -> bool:
        if self.left <= 0:
            return False
        answer.plain(302, Location="http://cdn.example/file")
        return True


class Expired(Trouble):
    """403 of the CDN: its signature has expired"""

    times = 3

    def body(self, answer: Answer, _file: HubFile, _start: int, _end: int) -> bool:
        if self.due():
            answer.plain(403)
            return True
        return False


class Gated(Trouble):
    """terms not accepted: 403"""

    refused: ClassVar = {"gated"}

    def prepare(self) -> None:
        for repository in self.hub.shared.repositories.values():
            repository.gated = True

    def over(self) -> None:
        for repository in self.hub.shared.repositories.values():
            repository.gated = False


class Unauthorised(Trouble):
    """401 for everything"""

    times = 1 << 30
    refused: ClassVar = {"token-refused", "repository-missing"}

    def metadata(self, answer: Answer) -> bool:
        if self.left <= 0:
            return False
        answer.plain(401)
        return True


class Gone(Trouble):
    """404: the file is not there (now)"""

    times = 1 << 30
    refused: ClassVar = {"remote-file-missing"}

    def metadata(self, answer: Answer) -> bool:
        if self.left <= 0:
            return False
        answer.plain(404, X_Error_Code="EntryNotFound")
        return True


class Garbage(Trouble):
    """an answer that is not HTTP"""

    times = 3

    def body(self, answer: Answer, _file: HubFile, _start: int, _end: int) -> bool:
        if not self.due():
            return False
        answer.wfile.write(self.chance.randbytes(2000))
        answer.end()
        return True


class MetadataGarbage(Trouble):
    """metadata without a size"""

    times = 2

    def metadata(self, answer: Answer) -> bool:
        if not self.due():
            return False
        answer.send_response(200)
        answer.send_header("Transfer-Encoding", "chunked")
        answer.end_headers()
        answer.end()
        return True


ALL = (
    Cut,
    Reset,
    Stall,
    Drip,
    DripHead,
    Unavailable,
    MetadataBroken,
    Busy,
    BusyMetadata,
    Elsewhere,
    Circle,
    Unsafe,
    Expired,
    Gated,
    Unauthorised,
    Gone,
    Garbage,
    MetadataGarbage,
)

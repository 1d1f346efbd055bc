"""Measures how fast one file is downloaded, beside plain curl: `make test-faults ARGS=--speed`.

curl writes what it gets and is done. We also hash, keep a journal, wait for the disk and rename; both ways of
counting are shown. The server is a process of its own that hands the file to the kernel (sendfile), so that it
is not what is measured.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from model_store.downloads.queue import Downloads
from model_store.hub.client import Hub
from model_store.jobs import DownloadRequest, FileState, JobState, Role, WantedFile
from tests.random_models.small_gguf import gguf

_SIZE = 1 << 30
_ROUNDS = 5
_RANGE = re.compile(rb"range: bytes=(\d+)-(\d*)", re.IGNORECASE)


def serve(port: int, path: str, sha256: str) -> None:
    """Answer one connection after the other, for ever."""
    with Path(path).open("rb") as file, socket.create_server(("127.0.0.1", port)) as server:
        size = os.fstat(file.fileno()).st_size
        while True:
            connection, _ = server.accept()
            with connection:
                while _answer(connection, file.fileno(), size, sha256):
                    pass


def _answer(connection: socket.socket, file: int, size: int, sha256: str) -> bool:
    asked = b""
    while b"\r\n\r\n" not in asked:
        more = connection.recv(65536)
        if not more:
            return False
        asked += more
    found = _RANGE.search(asked)
    start = int(found[1]) if found else 0
    end = int(found[2]) + 1 if found and found[2] else size
    head = [f"HTTP/1.1 {'206 Partial Content' if found else '200 OK'}", f"Content-Length: {end - start}"]
    head += [f'X-Linked-Etag: "{sha256}"', f"X-Linked-Size: {size}", f"X-Repo-Commit: {'a' * 40}"]
    if found:
        head.append(f"Content-Range: bytes {start}-{end - 1}/{size}")
    connection.sendall("\r\n".join([*head, "", ""]).encode())
    try:
        while not asked.startswith(b"HEAD") and start < end:
            start += os.sendfile(connection.fileno(), file, start, end - start)
    except OSError:
        return False
    return True


def _curl(url: str, folder: Path) -> tuple[float, float]:
    target = folder / "curl"
    begun = time.monotonic()
    subprocess.run(["curl", "--silent", "--fail", "--noproxy", "*", "--output", target, url], check=True)
    arrived = time.monotonic() - begun
    _sync(target)
    synced = time.monotonic() - begun
    target.unlink()
    return arrived, synced


def _ours(endpoint: str, folder: Path, size: int) -> tuple[float, float]:
    """Return the seconds until all bytes were hashed, and until the model was installed."""
    request = DownloadRequest("x", "X", "a/b", "main", (WantedFile(Role.MODEL, "m.gguf", size),), "x")
    hashed: list[float] = []
    downloads = Downloads(folder / "models", lambda: Hub(endpoint, proxy="none"))
    downloads.start()
    begun = time.monotonic()
    job = downloads.add(request)
    while downloads.job(job.id).state in {JobState.QUEUED, JobState.RUNNING}:
        files = downloads.job(job.id).files
        if not hashed and files[0].done == size and files[0].state is FileState.CHECKING:
            hashed.append(time.monotonic() - begun)
        time.sleep(0.005)
    ended = time.monotonic() - begun
    job = downloads.job(job.id)
    downloads.close()
    shutil.rmtree(folder / "models")
    if job.state is not JobState.DONE:
        raise RuntimeError(f"{job.state}: {job.error}")
    return (hashed or [ended])[0], ended


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    os.fsync(handle)
    os.close(handle)


def measure(size: int = _SIZE, rounds: int = _ROUNDS, folder: str | None = None) -> list[str]:
    """Return a table as lines of Markdown."""
    with tempfile.TemporaryDirectory(prefix="eyebright-speed-", dir=folder) as temporary:
        place = Path(temporary)
        source = place / "source.gguf"
        data = gguf(8 << 20, 1)
        # One tensor as long as the file: the header has to hold together.
        source.write_bytes(_longer(data, size))
        sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "tests.model_store.downloads.download_speed", str(port), str(source), sha256]
        with subprocess.Popen(command) as server:
            try:
                _wait_for(port)
                url = f"http://127.0.0.1:{port}"
                return _table(
                    {
                        "curl": lambda: _curl(f"{url}/a/b/resolve/main/m.gguf", place),
                        "Eyebright": lambda: _ours(url, place, source.stat().st_size),
                    },
                    source.stat().st_size,
                    rounds,
                )
            finally:
                server.kill()


def _longer(data: bytes, size: int) -> bytes:
    head = data[: -(8 << 20) + 256]
    chance = random.Random(2)
    old = ((8 << 20) - 256).to_bytes(8, "little")
    new = size - 256
    return (
        head.replace(old, new.to_bytes(8, "little"), 1)
        + chance.randbytes(1 << 20) * (new >> 20)
        + bytes(new & ((1 << 20) - 1))
    )


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("the server does not begin")


def _table(parties: dict[str, Callable[[], tuple[float, float]]], size: int, rounds: int) -> list[str]:
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in parties}
    for _ in range(rounds):  # in turns: the computer's mood changes
        for name, party in parties.items():
            times[name].append(party())
    middle = {name: [statistics.median(one[i] for one in runs) for i in (0, 1)] for name, runs in times.items()}
    lines = ["| | all bytes here (MB/s) | on the disk (MB/s) |", "|---|---|---|"]
    lines += [f"| {name} | {size / 1e6 / a:.0f} | {size / 1e6 / b:.0f} |" for name, (a, b) in middle.items()]
    curl, ours = middle["curl"], middle["Eyebright"]
    return [*lines, f"| Eyebright / curl | {curl[0] / ours[0]:.2f} | {curl[1] / ours[1]:.2f} |"]


def main(arguments: Sequence[str]) -> None:
    if len(arguments) == 3:
        serve(int(arguments[0]), *arguments[1:])
    else:
        print("\n".join(measure(folder=arguments[0] if arguments else None)))


if __name__ == "__main__":
    main(sys.argv[1:])

"""Damages thousands of pictures, and reads them: `make test-faults ARGS=--pictures`.

None may take more than 5 seconds or much memory, or end in anything but a picture or a sentence.
"""

from __future__ import annotations

import argparse
import io
import random
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from desktop_app.engine.planning.process_memory import peak_memory, release_freed_memory, reset_peak_memory
from desktop_app.errors import UserError
from desktop_app.images.reading import read_picture
from tests.helpers.paths import DATA
from tests.images.files import chunk, raw_png, saved, scene
from tests.images.test_lenient import LENIENT
from tests.images.test_seen_rightly import raw_files

SECONDS = 5.0  # of the processor, for one picture
MEMORY = 1_000_000_000  # bytes more than before: of a header that claims 100 megapixels
SEED, COUNT = 20261130, 3000


class Outcome(NamedTuple):
    """What became of a picture."""

    name: str
    read: bool
    complaint: str
    seconds: float
    memory: int


def pool() -> dict[str, bytes]:
    """Return the pictures that are damaged: name -> bytes."""
    pictures = {path.name: path.read_bytes() for path in sorted((DATA / "pictures").iterdir())}
    small = {name: content for name, content in LENIENT.items() if len(content) < 200_000}
    return pictures | small | raw_files()


def many_scans(side: int, count: int) -> bytes:
    """Return a progressive JPEG of a few hundred KB that goes over its pixels `count` times."""
    picture = saved(scene().resize((side, side)), "JPEG", progressive=True, quality=10)
    start = picture.rindex(b"\xff\xda")
    empty = b"\xff\xda" + struct.pack(">H", 8) + bytes([1, 1, 0, 63, 63, 0]) + b"\0" * 200
    return picture[:start] + empty * count + b"\xff\xd9"


def _bombs() -> dict[str, bytes]:
    """Return small files that ask for much: name -> bytes."""
    screen = struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    control = b"!\xf9\4" + bytes([8, 0, 0, 0]) + b"\0"
    frame = b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\2\2L\1\0;"
    second = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2L\1\0"
    empty = zlib.compress(bytes(1 << 20), 9)
    large = raw_png((9_999, 9_999, 1, 0), b"")[:33] + chunk(b"IDAT", empty) + chunk(b"IEND", b"")
    return {
        "dispose.gif": b"GIF89a" + screen + control + frame,
        "second-frame.gif": b"GIF89a" + screen + control + second + control + frame,
        "scans.jpg": many_scans(4000, 2000),
        "short.png": large,
        "comments.gif": b"GIF89a" + screen + b"!\xfe" + b"\1x" * 3_000_000,
        "tiny-chunks.png": raw_png((2, 2, 8, 2), b"")[:33] + chunk(b"prIv", b"") * 300_000,
    }


BOMBS = _bombs()


def mutations(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield damaged variants of the pictures: flipped, overwritten, repeated, joined and shortened."""
    rng = random.Random(seed)
    contents = pool()
    names = list(contents)
    for number in range(count):
        name = names[number % len(names)]
        content = bytearray(contents[name])
        for _ in range(rng.choice((1, 1, 2, 5, 20))):
            at = rng.randrange(min(len(content), rng.choice((64, 400, 1 << 20))))
            kind = rng.randrange(5)
            if kind == 0:
                content[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                content[at : at + 4] = rng.choice(
                    (b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff", rng.randbytes(4))
                )
            elif kind == 2:
                content[at : at + rng.randrange(1, 40)] = b""
            elif kind == 3:
                content[at:at] = content[at : at + rng.randrange(1, 200)]
            else:
                other = contents[rng.choice(names)]
                start = rng.randrange(len(other))
                content[at : at + 50] = other[start : start + 50]
            if not content:
                content = bytearray(b"x")
        yield name, bytes(content)


def try_one(path: Path, name: str, content: bytes) -> Outcome:
    """Read a picture, and measure it."""
    path.write_bytes(content)
    release_freed_memory()
    reset_peak_memory()
    held, before = peak_memory(), time.process_time()
    read, complaint = False, ""
    try:
        picture = read_picture(path, name)
        for note in picture.notes:
            str(note)
        picture.image.save(io.BytesIO(), "BMP")
        read = picture.image.mode == "RGB"
    except UserError as error:
        if error.code in ("file-unreadable", "out-of-memory"):
            complaint = f"refused as {error.code}"
    except Exception as error:
        complaint = f"{type(error).__name__}: {error}"
    seconds, memory = time.process_time() - before, peak_memory() - held
    if seconds > SECONDS:
        complaint = f"took {seconds:.1f} s"
    if memory > MEMORY:
        complaint = f"took {memory >> 20} MiB"
    return Outcome(name, read, complaint, seconds, memory)


def try_mutations(path: Path, seed: int, count: int) -> list[Outcome]:
    """Read so many damaged pictures."""
    return [try_one(path, name, content) for name, content in mutations(seed, count)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Read all; 1 when one is not as it should be."""
    parser = argparse.ArgumentParser(prog="make test-faults ARGS=--pictures", description=__doc__)
    parser.add_argument("--pictures", action="store_true", help="read pictures; without it, download models")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=COUNT)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="eyebright-pictures-") as folder:
        path = Path(folder) / "picture"
        outcomes = [try_one(path, name, content) for name, content in BOMBS.items()]
        for number, (name, content) in enumerate(mutations(chosen.seed, chosen.count)):
            outcomes.append(try_one(path, name, content))
            if outcomes[-1].complaint:
                print(f"mutation {number} of {name}: {outcomes[-1].complaint}", file=sys.stderr, flush=True)
    wrong = sum(bool(outcome.complaint) for outcome in outcomes)
    read = sum(outcome.read for outcome in outcomes)
    seconds, memory = max(one.seconds for one in outcomes), max(one.memory for one in outcomes)
    print(f"{len(outcomes)} pictures, of them {read} read; at most {seconds:.1f} s and {memory >> 20} MiB.")
    print(f"{len(outcomes) - wrong} passed, {wrong} failed")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

"""Part files of downloads, their journals, and the hash that is computed behind them."""

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_store.downloads.background_hash import BackgroundHash
from model_store.downloads.part_file import BLOCK, STEP, PartFile, adopt, boot_id, bytes_here
from model_store.errors import StoreError
from model_store.hub.http_client import Timeouts
from model_store.hub.retries import Retries
from tests.helpers.waiting import wait_until

SIZE = 2 * STEP + 3 * BLOCK + 77
DATA = random.Random(3).randbytes(SIZE)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def part(tmp_path: Path) -> Iterator[PartFile]:
    opened = PartFile(tmp_path / "0.part", SIZE, SHA256)
    yield opened
    opened.close()


def fill(part: PartFile) -> int:
    """Write all that is absent; return how much that was."""
    written = 0
    while claimed := part.claim(STEP):
        start, end = claimed
        part.write(DATA[start:end], start)
        part.release(start, end)
        written += end - start
    return written


def digest(part: PartFile) -> BackgroundHash:
    """Hash to the end, mending what is found damaged."""
    hashing = BackgroundHash(part)
    hashing.start()
    while hashing.running:
        fill(part)
    assert hashing.error is None
    return hashing


def test_only_whole_blocks_count(part: PartFile) -> None:
    assert part.claim(SIZE) == (0, SIZE)
    assert part.claim(SIZE) is None
    part.write(DATA[: BLOCK + 5], 0)
    assert (part.done, part.complete) == (BLOCK, False)
    part.write(DATA[BLOCK + 5 :], BLOCK + 5)
    assert (part.done, part.complete) == (SIZE, True)
    assert bytes_here(part.path) == SIZE


def test_several_claim_different_ranges(part: PartFile) -> None:
    ranges = [part.claim(STEP) for _ in range(4)]
    assert ranges == [(0, STEP), (STEP, 2 * STEP), (2 * STEP, SIZE), None]
    part.release(STEP, 2 * STEP)
    assert part.claim(SIZE) == (STEP, 2 * STEP)


def test_what_is_here_is_known_after_a_restart(part: PartFile, tmp_path: Path) -> None:
    part.write(DATA[:STEP], 0)
    part.write(DATA[2 * STEP : 2 * STEP + BLOCK], 2 * STEP)
    part.close()
    again = PartFile(tmp_path / "0.part", SIZE, SHA256)
    assert (again.done, again.started_anew, again.claim(SIZE)) == (STEP + BLOCK, False, (STEP, 2 * STEP))
    again.close()


@pytest.mark.parametrize(("size", "sha256"), [(SIZE + 1, SHA256), (SIZE, "0" * 64), (SIZE, "")])
def test_another_file_begins_anew(part: PartFile, tmp_path: Path, size: int, sha256: str) -> None:
    part.write(DATA[:STEP], 0)
    part.close()
    again = PartFile(tmp_path / "0.part", size, sha256)
    assert (again.done, again.started_anew) == (0, True)
    again.close()


def test_the_hash_follows_and_finds_what_was_lost(part: PartFile, tmp_path: Path) -> None:
    fill(part)
    first = digest(part)
    assert (first.sha256, first.mended, part.digests()[-1]) == (SHA256, False, SHA256)
    part.close()
    with (tmp_path / "0.part").open("r+b") as file:
        file.seek(STEP + 9)
        file.write(b"lost")
    again = PartFile(tmp_path / "0.part", SIZE, SHA256)
    second = digest(again)
    assert (second.sha256, second.mended) == (SHA256, True)
    again.close()
    assert (tmp_path / "0.part").read_bytes() == DATA


def test_after_a_loss_of_power_only_what_was_hashed_is_believed(part: PartFile, tmp_path: Path) -> None:
    part.write(DATA[: 2 * STEP], 0)
    part.set_digest(0, hashlib.sha256(DATA[:STEP]).digest())
    part.close()
    journal = tmp_path / "0.journal"
    journal.write_bytes(journal.read_bytes().replace(boot_id(), b"x" * len(boot_id()), 1))
    again = PartFile(tmp_path / "0.part", SIZE, SHA256)
    assert again.done == (STEP if boot_id() else 2 * STEP)
    again.close()


def test_a_wrong_journal_does_not_hold_up_a_right_file(part: PartFile) -> None:
    fill(part)
    part.set_digest(0, b"x" * 32)
    assert digest(part).sha256 == SHA256


def test_the_hash_waits_for_what_is_absent(part: PartFile) -> None:
    hashing = BackgroundHash(part)
    hashing.start()
    part.write(DATA[:STEP], 0)
    wait_until(lambda: hashing.position == STEP)
    assert hashing.running
    part.stop()
    hashing.stop()
    assert hashing.sha256 == ""


def test_an_installed_file_is_taken_in(tmp_path: Path) -> None:
    path = tmp_path / "0.part"
    path.write_bytes(DATA)
    prefixes = [hashlib.sha256(DATA[: min(end, SIZE)]).hexdigest() for end in range(STEP, SIZE + STEP, STEP)]
    for known in (prefixes, []):
        adopt(path, SIZE, SHA256, known)
        part = PartFile(path, SIZE, SHA256)
        assert part.complete
        assert digest(part).sha256 == SHA256
        part.close()


def test_retries_know_what_passes_by_itself() -> None:
    timeouts = Timeouts(first_retry=1, longest_retry=8, tries=3)
    retries = Retries(timeouts)
    lost = StoreError("no-connection", host="x")
    assert [retries.wait_after(lost, 0) for _ in range(6)] == [1, 2, 4, 8, 8, 8]
    assert retries.wait_after(lost, 100) < 1  # something had come: at once
    assert retries.wait_after(StoreError("server-busy", host="x", seconds=30), 100) == 30
    failed = StoreError("server-failed", host="x", status=500)
    with pytest.raises(StoreError, match="status 500"):
        retries.wait_after(failed, 100)  # the third in a row
    with pytest.raises(StoreError, match="not secure"):
        Retries(timeouts).wait_after(StoreError("connection-not-safe", host="x", reason="."), 0)

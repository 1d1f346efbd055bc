"""Which blocks of a KV cache are written to disk, and which are restored."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from desktop_app.engine.cache.checked_folder import CheckedFolder
from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.conversation.saved_kv_cache import BLOCK, SavedKVCache
from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama.kv_cache import Block, Cell, KVCache, PictureRow, Place, Places
from tests.helpers.strays import Expected

PICTURE: list[Cell] = [PictureRow("p", row) for row in range(BLOCK)]
LONG: list[Cell] = [1, *PICTURE, *range(100, 100 + 2 * BLOCK)]


#: A quick look at every third row of a picture.
LOOK = Block(0, 100, of_rows=300)
QUICK: list[Cell] = [1, *(PictureRow("q", row, LOOK) for row in range(100)), *range(200, 400)]


def ends_of(cells: Sequence[Cell]) -> list[int]:
    """The position after each of the cells."""
    ends = [0]
    for cell in cells:
        ends.append(ends[-1] + (3 if isinstance(cell, PictureRow) and cell.block is not None else 1))
    return ends[1:]


class Cache:
    """Stands for a model: its KV cache is a list of numbers, and each stretch can be copied."""

    batch = 32

    def __init__(self, identity: str = "one") -> None:
        self.identity = identity
        self.held: list[int] = []
        self.copied_in: list[tuple[int, int]] = []
        self.evaluated = 0

    def read_tokens(self, tokens: Sequence[int], position: int, *, logits: bool) -> None:
        assert position == len(self.held)
        self.held += tokens
        self.evaluated += len(tokens)

    def read_rows(self, rows: Embedding, position: int, *, logits: bool) -> None:
        raise AssertionError("only tokens here")

    def read_block(
        self, rows: Embedding, position: int, block: Block, places: Places | None = None, *, logits: bool
    ) -> None:
        raise NotImplementedError

    def take_checkpoint(self, position: int, place: Place) -> None:
        raise NotImplementedError

    def cut_point(self, position: int) -> int:
        return position

    def forget_from(self, position: int) -> int:
        del self.held[position:]
        return position

    def copy_out(self, first: int, last: int) -> memoryview:
        return memoryview(bytes(number % 251 for number in self.held[first:last]))

    def copy_in(self, state: bytes, first: int, last: int) -> bool:
        assert first == len(self.held)
        if last - first > len(state):
            return False
        self.held += state[: last - first]
        self.copied_in.append((first, last))
        return True


class Desk:
    """A context whose cells are put there by hand, and what is saved of it."""

    def __init__(self, folder: CheckedFolder, identity: str = "one") -> None:
        self.cache = Cache(identity)
        self.context = KVCache(self.cache, Interrupt())
        self.saved = SavedKVCache(folder, self.cache, "weights")

    def hold(self, cells: Sequence[Cell]) -> None:
        self.context.cut(0)
        ends = ends_of(cells)
        self.cache.held = [0] * ends[-1]
        self.context.adopt(cells, ends)

    def save(self, cells: Sequence[Cell]) -> None:
        self.hold(cells)
        self.saved.save(self.context, lambda: None)

    def restore(self, cells: Sequence[Cell]) -> int:
        kept = self.saved.restore(self.context, cells, self.context.common(cells), lambda: None)
        assert self.context.cells[:kept] == list(cells[:kept])
        assert len(self.cache.held) == self.context.end() == ([0, *ends_of(self.context.cells)][-1])
        return kept


@pytest.fixture
def folder(tmp_path: Path) -> CheckedFolder:
    return CheckedFolder(tmp_path, 1_000_000)


@pytest.fixture
def desk(folder: CheckedFolder) -> Desk:
    return Desk(folder)


def test_a_saved_context_comes_back_whole(desk: Desk, folder: CheckedFolder) -> None:
    desk.save(LONG)
    other = Desk(folder)
    assert other.restore([*LONG, 7]) == len(LONG)
    assert other.cache.copied_in == [(0, 64), (64, 128), (128, 192), (192, 193)]


def test_only_what_is_in_common_comes_back(desk: Desk, folder: CheckedFolder) -> None:
    desk.save(LONG)
    assert Desk(folder).restore([*LONG[:150], 7, *LONG[151:]]) == 150
    assert Desk(folder).restore([2, *LONG[1:]]) == 0


def test_what_the_cache_holds_is_not_fetched(desk: Desk, folder: CheckedFolder) -> None:
    desk.save(LONG)
    other = Desk(folder)
    other.hold(LONG[:100])
    assert other.restore(LONG) == len(LONG)
    assert other.cache.copied_in[0] == (64, 128)
    assert other.restore(LONG) == len(LONG)
    assert len(other.cache.copied_in) == 3
    other.hold(LONG[:185])  # the few that are missing are evaluated as fast
    assert other.restore(LONG) == 185
    assert len(other.cache.copied_in) == 3


def test_a_conversation_that_grows_adds_blocks(desk: Desk, folder: CheckedFolder, tmp_path: Path) -> None:
    desk.save(LONG)
    before = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}
    desk.save([*LONG, *range(30)])
    after = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}
    assert len(after) == len(before) == 4
    assert len(after.items() & before.items()) == 3  # only the last block was written, in place of a shorter one
    desk.save(LONG)
    assert {path.name: path.stat().st_ino for path in tmp_path.iterdir()} == after


def test_conversations_share_how_they_begin(desk: Desk, folder: CheckedFolder) -> None:
    desk.save(LONG)
    desk.save([*LONG[:128], *range(64)])
    assert len(folder.names()) == 5
    assert Desk(folder).restore(LONG) == len(LONG)
    assert Desk(folder).restore([*LONG[:128], *range(64)]) == 192


def test_a_short_context_is_not_saved(desk: Desk, folder: CheckedFolder) -> None:
    desk.save(LONG[: BLOCK - 1])
    assert folder.names() == []


@pytest.mark.parametrize("identity", ["two", ""])
def test_what_another_engine_computed_is_ignored(desk: Desk, folder: CheckedFolder, identity: str) -> None:
    desk.save(LONG)
    assert Desk(folder, identity).restore(LONG) == 0


def test_a_damaged_block_ends_the_chain(desk: Desk, folder: CheckedFolder, tmp_path: Path, expected: Expected) -> None:
    desk.save(LONG)
    oldest = sorted(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    second = oldest[-2]  # the beginning of a chain is the newest
    raw = second.read_bytes()
    second.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    expected.log("damaged or foreign")
    other = Desk(folder)
    assert other.restore(LONG) == BLOCK
    desk.save(LONG)
    assert other.restore(LONG) == len(LONG)


def test_a_damaged_block_loses_nothing_that_was_there(
    desk: Desk, folder: CheckedFolder, tmp_path: Path, expected: Expected
) -> None:
    desk.save(LONG)
    other = Desk(folder)
    other.hold(LONG[:100])
    for path in tmp_path.iterdir():
        raw = path.read_bytes()
        path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    expected.log("damaged or foreign")
    assert other.restore(LONG) == 100


def test_a_state_that_does_not_fit_is_removed(folder: CheckedFolder) -> None:
    desk = Desk(folder)
    desk.hold(LONG)
    desk.cache.held.clear()  # so what is copied out is empty
    desk.saved.save(desk.context, lambda: None)
    count = len(folder.names())
    assert Desk(folder).restore(LONG) == 0
    assert len(folder.names()) == count - 1


def test_saving_can_be_interrupted_and_goes_on(desk: Desk, folder: CheckedFolder) -> None:
    desk.hold(LONG)
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        desk.saved.save(desk.context, check)
    assert len(folder.names()) == 2
    assert Desk(folder).restore(LONG) == 2 * BLOCK
    desk.saved.save(desk.context, check)
    assert calls == 5  # the two blocks that were missing
    assert Desk(folder).restore(LONG) == len(LONG)


def test_restoring_can_be_interrupted(desk: Desk, folder: CheckedFolder) -> None:
    desk.save(LONG)
    other = Desk(folder)
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        other.saved.restore(other.context, LONG, 0, check)
    assert other.context.cells == LONG[: 2 * BLOCK]
    assert other.restore(LONG) == len(LONG)


def test_a_context_larger_than_the_room_keeps_its_beginning(tmp_path: Path) -> None:
    Desk(CheckedFolder(tmp_path / "a", 1_000_000)).save(LONG)
    sizes = sorted(path.stat().st_size for path in (tmp_path / "a").iterdir())
    folder = CheckedFolder(tmp_path / "b", sizes[-1] + sizes[-2] + 10)
    Desk(folder).save(LONG)
    assert Desk(folder).restore(LONG) == 2 * BLOCK


def test_room_is_taken_from_the_end_of_the_oldest(tmp_path: Path) -> None:
    Desk(CheckedFolder(tmp_path, 1_000_000)).save(LONG)
    room = sum(path.stat().st_size for path in tmp_path.iterdir()) * 3 // 2
    folder = CheckedFolder(tmp_path, room)
    desk = Desk(folder)
    desk.save([2, *LONG[1:]])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= room
    assert Desk(folder).restore([2, *LONG[1:]]) == len(LONG)
    assert Desk(folder).restore(LONG) in (BLOCK, 2 * BLOCK)


def test_a_quick_look_comes_back_whole_or_not_at_all(desk: Desk, folder: CheckedFolder) -> None:
    """Its rows are in two saved blocks, with the gaps between them."""
    desk.save(QUICK)
    other = Desk(folder)
    assert other.restore([*QUICK, 7]) == len(QUICK)
    assert other.cache.copied_in[:2] == [(0, 190), (190, 328)]
    other.hold(QUICK[:110])  # what is fetched begins with the picture, of which no part can be removed
    assert other.restore(QUICK) == len(QUICK)
    second = next(name for name in folder.names() if json.loads(folder.notes(name) or b"0")[1][0] == 193)
    folder.remove(second)
    assert Desk(folder).restore(QUICK) == 1

"""Which cells the KV cache has evaluated, and what it is believed to hold afterwards."""

from collections.abc import Sequence

import numpy as np
import pytest

from desktop_app.engine.cache.embeddings import Embedding, EmbeddingKey, EmbeddingStore
from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama.kv_cache import Block, Cell, KVCache, PictureRow, Place, Places

PICTURE = [PictureRow("p", row) for row in range(6)]
EMBEDDING: Embedding = np.arange(12, dtype=np.float32).reshape(6, 2)


class Recorder:
    """Stands for the model: writes down what it evaluates, and can be stopped."""

    batch = 4

    def __init__(self, interrupt: Interrupt) -> None:
        self.interrupt = interrupt
        self.calls: list[tuple[int, list[float], bool]] = []
        self.cuts: list[int] = []
        self.stop_at: int | None = None
        self.places: list[int] | None = None  # the only positions where the cache can be cut; None: all

    def read_tokens(self, tokens: Sequence[int], position: int, *, logits: bool) -> None:
        self._call(position, list(tokens), logits)

    def read_rows(self, rows: Embedding, position: int, *, logits: bool) -> None:
        self._call(position, [float(row[0]) for row in rows], logits)

    def read_block(
        self, rows: Embedding, position: int, _block: Block, places: Places | None = None, *, logits: bool
    ) -> None:
        self._call(position, [float(row[0]) for row in rows], logits)

    def take_checkpoint(self, position: int, place: Place) -> None:
        raise NotImplementedError

    def cut_point(self, position: int) -> int:
        return position if self.places is None else max(place for place in self.places if place <= position)

    def forget_from(self, position: int) -> int:
        self.cuts.append(self.cut_point(position))
        return self.cuts[-1]

    def _call(self, position: int, values: list[float], logits: bool) -> None:
        if len(self.calls) == self.stop_at:
            raise Interrupted
        self.calls.append((position, values, logits))


@pytest.fixture
def interrupt() -> Interrupt:
    return Interrupt()


@pytest.fixture
def recorder(interrupt: Interrupt) -> Recorder:
    return Recorder(interrupt)


@pytest.fixture
def context(recorder: Recorder, interrupt: Interrupt) -> KVCache:
    return KVCache(recorder, interrupt)


def embedding(_sha256: str) -> Embedding:
    return EMBEDDING


def test_words_and_pictures_go_in_batches_of_their_own(context: KVCache, recorder: Recorder) -> None:
    progress: list[int] = []
    context.append([1, 7, *PICTURE, 8], embedding, progress.append)
    assert recorder.calls == [
        (0, [1, 7], False),
        (2, [0.0, 2.0, 4.0], False),  # not four and two: short batches are slow
        (5, [6.0, 8.0, 10.0], False),
        (8, [8], True),
    ]
    assert progress == [2, 5, 8, 9]
    assert len(context) == 9


def test_the_common_start_is_found_inside_a_picture(context: KVCache) -> None:
    context.append([1, 7, *PICTURE], embedding)
    assert context.common([1, 7, *PICTURE, 9]) == 8
    assert context.common([1, 7, *PICTURE[:3], 9]) == 5
    assert context.common([1, 7, PictureRow("q", 0)]) == 2
    assert context.common([2]) == 0


def test_cutting_keeps_the_start(context: KVCache, recorder: Recorder) -> None:
    context.append([1, 2, 3], embedding)
    context.cut(3)
    assert recorder.cuts == []
    context.cut(1)
    assert recorder.cuts == [1]
    assert context.common([1, 2, 3]) == 1


def test_a_cache_that_can_be_cut_at_some_places_keeps_less(context: KVCache, recorder: Recorder) -> None:
    recorder.places = [0, 2, 5]
    context.append([1, 2, 3, 4, 5, 6], embedding)
    assert [context.reachable(keep) for keep in range(7)] == [0, 0, 2, 2, 2, 5, 6]
    assert context.common([1, 2, 3, 4]) == 2
    assert context.begins_with([1, 2, 3, 4])
    assert not context.begins_with([1, 2, 3, 9])
    assert context.common([1, 2, 3, 4, 5, 6, 7]) == 6
    assert (context.cut(4), len(context), recorder.cuts) == (2, 2, [2])
    context.append([9], embedding)
    assert recorder.calls[-1] == (2, [9], True)


def test_after_a_picture_it_is_cut_by_positions(context: KVCache, recorder: Recorder) -> None:
    recorder.places = [0, 4]
    context.append([1, *IN_ONE, 7, 8], embedding)  # 1 and 7 stand at 0 and 4
    assert context.common([1, *IN_ONE, 7, 9]) == 7
    assert context.common([1, *IN_ONE[:3], 9]) == 0


def test_an_interrupted_picture_goes_on_where_it_stopped(context: KVCache, recorder: Recorder) -> None:
    cells: list[Cell] = [1, 7, *PICTURE, 8]
    recorder.stop_at = 2
    with pytest.raises(Interrupted):
        context.append(cells, embedding)
    assert len(context) == 5
    recorder.stop_at = None
    context.append(cells[context.common(cells) :], embedding)
    assert recorder.calls[2:] == [(5, [6.0, 8.0, 10.0], False), (8, [8], True)]


def test_an_interrupt_is_heard_between_batches(context: KVCache, recorder: Recorder, interrupt: Interrupt) -> None:
    def stop_soon(_done: int) -> None:
        interrupt.stop_soon()

    with pytest.raises(Interrupted):
        context.append([1, 2, 3, 4, 5], embedding, stop_soon)
    assert len(context) == 2
    assert len(recorder.calls) == 1


def test_embeddings_used_long_ago_leave_first() -> None:
    store = EmbeddingStore(bound=2 * EMBEDDING.nbytes)
    first, second, third = (EmbeddingKey(name, "projector") for name in "abc")
    store.put(first, EMBEDDING)
    store.put(second, EMBEDDING)
    assert store.get(first) is EMBEDDING
    store.put(third, EMBEDDING)
    assert store.get(second) is None
    assert store.get(first) is EMBEDDING
    assert store.get(EmbeddingKey("a", "another projector")) is None


def test_one_embedding_is_kept_whatever_its_size() -> None:
    store = EmbeddingStore(bound=1)
    key = EmbeddingKey("a", "projector")
    store.put(key, EMBEDDING)
    store.put(key, EMBEDDING)
    assert store.get(key) is EMBEDDING


# ---- pictures that are read in one piece -----------------------------------------------------

GRID = Block(0, 6, ((0,) * 6, (0, 0, 0, 1, 1, 1), (0, 1, 2) * 2))  # two lines: it takes three positions
IN_ONE = [PictureRow("p", row, GRID) for row in range(6)]


def test_a_block_is_read_at_once_and_takes_the_positions_of_its_longer_edge(
    context: KVCache, recorder: Recorder
) -> None:
    context.append([1, *IN_ONE, 7, 8], embedding)
    assert recorder.calls == [(0, [1], False), (1, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0], False), (4, [7, 8], True)]
    assert len(context) == 9
    context.cut(8)
    assert recorder.cuts == [5]
    context.append([9], embedding)
    assert recorder.calls[-1] == (5, [9], True)


def test_a_block_is_cut_as_a_whole(context: KVCache, recorder: Recorder) -> None:
    context.append([1, 2, *IN_ONE, 7], embedding)
    assert context.common([1, 2, *IN_ONE[:4], 9]) == 2
    context.cut(5)
    assert (len(context), recorder.cuts) == (2, [2])
    recorder.stop_at = len(recorder.calls)
    with pytest.raises(Interrupted):
        context.append(IN_ONE, embedding)
    assert len(context) == 2
    recorder.stop_at = None
    context.append([*IN_ONE, 7], embedding)
    assert recorder.calls[-2:] == [(2, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0], False), (5, [7], True)]


def test_blocks_that_follow_one_another_are_told_apart(context: KVCache, recorder: Recorder) -> None:
    first, second = Block(0, 2, causal=False), Block(2, 4, causal=False)
    rows = [PictureRow("p", row, first if row < 2 else second) for row in range(6)]
    context.append(rows, embedding)
    assert [call[:2] for call in recorder.calls] == [(0, [0.0, 2.0]), (2, [4.0, 6.0, 8.0, 10.0])]
    context.cut(4)
    assert (len(context), recorder.cuts) == (2, [2])

"""Which checkpoints of a recurrent state are kept, and where they lead back to. See also `test_hybrid_decoders.py`."""

from __future__ import annotations

import pytest

from desktop_app.engine.llama.checkpoints import Checkpoint, Checkpoints, pack, unpack
from desktop_app.engine.llama.kv_cache import Place

_BYTES = 10  # of a state


class Recurrent:
    """Stands for the state, which is the number of its copy."""

    def __init__(self) -> None:
        self.copies = 0
        self.put: list[tuple[int, int]] = []  # copy, position
        self.fails = False

    def copy_recurrent(self, into: memoryview | None = None) -> memoryview:
        self.copies += 1
        into = into or memoryview(bytearray(_BYTES))
        into[:] = bytes([self.copies] * _BYTES)
        return into

    def put_recurrent(self, state: memoryview, position: int) -> bool:
        self.put.append((state[0], position))
        return not self.fails


@pytest.fixture
def recurrent() -> Recurrent:
    return Recurrent()


@pytest.fixture
def checkpoints(recurrent: Recurrent) -> Checkpoints:
    return Checkpoints(recurrent, lambda _bytes: 5)


def places(checkpoints: Checkpoints) -> list[int]:
    return [one.position for one in checkpoints.most_useful(100 * _BYTES)]


def test_it_goes_back_to_the_nearest_and_drops_what_is_behind(checkpoints: Checkpoints, recurrent: Recurrent) -> None:
    for position in (10, 20, 30):
        checkpoints.take(position, Place.QUESTION)
    assert [checkpoints.cut_point(position) for position in (5, 10, 19, 25, 99)] == [0, 10, 10, 20, 30]
    checkpoints.go_back(20)
    assert recurrent.put == [(2, 20)]
    assert places(checkpoints) == [10, 20]
    checkpoints.go_back(0)  # where llama.cpp begins anew
    assert (places(checkpoints), len(recurrent.put)) == ([], 1)


def test_the_one_before_a_batch_takes_one_slot(checkpoints: Checkpoints, recurrent: Recurrent) -> None:
    checkpoints.take_before_batch(0)
    assert recurrent.copies == 0
    for position in (10, 20, 30):
        checkpoints.take_before_batch(position)
    assert [checkpoints.cut_point(position) for position in (29, 30)] == [0, 30]
    checkpoints.take(30, Place.ANSWER)  # the same state, which is not copied again
    checkpoints.take_before_batch(30)
    assert recurrent.copies == 3
    checkpoints.take_before_batch(40)
    checkpoints.go_back(30)
    assert recurrent.put == [(3, 30)]  # whose memory was not used again for 40
    assert checkpoints.cut_point(99) == 30


def test_what_is_worth_least_goes_first(checkpoints: Checkpoints) -> None:
    checkpoints.take(1, Place.OPENING)
    checkpoints.take(10, Place.PICTURE)
    checkpoints.take(20, Place.ANSWER)
    checkpoints.take(30, Place.QUESTION)
    checkpoints.take(40, Place.ANSWER)
    assert places(checkpoints) == [1, 10, 20, 30, 40]
    checkpoints.take(50, Place.QUESTION)
    assert places(checkpoints) == [1, 10, 20, 40, 50]  # the older of two places of a question
    checkpoints.take(60, Place.ANSWER)
    assert places(checkpoints) == [1, 10, 40, 50, 60]
    checkpoints.take(70, Place.PICTURE)
    assert places(checkpoints) == [1, 10, 50, 60, 70]  # rather an older answer than an older picture
    checkpoints.take(80, Place.PICTURE)
    assert places(checkpoints) == [1, 50, 60, 70, 80]
    assert [one.position for one in checkpoints.most_useful(2 * _BYTES)] == [60, 80]
    assert checkpoints.most_useful(_BYTES - 1) == []


def test_what_cannot_be_put_back_is_an_error(checkpoints: Checkpoints, recurrent: Recurrent) -> None:
    checkpoints.take(10, Place.ANSWER)
    with pytest.raises(RuntimeError, match="cannot be put back"):
        checkpoints.go_back(9)
    recurrent.fails = True
    with pytest.raises(RuntimeError, match="cannot be put back"):
        checkpoints.go_back(10)


def test_they_can_be_packed_and_replace_others(checkpoints: Checkpoints, recurrent: Recurrent) -> None:
    checkpoints.take(10, Place.PICTURE)
    checkpoints.take(20, Place.ANSWER)
    packed = memoryview(b"".join(pack(checkpoints.most_useful(100))))
    others = Checkpoints(recurrent)
    others.take_before_batch(15)
    others.replace(unpack(packed))
    assert others.cut_point(19) == 10
    others.go_back(20)
    assert recurrent.put == [(2, 20)]
    assert unpack(memoryview(b"")) == []
    assert pack([Checkpoint(1, Place.ANSWER, memoryview(b"ab"))])[1] == b"ab"

"""A second sequence tells how probable tokens are, in every kind of KV cache that has one, and leaves nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from desktop_app.engine.client import EngineClient
from desktop_app.engine.interrupt import Interrupted
from desktop_app.engine.llama import aside
from desktop_app.engine.llama.kv_state import Kind
from desktop_app.engine.messages import Ask, Finished, Judge, LoadPlan, Turn
from desktop_app.paths import demo_model
from tests.engine.conversation.desk import Desk
from tests.engine.conversation.test_saved_states import write_gemma3
from tests.random_models.llava import write_language_model
from tests.random_models.qwen3_vl import write_qwen3_vl
from tests.random_models.qwen35 import write_qwen35

PLAN = LoadPlan(512, 64)
WRITERS: dict[str, tuple[Callable[[Path], Path], Kind]] = {
    "llama": (write_language_model, Kind.PLAIN),
    "qwen3vl": (write_qwen3_vl, Kind.PLACED),
    "gemma3": (write_gemma3, Kind.WINDOWED),
}


@pytest.fixture(params=WRITERS)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    write, kind = WRITERS[request.param]
    made = Desk(write(tmp_path / f"{request.param}.gguf"), PLAN)
    assert made.model.kv.kind is kind
    return made


def conversation(desk: Desk) -> list[int]:
    """Return the tokens of a conversation that the KV cache holds."""
    desk.ask(Turn("What is red? " * 4), tokens=20)
    return [cell for cell in desk.session._kv_cache.cells if isinstance(cell, int)]


@pytest.mark.parametrize(("shared", "logits"), [(0, aside._LOGITS), (7, aside._LOGITS), (7, 40_000)])
def test_tokens_are_as_probable_there_as_in_the_conversation(
    desk: Desk, shared: int, logits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`logits`: the bytes that those of a batch may take."""
    monkeypatch.setattr(aside, "_LOGITS", logits)
    tokens, model = conversation(desk), desk.model
    before = bytes(model.kv.copy_all(0)[0])
    with model.aside(shared) as second:
        assert second is not None
        found = second.score(tokens[shared:], 40, lambda: None)
    assert bytes(model.kv.copy_all(0)[0]) == before
    model.forget_from(0)
    expected = []
    for position, (token, following) in enumerate(pairwise(tokens)):
        model.read_tokens([token], position, logits=True)
        expected.append(model.log_probability(following))
    assert found == pytest.approx(expected[-40:], abs=0.02)
    desk.session.close()


def test_stopped_it_leaves_nothing_behind(desk: Desk) -> None:
    tokens, model = conversation(desk), desk.model
    before = bytes(model.kv.copy_all(0)[0])

    def stop() -> None:
        desk.interrupt.stop_now()

    with model.aside(0) as second:
        assert second is not None
        with pytest.raises(Interrupted):
            second.score(tokens, 10, stop)
    desk.interrupt.clear()
    assert bytes(model.kv.copy_all(0)[0]) == before
    with model.aside(0) as second:
        assert second is not None
        assert len(second.score(tokens, 10, lambda: None)) == 10
    desk.session.close()


def test_a_recurrent_decoder_has_only_one_sequence(tmp_path: Path) -> None:
    desk = Desk(write_qwen35(tmp_path / "qwen35.gguf"), PLAN)
    with desk.model.aside(0) as second:
        assert second is None
    desk.session.close()


def test_the_window_is_told_of_it(tmp_path: Path) -> None:
    with EngineClient() as client:
        assert client.load(*demo_model()).can_reread
        model = write_qwen35(tmp_path / "qwen35.gguf")
        assert not client.load(model, None).can_reread
        heard = list(client.request(Ask(client.next_request(), (Turn("Hello"),), judge=Judge.PICTURES)))
        finished = heard[-1]
        assert isinstance(finished, Finished)
        assert finished.certainty is not None

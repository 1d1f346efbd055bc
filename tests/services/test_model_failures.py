"""A model that ends the engine does not end every start: the last one that worked comes back."""

from __future__ import annotations

from pathlib import Path

from desktop_app import paths
from desktop_app.engine.messages import Ask, Load, Ready
from desktop_app.services.notices import template
from desktop_app.settings import Settings
from model_store.jobs import Role
from model_store.manifest import InstalledFile, Manifest
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import wait_until
from tests.services.conftest import DEMO, Desk, open_desk


def choose(desk: Desk, model: str) -> None:
    """Choose a model, and wait until it is being loaded."""
    desk.services.preferences.set("model", model)
    desk.services.preferences.set("mmproj", model.replace(".gguf", "-mmproj.gguf") if model else "")
    wait_until(lambda: desk.services.engine.wanted() is not None and model in desk.services.engine.wanted()[0])  # type: ignore[index]


def loaded(desk: Desk) -> None:
    desk.client.emit(Ready(desk.client.of(Load)[-1].request, DEMO._replace(is_demo=False)))
    wait_until(lambda: desk.services.engine.state() == "ready")


def answered(desk: Desk, question: str = "Hello") -> None:
    count = len(desk.client.of(Ask))
    desk.services.chat.send(question)
    wait_until(lambda: len(desk.client.of(Ask)) > count)
    desk.client.emit(finished(desk.client.of(Ask)[-1], "Hi."))
    wait_until(lambda: not desk.services.chat.is_busy())


def sentence(desk: Desk) -> str:
    notice = desk.notices[-1]
    return template(notice)[1].format(**notice.parameters)


def test_a_death_while_a_new_model_is_loaded_brings_back_the_last_that_worked(desk: Desk, tmp_path: Path) -> None:
    choose(desk, "/models/good.gguf")
    loaded(desk)
    answered(desk)
    choose(desk, "/models/bad.gguf")
    desk.client.die()
    wait_until(lambda: desk.client.of(Load)[-1].model == "/models/good.gguf")
    assert desk.client.of(Load)[-1].mmproj == "/models/good-mmproj.gguf"
    assert desk.client.starts == 2
    assert desk.services.engine.state() == "loading"
    assert "bad cannot be run" in sentence(desk)
    assert "good is used again" in sentence(desk)
    assert [action.code for action in desk.notices[-1].buttons] == ["choose-model"]
    assert "engine-died" not in [notice.text_code for notice in desk.notices]
    assert Settings.peek(paths.settings_file()).value("model") == "/models/good.gguf"
    desk.services.close()
    again = open_desk(tmp_path)
    try:
        assert [load.model for load in again.client.of(Load)] == ["/models/good.gguf"]
    finally:
        again.services.close()


def test_models_are_named_as_in_their_list(desk: Desk, tmp_path: Path) -> None:
    """Many are files called ggml-model-q4_k.gguf."""
    for name in ("BakLLaVA", "LLaVA 13B"):
        file = InstalledFile(Role.MODEL, "ggml-model-q4_k.gguf", 1, "")
        (tmp_path / name).mkdir()
        Manifest(name, name, (file,)).write(tmp_path / name)
    choose(desk, str(tmp_path / "BakLLaVA" / "ggml-model-q4_k.gguf"))
    loaded(desk)
    answered(desk)
    choose(desk, str(tmp_path / "LLaVA 13B" / "ggml-model-q4_k.gguf"))
    desk.client.die()
    wait_until(lambda: "BakLLaVA" in desk.client.of(Load)[-1].model)
    assert "LLaVA 13B cannot be run" in sentence(desk)
    assert "BakLLaVA is used again" in sentence(desk)


def test_a_death_at_the_first_question_counts_against_the_model(desk: Desk) -> None:
    choose(desk, "/models/bad.gguf")
    loaded(desk)
    desk.services.chat.send("Hello")
    wait_until(lambda: bool(desk.client.of(Ask)))
    desk.client.die()
    wait_until(lambda: desk.client.of(Load)[-1].model == str(paths.demo_model()[0]))
    assert "bad cannot be run" in sentence(desk)
    assert "built-in model" in sentence(desk)
    assert desk.services.preferences.value("model") == ""
    wait_until(lambda: not desk.services.chat.is_busy())


def test_a_death_after_an_answer_is_not_the_models_fault(desk: Desk) -> None:
    choose(desk, "/models/good.gguf")
    loaded(desk)
    answered(desk)
    desk.client.die()
    wait_until(lambda: len(desk.client.of(Load)) == 3)
    assert [load.model for load in desk.client.of(Load)[1:]] == ["/models/good.gguf"] * 2
    assert desk.notices == []
    assert desk.services.preferences.value("model") == "/models/good.gguf"


def test_a_model_that_has_worked_is_given_up_after_two_deaths(desk: Desk) -> None:
    choose(desk, "/models/good.gguf")
    loaded(desk)
    answered(desk)
    desk.die_for_good()
    assert desk.notices[-1].text_code == "engine-died"
    desk.services.engine.restart()
    desk.client.die()
    wait_until(lambda: desk.client.of(Load)[-1].model == str(paths.demo_model()[0]))
    assert "good cannot be run" in sentence(desk)


def test_the_built_in_model_is_never_given_up(desk: Desk) -> None:
    desk.client.die()
    wait_until(lambda: desk.client.starts == 2)
    for _ in range(3):
        desk.client.die()
        wait_until(lambda: desk.services.engine.state() == "dead")
        assert desk.notices[-1].text_code == "engine-died"
        desk.services.engine.restart()

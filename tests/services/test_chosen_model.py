"""The model that the settings name is the one that is loaded."""

from __future__ import annotations

from dataclasses import replace

from desktop_app.engine.messages import Ask, Load, Ready
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import pump, wait_until
from tests.services.conftest import DEMO, Desk


def test_settings_that_belong_together_are_loaded_once(desk: Desk) -> None:
    desk.ready()
    desk.services.preferences.set("mmproj", "/models/p.gguf")
    desk.services.preferences.set("model", "/models/m.gguf")
    wait_until(lambda: len(desk.client.of(Load)) == 2)
    pump(50)
    loads = desk.client.of(Load)
    assert len(loads) == 2
    assert (loads[1].model, loads[1].mmproj) == ("/models/m.gguf", "/models/p.gguf")


def test_another_model_is_noted_in_the_conversation(desk: Desk) -> None:
    desk.ready()
    desk.services.chat.send("Hello")
    wait_until(lambda: bool(desk.client.of(Ask)))
    desk.client.emit(finished(desk.client.of(Ask)[-1], "Hi."))
    wait_until(lambda: not desk.services.chat.is_busy())
    desk.services.preferences.set("model", "/models/m.gguf")
    wait_until(lambda: len(desk.client.of(Load)) == 2)
    desk.client.emit(Ready(desk.client.of(Load)[-1].request, replace(DEMO, name="LLaVA", is_demo=False)))
    wait_until(lambda: len(desk.services.chat.messages()) == 3)
    assert desk.services.chat.messages()[-1].details == {"note": "model-changed", "parameters": {"name": "LLaVA"}}

"""The model that is loaded is the one that the settings name."""

from __future__ import annotations

import pytest

from desktop_app import paths
from desktop_app.engine.messages import Ask, Load, LoadPlan, ModelInfo, Ready
from desktop_app.services.notices import template
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


def test_what_is_kept_on_the_disk_follows_the_setting(desk: Desk) -> None:
    desk.ready()
    first = desk.client.of(Load)[-1].settings
    assert (first.cache_folder, first.cache_mb) == (str(paths.cache_folder()), 2048)
    desk.services.preferences.set("disk_cache_mb", 0)
    wait_until(lambda: len(desk.client.of(Load)) == 2)
    assert desk.client.of(Load)[-1].settings.cache_mb == 0


def test_a_context_that_does_not_fit_into_memory_is_told_with_its_numbers(desk: Desk) -> None:
    gib = 1 << 30
    plan = LoadPlan(2048, 64, "q8_0", requested_n_ctx=4096, needed_as_requested=7 * gib, usable=6 * gib, free=5 * gib)
    load = desk.client.of(Load)[-1]
    desk.client.emit(Ready(load.request, DEMO._replace(plan=plan)))
    wait_until(lambda: desk.services.engine.state() == "ready")
    (notice,) = desk.notices
    context, sentence = template(notice)
    assert context == "notices"
    said = sentence.format(**notice.parameters)
    for number in ("2048 tokens", "instead of 4096", "7.6 GB", "5.3 GB"):
        assert number in said
    withdrawn: list[str] = []
    desk.services.notices.withdrawn.connect(withdrawn.append)
    desk.services.preferences.set("n_ctx", 1024)
    wait_until(lambda: len(desk.client.of(Load)) == 2)
    assert withdrawn == [notice.id]


def begin_answer(desk: Desk) -> Ask:
    desk.services.chat.send("Hello")
    wait_until(lambda: bool(desk.client.of(Ask)))
    return desk.client.of(Ask)[-1]


def test_a_change_waits_for_the_end_of_an_answer(desk: Desk) -> None:
    desk.ready()
    ask = begin_answer(desk)
    desk.services.preferences.set("n_ctx", 1024)
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["load-waits"])
    withdrawn: list[str] = []
    desk.services.notices.withdrawn.connect(withdrawn.append)
    desk.services.preferences.set("n_ctx", 1536)
    pump(20)
    assert len(desk.client.of(Load)) == 1
    desk.client.emit(finished(ask, "Hi."))
    wait_until(lambda: len(desk.client.of(Load)) == 2)
    assert desk.client.of(Load)[-1].settings.n_ctx == 1536
    assert withdrawn == [desk.notices[0].id]
    assert len(desk.notices) == 1
    assert desk.services.chat.messages()[-1].details["model"] == DEMO.name


def test_whoever_does_not_want_to_wait_ends_the_answer(desk: Desk) -> None:
    desk.ready()
    begin_answer(desk)
    desk.services.preferences.set("n_ctx", 1024)
    wait_until(lambda: bool(desk.notices))
    desk.services.notices.act(desk.notices[0].id, "load-now")
    assert desk.client.of(Load)[-1].settings.n_ctx == 1024
    pump(20)
    assert len(desk.client.of(Load)) == 2


def test_several_changes_in_a_row_are_loaded_once(desk: Desk) -> None:
    desk.ready()
    for n_ctx in (1024, 1536, 3072):
        desk.services.preferences.set("n_ctx", n_ctx)
        pump(20)
    wait_until(lambda: len(desk.client.of(Load)) == 2)
    assert desk.client.of(Load)[-1].settings.n_ctx == 3072


@pytest.mark.parametrize("info", [DEMO._replace(last_layer="missing"), DEMO._replace(activation="unstated")])
def test_a_projector_that_could_not_be_corrected_is_told(desk: Desk, info: ModelInfo) -> None:
    desk.client.emit(Ready(desk.client.of(Load)[-1].request, info))
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["projector-uncorrected"])

"""Models are downloaded from a Hub on this computer, checked, chosen, moved and deleted, with real files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app import paths
from desktop_app.engine.messages import Load
from desktop_app.engine.planning.memory_budget import VARIABLE
from desktop_app.errors import UserError
from desktop_app.memory_fit import MemoryFit, best_variant, fit_of
from desktop_app.services.models.manager import Models
from desktop_app.services.models.tasks import LookedUp, Task
from desktop_app.services.notices import Notice, template
from desktop_app.settings import Settings
from desktop_app.throttle import Throttle
from model_store.catalogue import Catalogue, CatalogueFile, ModelEntry, Variant
from model_store.errors import StoreError
from model_store.jobs import FileState, JobState
from model_store.library.importing import import_files
from model_store.library.installed import InstalledModel, State
from model_store.library.moving import move_library
from tests.helpers.fake_hub import FakeHub
from tests.helpers.fakes.models import CATALOGUE, GIB
from tests.helpers.waiting import expect_signal, pump, wait_until
from tests.services.conftest import Desk

REPOSITORY = "someone/tiny-gguf"
FILES = tuple(path.name for path in paths.demo_model())
TINY = Variant("F16", (CatalogueFile(FILES[0], 0),), CatalogueFile(FILES[1], 0), 1 << 28, 1 << 28)
ENTRY = ModelEntry(
    id="tiny",
    title="Tiny",
    repository=REPOSITORY,
    revision="main",
    variants=(TINY,),
    licence="MIT",
    licence_url="",
    gated=False,
    terms=False,
    languages=("en",),
    family="llava-1.5",
    sentence="",
)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """A Hub that publishes the built-in model."""
    with FakeHub() as hub:
        hub.publish(REPOSITORY, {path.name: path.read_bytes() for path in paths.demo_model()})
        yield hub


class Clock:
    """A clock that stands still unless it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(desk: Desk) -> Clock:
    """The clock by which work on model files gets its turns. Ask for it before `models`, which take the throttle."""
    made = Clock()
    desk.services.model_throttle = Throttle(clock=made)
    desk.services.engine.answering_changed.connect(desk.services.model_throttle.set_answering)
    return made


@pytest.fixture
def models(desk: Desk, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> Models:
    """The models of a desk, fetched from that Hub."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    models = desk.services.models
    monkeypatch.setattr(models, "_catalogue", Catalogue((ENTRY,)))
    desk.services.preferences.set("proxy", "none")
    desk.services.preferences.set("hub_address", hub.endpoint)
    return models


def fetched(models: Models) -> InstalledModel:
    models.download(ENTRY, TINY)
    wait_until(lambda: bool(models.installed()), 30)
    return models.installed()[0]


def press(desk: Desk, notice: Notice) -> None:
    """Press the first button of a notice."""
    chosen = notice.buttons[0]
    desk.services.notices.act(notice.id, chosen.code, chosen.argument)


def sentence(notice: Notice) -> str:
    return template(notice)[1].format(**notice.parameters)


def test_a_model_is_fetched_and_one_click_takes_it(desk: Desk, models: Models) -> None:
    model = fetched(models)
    assert model.state is State.OK
    assert [
        path.read_bytes() == file.path.read_bytes() for path, file in zip(paths.demo_model(), model.files, strict=True)
    ]
    wait_until(lambda: any(notice.text_code == "model-ready" for notice in desk.notices))
    (ready,) = [notice for notice in desk.notices if notice.text_code == "model-ready"]
    assert sentence(ready) == "Tiny F16 is ready to use."
    press(desk, ready)
    wait_until(lambda: desk.client.of(Load)[-1].model == str(model.model))
    assert desk.client.of(Load)[-1].mmproj == str(model.projector)
    wait_until(lambda: models.in_use() is not None)
    wait_until(lambda: models.jobs() == [])


def test_the_notice_of_a_model_goes_when_it_is_used_otherwise(desk: Desk, models: Models) -> None:
    withdrawn: list[str] = []
    desk.services.notices.withdrawn.connect(withdrawn.append)
    model = fetched(models)
    wait_until(lambda: any(notice.text_code == "model-ready" for notice in desk.notices))
    models.use(model)
    assert withdrawn == [notice.id for notice in desk.notices if notice.text_code == "model-ready"]


def test_on_a_full_disk_a_model_is_chosen_whole(desk: Desk, models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fetched(models)

    def full(_settings: Settings) -> None:
        raise UserError("disk-full", name="settings.toml")

    with monkeypatch.context() as patched:
        patched.setattr(Settings, "save", full)
        models.use(model)
        assert (models.in_use(), desk.notices[-1].text_code) == (model, "disk-full")
        count = len(desk.notices)
        models.use_built_in()
        assert models.uses_built_in()
        assert [notice.text_code for notice in desk.notices[count:]] == ["disk-full"]
    wait_until(lambda: desk.client.of(Load)[-1].model == str(paths.demo_model()[0]))


def test_a_model_in_use_sees_once_its_projector_is_added(desk: Desk, models: Models, tmp_path: Path) -> None:
    model_file, projector = paths.demo_model()
    alone = Path(shutil.copy(model_file, tmp_path / "ggml-model.gguf"))
    (model,) = import_files(models.library(), [alone])
    models.use(model)
    wait_until(lambda: desk.client.of(Load)[-1].model == str(model.model))
    assert desk.client.of(Load)[-1].mmproj is None
    desk.services.model_tasks.add_projector(model, str(projector))
    wait_until(lambda: bool(desk.client.of(Load)[-1].mmproj))
    sees = models.in_use()
    assert sees is not None
    assert desk.client.of(Load)[-1].mmproj == str(sees.projector)
    assert [sentence(notice) for notice in desk.notices] == [f"{model.title} can see pictures now."]


def test_what_is_installed_has_a_light_once_somebody_looks(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fetched(models)
    assert models.fit(model) is None
    models.show_fits()
    wait_until(lambda: models.fit(model) is not None)
    fit = models.fit(model)
    assert isinstance(fit, MemoryFit)
    assert (fit.verdict, fit.n_ctx) == ("fits", 2048)
    monkeypatch.setenv("EYEBRIGHT_MEMORY_LIMIT", "1G")
    models.refresh()
    wait_until(lambda: models.fit(model) != fit)
    fit = models.fit(model)
    assert isinstance(fit, MemoryFit)
    assert fit.verdict == "too-large"


def test_what_cannot_be_loaded_is_said_instead_of_a_light(models: Models) -> None:
    model = fetched(models)
    assert model.projector is not None
    header = model.projector.read_bytes().replace(b"mlp", b"mlq")  # a kind that nobody knows
    model.projector.write_bytes(header)
    models.show_fits()
    wait_until(lambda: models.fit(model) is not None)
    reason = models.fit(model)
    assert isinstance(reason, UserError)
    assert reason.code == "projector-unsupported"


def test_the_offer_follows_a_download(models: Models) -> None:
    seen: list[str] = []
    models.job_changed.connect(lambda job: seen.append(job.state.value))
    assert models.offers()[0].job is None
    fetched(models)
    assert JobState.RUNNING.value in seen
    wait_until(lambda: models.offers()[0].job is None)
    assert models.offers()[0].installed == tuple(models.installed())


def test_what_stops_a_download_is_said_with_a_way_to_it(desk: Desk, models: Models, hub: FakeHub) -> None:
    desk.services.preferences.set("hub_address", "http://127.0.0.1:9")
    models.download(ENTRY, TINY)
    wait_until(lambda: bool(models.jobs()) and models.jobs()[0].error is not None, 30)
    error = models.jobs()[0].error
    assert error is not None
    assert "is kept" not in str(error), "nothing is there to be kept"
    models.cancel(models.jobs()[0])
    wait_until(lambda: models.jobs() == [])


def test_what_is_wrong_with_the_settings_is_said_before_a_download(desk: Desk, models: Models) -> None:
    told: list[StoreError | None] = []
    models.sources.check(told.append)
    wait_until(lambda: told == [None])
    desk.services.preferences.set("proxy", "socks4://x")
    models.sources.check(told.append)
    wait_until(lambda: len(told) == 2)
    assert told[1] is not None
    assert told[1].code == "proxy-wrong"


def test_a_damaged_model_is_noticed_and_mended(desk: Desk, models: Models) -> None:
    model = fetched(models)
    data = bytearray(model.model.read_bytes())
    data[-100] ^= 1
    model.model.write_bytes(data)
    desk.services.model_tasks.verify(model)
    wait_until(lambda: any(notice.text_code == "model-wrong-repair" for notice in desk.notices), 30)
    wait_until(lambda: models.installed()[0].state is State.CHANGED)
    (wrong,) = [notice for notice in desk.notices if notice.text_code == "model-wrong-repair"]
    press(desk, wrong)
    wait_until(lambda: models.installed()[0].state is State.OK, 30)
    assert model.model.read_bytes() == paths.demo_model()[0].read_bytes()


def begin_long_answer(desk: Desk, clock: Clock) -> None:
    """Let an answer begin beside which nothing gets a turn: the last one took long, and the clock stands still."""
    with desk.services.model_throttle.turn():
        clock.now += 1000.0
    desk.services.engine.answering_changed.emit(True)


def test_checking_gives_way_to_an_answer(desk: Desk, clock: Clock, models: Models) -> None:
    model = fetched(models)
    begin_long_answer(desk, clock)
    desk.services.model_tasks.verify(model)
    wait_until(lambda: desk.services.model_tasks.now() is not None)
    pump(200)
    assert desk.services.model_tasks.now() == Task("verify", model.title)
    desk.services.engine.answering_changed.emit(False)
    wait_until(lambda: any(notice.text_code == "model-verified" for notice in desk.notices), 30)


def test_hashing_what_arrives_gives_way_to_an_answer(desk: Desk, clock: Clock, models: Models) -> None:
    begin_long_answer(desk, clock)
    models.download(ENTRY, TINY)
    wait_until(lambda: any(job.files[0].state is FileState.CHECKING for job in models.jobs()), 30)
    pump(200)
    assert models.installed() == []
    desk.services.engine.answering_changed.emit(False)
    wait_until(lambda: bool(models.installed()), 30)


def test_the_end_of_the_program_waits_for_no_turn(desk: Desk, clock: Clock, models: Models) -> None:
    model = fetched(models)
    begin_long_answer(desk, clock)
    desk.services.model_tasks.verify(model)
    wait_until(lambda: desk.services.model_tasks.now() is not None)
    desk.services.close()


def test_the_model_in_use_can_be_deleted(desk: Desk, models: Models) -> None:
    model = fetched(models)
    models.use(model)
    models.remove(model)
    wait_until(lambda: models.installed() == [])
    assert models.uses_built_in()
    assert not model.model.exists()
    assert any(sentence(notice) == "Tiny F16 was deleted. This freed 11 MB of disk space." for notice in desk.notices)


def test_the_models_move_and_stay_in_use(desk: Desk, models: Models, tmp_path: Path) -> None:
    model = fetched(models)
    models.use(model)
    target = tmp_path / "Modelle 模型"
    desk.services.model_tasks.move(str(target))
    wait_until(lambda: any(notice.text_code == "models-moved" for notice in desk.notices), 30)
    wait_until(lambda: bool(models.installed()) and models.installed()[0].model.is_relative_to(target))
    assert desk.services.preferences.value("models_folder") == str(target)
    assert not model.model.exists()
    wait_until(lambda: models.in_use() is not None)  # the settings followed
    fetched(models)


def test_a_move_that_was_cut_short_can_go_on(desk: Desk, models: Models, tmp_path: Path) -> None:
    fetched(models)
    target = tmp_path / "elsewhere"

    class KilledError(Exception):
        """As if the program had ended before the setting was saved."""

    def die(_folder: Path) -> None:
        # Nothing that would tidy up behind it runs after kill -9.
        shutil.copytree(models.folder(), tmp_path / "left", copy_function=shutil.copy2)
        shutil.copytree(target, tmp_path / "there", copy_function=shutil.copy2)
        raise KilledError

    with pytest.raises(KilledError):
        move_library(models.library(), target, die)
    for left, place in (("left", models.folder()), ("there", target)):
        shutil.rmtree(place, ignore_errors=True)
        (tmp_path / left).rename(place)
    desk.services.model_tasks.begin()
    wait_until(lambda: any(notice.text_code == "move-unfinished" for notice in desk.notices))
    notice = next(notice for notice in desk.notices if notice.text_code == "move-unfinished")
    desk.services.notices.act(notice.id, "go-on-moving")
    wait_until(lambda: any(notice.text_code == "models-moved" for notice in desk.notices), 30)
    wait_until(lambda: bool(models.installed()) and models.installed()[0].model.is_relative_to(target))


def test_a_model_goes_out_and_comes_back_in(desk: Desk, models: Models, tmp_path: Path) -> None:
    model = fetched(models)
    stick = tmp_path / "stick"
    stick.mkdir()
    desk.services.model_tasks.export(model, str(stick))
    wait_until(lambda: any(notice.text_code == "model-exported" for notice in desk.notices), 30)
    models.remove(model)
    wait_until(lambda: models.installed() == [])
    with expect_signal(desk.services.model_tasks.planned) as planned:
        desk.services.model_tasks.plan([str(stick)])
    desk.services.model_tasks.install(planned[0][1], in_place=False)
    wait_until(lambda: bool(models.installed()), 30)
    assert models.installed()[0].title == "Tiny F16"


def test_a_repository_is_looked_up_with_its_lights(desk: Desk, models: Models) -> None:
    with expect_signal(desk.services.model_tasks.looked_up, 30) as found:
        asked = desk.services.model_tasks.look_up(REPOSITORY)
    request, answer = found[0]
    assert request == asked
    assert isinstance(answer, LookedUp)
    (fit,) = answer.fits
    assert isinstance(fit, MemoryFit)
    assert fit.verdict == "fits"


def test_a_repository_that_is_not_there_is_said(desk: Desk, models: Models) -> None:
    with expect_signal(desk.services.model_tasks.hub_failed, 30) as failed:
        asked = desk.services.model_tasks.look_up("someone/nothing")
    request, error = failed[0]
    assert request == asked
    assert isinstance(error, StoreError)
    assert error.code == "repository-missing"


@pytest.mark.parametrize(
    ("usable", "verdict", "quantisation"),
    [(8.0, "fits", "Q4_K_M"), (5.5, "fits", "Q3_K_M"), (3.5, "reduced", "Q2_K"), (3.0, "too-large", "Q2_K")],
)
def test_the_variant_that_suits_a_computer(usable: float, verdict: str, quantisation: str) -> None:
    variant, fit = best_variant(CATALOGUE.entries[0], int(usable * GIB))
    assert (fit.verdict, variant.quantisation) == (verdict, quantisation)
    assert fit == fit_of(variant, int(usable * GIB))


def test_a_file_outside_the_library_sees_with_the_projector_it_is_given(desk: Desk, tmp_path: Path) -> None:
    model, projector = (Path(shutil.copy(path, tmp_path)) for path in paths.demo_model())
    desk.services.preferences.set("model", str(model))
    wait_until(lambda: desk.client.of(Load)[-1].model == str(model))
    desk.services.model_tasks.use_projector(str(model), str(model))
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["not-a-projector"])
    assert [each.code for each in desk.notices[0].buttons] == ["add-projector"]
    assert desk.services.preferences.value("mmproj") == ""
    desk.services.model_tasks.use_projector(str(model), str(projector))
    wait_until(lambda: desk.client.of(Load)[-1].mmproj == str(projector))


def test_a_wrong_projector_can_be_chosen_anew(desk: Desk, models: Models, tmp_path: Path) -> None:
    alone = Path(shutil.copy(paths.demo_model()[0], tmp_path / "painter.gguf"))
    (model,) = import_files(models.library(), [alone])
    desk.services.model_tasks.add_projector(model, str(alone))
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["no-projector-file"])
    assert [(each.code, each.argument) for each in desk.notices[0].buttons] == [("add-projector", model.id)]


@pytest.mark.parametrize(
    ("memory", "free", "title"),
    [
        ("32G", 100, "Qwen3-VL 4B"),
        ("16G", 100, "Qwen3-VL 4B"),
        ("16G", 3, "Qwen3-VL 2B"),
        ("8G", 100, "Qwen3-VL 2B"),
        ("8G", 1.5, "LFM2.5-VL 1.6B"),
        ("6G", 100, "Qwen3-VL 2B"),
        ("4G", 100, "LFM2.5-VL 1.6B"),
        ("4G", 1, "LFM2.5-VL 450M"),
        ("3G", 100, "LFM2.5-VL 450M"),
        ("8G", 0.1, ""),
        ("1G", 100, ""),
    ],
)
def test_what_is_offered_first_suits_memory_and_disk(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, memory: str, free: float, title: str
) -> None:
    monkeypatch.setenv(VARIABLE, memory)
    room = int(free * GIB)
    usage = shutil.disk_usage(paths.resources_folder())
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage._replace(free=room))
    offer = desk.services.models.best_offer()
    assert (offer.entry.title if offer is not None else "") == title
    if offer is not None:
        assert offer.variant.size < room
        assert offer.fit.verdict in {"fits", "reduced"}
        assert desk.services.models.ordered_offers("")[0].entry == offer.entry

"""What is said of several models: one notice for all, none that seems to be about another, none that comes back."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from desktop_app import paths
from desktop_app.engine.messages import Load
from desktop_app.services.models.manager import Models
from desktop_app.services.notices import Notice
from model_store.library.importing import import_files
from model_store.library.installed import InstalledModel
from tests.helpers.fake_hub import FakeHub
from tests.helpers.waiting import wait_until
from tests.services.conftest import Desk
from tests.services.models.test_manager import ENTRY, TINY, hub, models, press, sentence

__all__ = ["hub", "models"]


def standing(desk: Desk) -> list[Notice]:
    """Return the notices in sight."""
    return desk.services.notices.standing()


def codes(desk: Desk) -> list[str]:
    return [notice.text_code for notice in standing(desk)]


def installed(desk: Desk, models: Models, folder: Path, *names: str) -> list[InstalledModel]:
    """Install copies of the built-in model under these names."""
    made = []
    for name in names:
        folder.joinpath(name).mkdir()
        copies = [Path(shutil.copy(path, folder / name / f"{name}-{path.name}")) for path in paths.demo_model()]
        with copies[0].open("r+b") as file:  # another model: no two have the same bytes
            file.seek(-4, 2)
            file.write(name.encode()[:4])
        made += import_files(models.library(), copies)
    models.refresh()
    wait_until(lambda: len(models.installed()) == len(names))
    return made


def test_two_ready_models_are_one_notice_which_leaves_when_one_is_used(
    desk: Desk, models: Models, tmp_path: Path
) -> None:
    first, second = installed(desk, models, tmp_path, "first", "second")
    models.offer_to_use(first)
    models.offer_to_use(second)
    (notice,) = standing(desk)
    assert sentence(notice) == f"These models are ready to use: {first.title}, {second.title}."
    assert [each.code for each in notice.buttons] == ["open-models"]
    models.use(first)
    assert standing(desk) == []
    models.offer_to_use(second)
    assert codes(desk) == ["model-ready"], "of what was told and left is not spoken again"


def test_the_button_of_a_notice_uses_its_model(desk: Desk, models: Models, tmp_path: Path) -> None:
    first, second = installed(desk, models, tmp_path, "first", "second")
    models.offer_to_use(first)
    (notice,) = standing(desk)
    models.offer_to_use(second)
    press(desk, notice)
    wait_until(lambda: desk.client.of(Load)[-1].model == str(first.model))


def test_the_notice_of_a_ready_model_leaves_with_it(desk: Desk, models: Models, tmp_path: Path) -> None:
    first, second = installed(desk, models, tmp_path, "first", "second")
    models.offer_to_use(first)
    models.offer_to_use(second)
    models.remove(first)
    wait_until(lambda: "model-ready" in codes(desk))
    assert sentence(next(each for each in standing(desk) if each.text_code == "model-ready")).startswith(second.title)
    models.remove(second)
    wait_until(lambda: len(models.installed()) == 0)
    assert set(codes(desk)) == {"model-removed"}


def test_the_right_projector_takes_back_the_error_of_the_wrong_one(desk: Desk, models: Models, tmp_path: Path) -> None:
    decoder, projector = paths.demo_model()
    alone = Path(shutil.copy(decoder, tmp_path / "painter.gguf"))
    (model,) = import_files(models.library(), [alone])
    desk.services.model_tasks.add_projector(model, str(alone))
    wait_until(lambda: codes(desk) == ["no-projector-file"])
    desk.services.model_tasks.add_projector(model, str(projector))
    wait_until(lambda: codes(desk) == ["model-sees"], 30)


def test_several_tasks_that_fail_are_one_notice(desk: Desk, models: Models, tmp_path: Path) -> None:
    first, second = installed(desk, models, tmp_path, "first", "second")
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"not a model")
    for model in (first, second):
        desk.services.model_tasks.add_projector(model, str(wrong))
    wait_until(lambda: codes(desk) == ["models-failed"])
    (notice,) = standing(desk)
    assert sentence(notice) == "Something went wrong with 2 models."
    assert [part.name for part in notice.parts] == [first.title, second.title]
    desk.services.model_tasks.verify(first)
    assert standing(desk) == [], "the next task takes it away"


def test_several_downloads_that_fail_are_one_notice(desk: Desk, models: Models, hub: FakeHub) -> None:
    for name in ("one", "two"):
        models.download(replace(ENTRY, id=name, title=name, repository=f"someone/{name}-gguf"), TINY)
    wait_until(lambda: codes(desk) == ["downloads-failed"], 30)
    (notice,) = standing(desk)
    assert sentence(notice) == "2 downloads have failed."
    assert [part.name for part in notice.parts] == ["one F16", "two F16"]
    models.cancel(models.jobs()[0])
    wait_until(lambda: len(models.jobs()) == 1)
    (notice,) = standing(desk)
    assert notice.parts == ()
    models.cancel(models.jobs()[0])
    wait_until(lambda: standing(desk) == [])


def test_a_damaged_model_that_is_deleted_is_spoken_of_no_more(desk: Desk, models: Models, tmp_path: Path) -> None:
    (model,) = installed(desk, models, tmp_path, "first")
    with model.model.open("r+b") as file:
        file.seek(-100, 2)
        file.write(b"wrong")
    desk.services.model_tasks.verify(model)
    wait_until(lambda: codes(desk) == ["model-wrong"], 30)
    models.remove(models.installed()[0])
    wait_until(lambda: codes(desk) == ["model-removed"])

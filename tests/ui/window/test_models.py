"""The model manager, the offer on the start page and the menu in the composer, with fake services."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton, QWidget

from desktop_app.engine.messages import WeightSpeed
from desktop_app.errors import UserError
from desktop_app.memory_fit import MemoryFit
from desktop_app.services.models.tasks import Task
from desktop_app.ui.models import dialog as models_dialog
from desktop_app.ui.models import job_control
from desktop_app.ui.models.card import CatalogueCard, InstalledCard
from desktop_app.ui.models.dialog import ModelsDialog
from desktop_app.ui.models.model_menu import ModelMenu
from desktop_app.ui.models.offer_card import ModelOffer
from desktop_app.ui.models.phrases import TESTED
from desktop_app.ui.widgets.question import Question
from desktop_app.ui.widgets.theme import theme
from desktop_app.ui.window import MainWindow
from model_store.catalogue import TESTS, load_catalogue
from model_store.errors import StoreError
from model_store.jobs import NOTES, DownloadRequest, JobState
from model_store.library.installed import State
from tests.helpers.browser import Browser
from tests.helpers.cards import button, words_of
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.fakes.models import CATALOGUE, GB, GIB, installed, job
from tests.helpers.paths import REPOSITORY
from tests.helpers.waiting import pump, wait_until

#: On the computer of the tests: what does not fit comes last.
IN_ORDER = ["LLaVA 1.5 7B", "LLaVA 1.6 Mistral 7B", "SmolVLM2 2.2B", "LLaVA 1.6 34B"]


def shown(dialog: ModelsDialog) -> list[str]:
    return [card.accessibleName() for card in dialog.cards()]


def test_the_catalogue_tells_of_each_model_whether_it_fits(dialog: ModelsDialog) -> None:
    fits = [card.offer.fit.verdict for card in dialog.cards() if isinstance(card, CatalogueCard)]
    assert shown(dialog) == IN_ORDER
    assert fits == ["fits", "reduced", "fits", "too-large"]
    assert "Fits with 2048 tokens" in words_of(dialog.cards()[1])
    assert "It needs at least 23.7 GB of memory, but only 6.1 GB can be used" in words_of(dialog.cards()[3])


def test_how_fast_a_model_is_here_is_told_once_it_was_measured(dialog: ModelsDialog, services: FakeServices) -> None:
    assert "perplexity +0.18" in words_of(dialog.cards()[0])
    assert "tokens per second" not in words_of(dialog.cards()[0])
    size = sum(file.size for file in services.models.offers()[0].variant.model_files)
    services.models.weights = (WeightSpeed("Q4_K_M", False, size // 40, 960.0, 236.0),)
    services.models.changed.emit()
    wait_until(lambda: "tokens per second" in words_of(dialog.cards()[0]))
    assert "reads about 24, writes about 5.9 tokens per second here" in words_of(dialog.cards()[0])


def test_the_fastest_size_and_the_one_that_loses_least_are_marked(
    window: MainWindow, dialog: ModelsDialog, services: FakeServices
) -> None:
    services.models.known = load_catalogue(REPOSITORY / "resources" / "catalogue.toml")
    measured = {"Q4_K_M": (100.0, 30.0), "Q3_K_M": (80.0, 30.0), "Q2_K": (70.0, 50.0)}
    services.models.weights = tuple(WeightSpeed(name, False, GB, *speeds) for name, speeds in measured.items())
    dialog.show_list()
    card = next(card for card in dialog.cards() if card.accessibleName() == "LLaVA 1.5 7B")
    said = words_of(card)
    assert "Q4_K_M: reads about 25, writes about 7.4 tokens per second here · perplexity +0.18 · loses least" in said
    assert "Q2_K: reads about 28, writes about 20 tokens per second here · perplexity +3.52 · fastest" in said
    button(card, "Other sizes…").click()
    (menu,) = card.findChildren(QMenu)
    assert [action.text().split(" · ")[3:] for action in menu.actions()] == [["loses least"], [], ["fastest"]]
    menu.close()


def test_what_suits_a_weak_computer_comes_first(dialog: ModelsDialog, services: FakeServices) -> None:
    services.models.memory = int(2.4 * GIB)
    dialog.show_list()
    assert shown(dialog) == ["SmolVLM2 2.2B", "LLaVA 1.5 7B", "LLaVA 1.6 Mistral 7B", "LLaVA 1.6 34B"]


def test_the_list_is_sorted_for_what_the_person_wants(
    window: MainWindow, dialog: ModelsDialog, services: FakeServices
) -> None:
    assert dialog.wish.buttons[""].isChecked()
    dialog.wish.buttons["documents"].click()
    assert shown(dialog)[0] == "SmolVLM2 2.2B"
    assert button(dialog.cards()[0], "Download").property("kind") == "primary"
    dialog.wish.buttons["languages"].click()
    assert shown(dialog)[0] == "LLaVA 1.6 Mistral 7B"
    dialog.wish.buttons["speed"].click()
    assert shown(dialog) == ["SmolVLM2 2.2B", "LLaVA 1.5 7B", "LLaVA 1.6 Mistral 7B", "LLaVA 1.6 34B"]
    assert services.preferences.values["model_wish"] == "speed"  # and next time
    again = ModelsDialog(services.models, services.model_tasks, services.preferences, services.engine, window)
    assert again.wish.buttons["speed"].isChecked()
    again.close()
    dialog.wish.buttons[""].click()
    assert shown(dialog) == IN_ORDER
    dialog.show_part("installed")
    assert not dialog.wish.isVisible()


def test_every_wish_is_seen_with_large_text_on_a_small_screen(dialog: ModelsDialog, services: FakeServices) -> None:
    theme.set_zoom(200)
    dialog.resize(700, 500)
    buttons = dialog.wish.buttons.values()
    room = dialog.wish.rect()
    wait_until(lambda: all(room.united(each.geometry()) == dialog.wish.rect() for each in buttons))
    assert len({each.y() for each in buttons}) > 1  # they wrap
    assert dialog.wish.height() == dialog.wish.heightForWidth(dialog.wish.width())


def test_published_results_stand_on_the_card_with_their_source(
    dialog: ModelsDialog, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(monkeypatch)
    services.models.known = load_catalogue(REPOSITORY / "resources" / "catalogue.toml")
    dialog.show_list()
    card = next(card for card in dialog.cards() if card.accessibleName() == "Qwen3-VL 2B")
    assert "In tests, of 100 points: documents 92.7 (DocVQA), text in pictures 86.9 (OCRBench)" in words_of(card)
    button(card, "Source").click()
    assert browser.opened == ["https://github.com/vllm-project/vllm/issues/39708"]
    other = next(card for card in dialog.cards() if card.accessibleName() == "BakLLaVA 1")
    assert "In tests" not in words_of(other)
    assert "Source" not in words_of(other)


def test_every_published_test_has_words() -> None:
    assert set(TESTED) == set(TESTS)


def test_search_and_filter(dialog: ModelsDialog, services: FakeServices) -> None:
    dialog.only_fitting.click()
    assert "LLaVA 1.6 34B" not in shown(dialog)
    dialog.search.setText("mistral")
    wait_until(lambda: shown(dialog) == ["LLaVA 1.6 Mistral 7B"])
    dialog.search.setText("nothing of the kind")
    wait_until(lambda: shown(dialog) == [])


def test_terms_are_accepted_before_a_download(
    dialog: ModelsDialog, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, True])
    asked: list[str] = []

    def accept(entry: object, _parent: QWidget) -> bool:
        asked.append(str(entry))
        return next(answers)

    monkeypatch.setattr(models_dialog, "accept_licence", accept)
    button(dialog.cards()[0], "Download").click()
    assert services.calls == []
    button(dialog.cards()[0], "Download").click()
    assert services.calls == [("download", "llava-1.5-7b", "Q4_K_M")]
    assert len(asked) == 2


def test_a_model_without_its_projector_says_so_and_takes_it(
    dialog: ModelsDialog, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = installed("Writer")
    writer = replace(model, files=model.files[:1])
    services.models.here = [writer]
    dialog.show_part("installed")
    card = dialog.cards()[1]
    assert "It answers questions, but cannot see pictures." in words_of(card)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("/d/mmproj.gguf", ""))
    button(card, "Add its projector…").click()
    assert services.calls == [("add_projector", writer.id, "/d/mmproj.gguf")]


def test_another_size_can_be_chosen(
    dialog: ModelsDialog, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models_dialog, "accept_licence", lambda *_: True)
    card = dialog.cards()[0]
    button(card, "Other sizes…").click()
    menu = card.findChild(QMenu)
    assert menu is not None
    assert [action.text().split(" · ")[0] for action in menu.actions()] == ["Q4_K_M", "Q3_K_M", "Q2_K"]
    menu.actions()[1].trigger()
    menu.close()
    assert services.calls == [("download", "llava-1.5-7b", "Q3_K_M")]


@pytest.mark.parametrize(
    ("state", "text", "call"),
    [
        (JobState.RUNNING, "Pause", "pause"),
        (JobState.PAUSED, "Resume", "resume"),
        (JobState.FAILED, "Resume", "resume"),
        (JobState.WAITING, "Try again now", "retry"),
        (JobState.RUNNING, "Cancel", "cancel"),
    ],
)
def test_a_download_is_controlled(
    dialog: ModelsDialog,
    services: FakeServices,
    monkeypatch: pytest.MonkeyPatch,
    state: JobState,
    text: str,
    call: str,
) -> None:
    monkeypatch.setattr(job_control, "confirm_cancel", lambda *_: True)
    services.models.under_way = [job(state)]
    dialog.show_list()
    button(dialog.cards()[0], text).click()
    assert services.calls == [(call, "1")]


def test_a_download_that_the_catalogue_does_not_know_shows_as_well(
    window: MainWindow, dialog: ModelsDialog, services: FakeServices
) -> None:
    request = replace(job().request, model_id="own", title="Own model", repository="someone/own")
    services.models.under_way = [replace(job(), request=request)]
    dialog.show_list()
    own = dialog.cards()[0]
    assert shown(dialog)[:2] == ["Own model", "LLaVA 1.5 7B"]
    assert "someone/own" in words_of(own)
    assert "1.9 GB of 4.7 GB" in words_of(own)
    button(own, "Pause").click()
    assert services.calls == [("pause", "1")]
    window.offer_models()
    offer = window.start_page.findChild(ModelOffer)
    assert offer is not None
    assert "Own model" in words_of(offer)
    dialog.search.setText("mistral")
    wait_until(lambda: "Own model" not in shown(dialog))


def test_a_repair_shows_where_the_model_is(dialog: ModelsDialog, services: FakeServices) -> None:
    broken = installed("Broken", State.CHANGED)
    services.models.here = [broken]
    request = replace(job().request, model_id="own", folder=broken.id)
    services.models.under_way = [replace(job(), request=request, is_repair=True)]
    dialog.show_part("installed")
    card = dialog.cards()[1]
    assert "A file is not what it was" not in words_of(card)
    button(card, "Pause").click()
    button(card, "Cancel").click()  # it gives back what it has: nothing to ask
    assert services.calls == [("pause", "1"), ("cancel", "1")]
    dialog.show_part("catalogue")
    assert shown(dialog) == IN_ORDER


def test_what_took_long_to_fetch_is_not_given_up_by_one_click(
    dialog: ModelsDialog, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def execute(question: Question) -> int:
        asked.append(words_of(question))
        return 0

    monkeypatch.setattr(Question, "exec", execute)
    for share in (0.4, 0.01):
        services.models.under_way = [job(share=share)]
        dialog.show_list()
        button(dialog.cards()[0], "Cancel").click()
    assert len(asked) == 1
    assert "The 1.9 GB downloaded so far will be deleted." in asked[0]
    assert services.calls == [("cancel", "1")]


def test_what_happened_on_the_way_is_said_on_the_card(dialog: ModelsDialog, services: FakeServices) -> None:
    services.models.under_way = [job()]
    dialog.show_list()
    services.models.job_changed.emit(job(notes=("fetched-again",)))
    assert NOTES["fetched-again"] in words_of(dialog.cards()[0])


def test_a_download_is_brought_into_sight(window: MainWindow, services: FakeServices, dialog: ModelsDialog) -> None:
    last = CATALOGUE.entries[2]  # it does not fit
    request = DownloadRequest.of(last, last.variants[0])
    services.models.under_way = [replace(job(), request=request)]
    dialog.resize(dialog.width(), 300)
    window.dialogs.open_models()
    wait_until(lambda: not dialog.cards()[-1].visibleRegion().isEmpty())
    assert dialog.cards()[0].visibleRegion().isEmpty()


def test_where_nothing_suits_it_is_said_kindly(dialog: ModelsDialog, services: FakeServices) -> None:
    assert not dialog.says.isVisible()
    services.models.memory = GIB
    dialog.show_list()
    assert "SmolVLM2 2.2B comes closest: it needs 1.6 GB." in dialog.says.text()
    dialog.show_part("installed")
    assert not dialog.says.isVisible()
    assert not dialog.only_fitting.isVisible()
    services.models.memory, services.models.disk = 8 * GIB, GB
    dialog.show_part("catalogue")
    assert "SmolVLM2 2.2B needs 1.7 GB, and only 1.0 GB is free." in dialog.says.text()


def test_progress_moves_without_building_the_list_anew(dialog: ModelsDialog, services: FakeServices) -> None:
    services.models.under_way = [job(share=0.1)]
    dialog.show_list()
    card = dialog.cards()[0]
    assert "470 MB of 4.7 GB" in words_of(card)
    services.models.job_changed.emit(job(share=0.5))
    assert dialog.cards()[0] is card
    assert "2.4 GB of 4.7 GB · 6 MB/s · about 8 min left" in words_of(card)


def test_why_a_download_stopped_is_said_on_its_card(dialog: ModelsDialog, services: FakeServices) -> None:
    error = StoreError("download-interrupted", host="hub.example")
    services.models.under_way = [job(JobState.FAILED, error=error)]
    dialog.show_list()
    assert "hub.example cannot be reached." in words_of(dialog.cards()[0])


def test_what_is_here_can_be_used_checked_repaired_and_deleted(
    dialog: ModelsDialog, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.models.here = [installed(), installed("Broken", State.CHANGED)]
    dialog.show_part("installed")
    assert shown(dialog) == ["Eyebright tiny (built-in)", "LLaVA 1.5 7B Q4_K_M", "Broken"]
    good, broken = dialog.cards()[1:]
    button(good, "Use").click()
    button(broken, "Repair").click()
    assert not button(broken, "Use").isEnabled()
    monkeypatch.setattr(models_dialog, "confirm_removal", lambda *_: True)
    assert isinstance(good, InstalledCard)
    good.more.click()
    menu = good.findChild(QMenu)
    assert menu is not None
    for number in (0, 2):
        menu.actions()[number].trigger()
    menu.close()
    here = "llava-1.5-7b-q4_k_m"
    assert services.calls == [("use", here), ("repair", "broken"), ("verify", here), ("remove", here)]


def test_the_model_in_use_is_marked_and_the_built_in_one_can_come_back(
    dialog: ModelsDialog, services: FakeServices
) -> None:
    used = installed()
    services.models.here = [used]
    services.preferences.values["model"] = str(used.model)
    dialog.show_part("installed")
    built_in, card = dialog.cards()
    assert "In use" in words_of(card)
    button(built_in, "Use").click()
    assert services.calls == [("use_built_in",)]


def test_what_is_here_has_a_light_or_a_reason(dialog: ModelsDialog, services: FakeServices) -> None:
    good, large, odd = (installed(title) for title in ("Good", "Large", "Odd"))
    services.models.here = [good, large, odd]
    services.models.fits = {
        "good": MemoryFit("fits", 4096, 5 * GIB, 6 * GIB),
        "large": MemoryFit("too-large", 2048, 9 * GIB, 6 * GIB),
        "odd": UserError("projector-unsupported", name="p.gguf", kind="x"),
    }
    services.models.fits["good"] = MemoryFit("fits", 4096, 5 * GIB, 6 * GIB, UserError("words-unknown"))
    dialog.show_part("installed")
    said = [words_of(card) for card in dialog.cards()[1:]]
    assert "Fits this computer" in said[0]
    assert "The words that it was trained with are not known to Eyebright" in said[0]
    assert "Does not fit" in said[1]
    assert "It needs at least 9.7 GB of memory, but only 6.4 GB can be used" in said[1]
    assert "p.gguf is a projector of the type x" in said[2]


def test_long_work_shows_and_can_be_stopped(dialog: ModelsDialog, services: FakeServices) -> None:
    assert not dialog.task.isVisible()
    services.model_tasks.changed.emit(Task("verify", "LLaVA", 2 * GB, 5 * GB))
    assert dialog.task.isVisible()
    assert "Checking LLaVA · 2.0 GB of 5.0 GB" in words_of(dialog.task)
    button(dialog.task, "Stop").click()
    assert services.calls == [("stop_task",)]
    services.model_tasks.changed.emit(None)
    assert not dialog.task.isVisible()


@pytest.mark.parametrize(
    ("state", "texts"),
    [
        (JobState.RUNNING, ["Cancel", "Pause"]),
        (JobState.PAUSED, ["Cancel", "Resume"]),
        (JobState.FAILED, ["Cancel", "Resume"]),
        (JobState.WAITING, ["Cancel", "Try again now", "Pause"]),
    ],
)
def test_the_start_page_says_why_a_download_waits_and_controls_it(
    window: MainWindow,
    services: FakeServices,
    monkeypatch: pytest.MonkeyPatch,
    state: JobState,
    texts: list[str],
) -> None:
    monkeypatch.setattr(job_control, "confirm_cancel", lambda *_: True)
    window.offer_models()
    error = StoreError("download-interrupted", host="hub.example") if texts != ["Cancel", "Pause"] else None
    services.models.under_way = [job(state, error=error)]
    services.models.changed.emit()
    offer = window.start_page.findChild(ModelOffer)
    assert offer is not None
    stopped = state in (JobState.FAILED, JobState.WAITING)
    wait_until(
        lambda: ("hub.example cannot be reached." in offer.reason.text() and offer.reason.isVisible()) is stopped
    )
    wait_until(lambda: [one.text() for one in offer.findChildren(QPushButton) if one.isVisible()] == [*texts, "Show"])
    for text in texts:
        one = button(offer, text)
        assert one.visibleRegion().boundingRect() == one.rect()
        one.click()
    done = {"Pause": "pause", "Resume": "resume", "Try again now": "retry", "Cancel": "cancel"}
    assert services.calls == [(done[text], "1") for text in texts]


def test_why_a_running_download_comes_to_wait_is_said_at_once(window: MainWindow, services: FakeServices) -> None:
    window.offer_models()
    services.models.under_way = [job()]
    services.models.changed.emit()
    offer = window.start_page.findChild(ModelOffer)
    assert offer is not None
    assert not offer.reason.isVisible()
    services.models.job_changed.emit(job(JobState.WAITING, error=StoreError("no-connection", host="hub.example")))
    wait_until(offer.reason.isVisible)
    assert "hub.example cannot be reached." in offer.reason.text()


def test_a_model_that_sees_is_offered_while_one_that_only_writes_is_in_use(
    window: MainWindow, services: FakeServices
) -> None:
    window.offer_models()
    offer = window.start_page.findChild(ModelOffer)
    assert offer is not None
    writer = installed("Writer")
    services.models.use(replace(writer, files=writer.files[:1]))
    wait_until(offer.isVisible)
    assert offer.title.text() == "Talk about photos: LLaVA 1.5 7B"
    services.models.use(writer)  # with its projector
    wait_until(lambda: not offer.isVisible())


# ---- the menu in the composer ------------------------------------------------------------

BUILT_IN: tuple[object, ...] = ("use_built_in",)


@pytest.fixture
def models(window: MainWindow, services: FakeServices) -> FakeServices:
    """A model that sees and is in use, one that only writes, and one that is damaged."""
    used, writer = installed("LLaVA 1.5 7B"), installed("A writer & more")
    services.models.here = [used, replace(writer, files=writer.files[:1])]
    services.models.fits = {used.id: MemoryFit("fits", 4096, 5 * GIB, 6 * GIB)}
    services.preferences.values["model"] = str(used.model)
    services.preferences.values["mmproj"] = str(used.projector)
    services.engine.become("ready", LLAVA)
    return services


def opened(window: MainWindow) -> ModelMenu:
    """Click the button, and return the menu that it opens."""
    QTest.mouseClick(window.composer.model, Qt.MouseButton.LeftButton)
    menu = window.composer.findChild(ModelMenu)
    assert menu is not None
    wait_until(menu.isVisible)
    return menu


def listed(menu: QMenu) -> list[tuple[str, bool]]:
    return [(action.text(), action.isChecked()) for action in menu.actions() if not action.isSeparator()]


def click(menu: QMenu, action: QAction) -> None:
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())


def test_the_menu_says_what_each_model_sees_and_whether_it_fits(window: MainWindow, models: FakeServices) -> None:
    wait_until(lambda: window.composer.model.text() == LLAVA.name)
    menu = opened(window)
    assert listed(menu) == [
        ("Eyebright tiny (built-in)\tsees simple drawings", False),
        ("LLaVA 1.5 7B\tsees pictures · Fits this computer", True),
        ("A writer && more\ttext only", False),
        ("Get more…", False),
    ]
    assert menu.activeAction() is menu.actions()[1], "the keyboard begins at the one in use"
    spoken = QAccessible.queryAccessibleInterface(window.composer.model)
    assert spoken.text(QAccessible.Text.Name) == f"Model: {LLAVA.name}. Choose another one."
    menu.close()


def test_models_of_one_name_are_told_apart_while_they_are_in_use(window: MainWindow, models: FakeServices) -> None:
    long = "A vision model with a name that is far too long for a button"
    here = []
    for which in ("Q4_K_M", "Q8_0"):
        one, folder = installed(long, quantisation=which), Path("/models") / which
        files = tuple(replace(file, path=folder / file.path.name) for file in one.files)
        here.append(replace(one, id=which, folder=folder, files=files))
    models.models.here = here
    window.offer_models()
    for model in here:
        info = LLAVA._replace(name=long, model=str(model.model))
        models.engine.become("ready", info)
        mark = f"({model.manifest.quantisation})"
        button, line = window.composer.model, window.status.model
        wait_until(lambda: button.text().endswith(mark))  # noqa: B023
        assert button.width() <= theme.px(240)
        assert button.text().startswith("A vision")
        assert button.accessibleName() == f"Model: {long} {mark}. Choose another one."
        assert f"{mark} · ready" in line.text()
        assert line.toolTip() == f"{long} {mark}"
        models.preferences.values["model"] = str(model.model)
        models.engine.wanted = long
        models.engine.become("starting", None)
        assert button.text().endswith(mark)
    models.models.here = here[:1]
    models.engine.become("ready", LLAVA._replace(name=long, model=str(here[0].model)))
    models.models.changed.emit()
    assert "Q4_K_M" not in window.composer.model.text() + window.status.model.text()


def test_the_second_click_uses_another_model(window: MainWindow, models: FakeServices) -> None:
    menu = opened(window)
    click(menu, menu.actions()[2])
    assert models.calls[-1] == ("use", "a-writer-&-more")
    wait_until(lambda: window.composer.findChild(ModelMenu) is None)
    menu = opened(window)
    assert [checked for _, checked in listed(menu)] == [False, False, True, False]
    click(menu, menu.actions()[0])
    assert models.calls[-1] == BUILT_IN


def test_keys_choose_a_model_too(window: MainWindow, models: FakeServices) -> None:
    window.composer.model.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(window.composer.model, Qt.Key.Key_Return)
    menu = window.composer.findChild(ModelMenu)
    assert menu is not None
    wait_until(menu.isVisible)
    QTest.keyClick(menu, Qt.Key.Key_Down)
    QTest.keyClick(menu, Qt.Key.Key_Return)
    assert models.calls[-1] == ("use", "a-writer-&-more")


def test_what_becomes_known_is_said_in_the_open_menu(window: MainWindow, models: FakeServices) -> None:
    menu = opened(window)
    models.models.fits["a-writer-&-more"] = MemoryFit("too-large", 2048, 9 * GIB, 6 * GIB)
    models.models.changed.emit()
    assert listed(menu)[2][0] == "A writer && more\ttext only · Does not fit"
    models.models.here.append(installed("New"))
    models.models.changed.emit()
    assert listed(menu)[3][0] == "New\tsees pictures"
    menu.close()


def test_more_models_are_in_the_manager(window: MainWindow, models: FakeServices) -> None:
    menu = opened(window)
    click(menu, menu.actions()[-1])
    wait_until(lambda: any(dialog.isVisible() for dialog in window.findChildren(ModelsDialog)))


def test_a_long_name_gives_way_to_the_button_that_sends(window: MainWindow, models: FakeServices) -> None:
    models.engine.become("ready", LLAVA._replace(name="a-very-long-name-of-a-community-model-" * 5))
    theme.set_zoom(200)
    window.resize(700, 500)
    pump(30)
    composer = window.composer
    assert composer.model.text().endswith("…")
    assert composer.send.visibleRegion().boundingRect() == composer.send.rect()
    assert composer.model.visibleRegion().boundingRect() == composer.model.rect()
    assert composer.model.geometry().right() < composer.send.geometry().left()
    assert composer.model.toolTip().startswith("a-very-long-name")


def test_a_model_that_is_not_installed_is_named_too(window: MainWindow, models: FakeServices) -> None:
    models.preferences.values["model"] = "/elsewhere/own.gguf"
    models.engine.become("ready", LLAVA._replace(name="own"))
    menu = opened(window)
    assert [text for text, checked in listed(menu) if checked] == ["own\tnot among the installed models"]
    menu.close()


@pytest.mark.parametrize(("size", "zoom"), [((1366, 768), 200), ((720, 560), 100), ((1120, 780), 150)])
def test_nothing_jumps_while_a_download_is_paused_and_goes_on(
    window: MainWindow, services: FakeServices, size: tuple[int, int], zoom: int
) -> None:
    window.resize(*size)
    theme.set_zoom(zoom)
    window.offer_models()
    window.dialogs.open_models()
    manager = window.findChild(ModelsDialog)
    offer = window.start_page.findChild(ModelOffer)
    assert manager is not None
    assert offer is not None

    def places() -> tuple[object, ...]:
        example = window.start_page.cards[0].mapTo(window, QPoint(0, 0))
        return offer.size().toTuple(), example.toTuple(), manager.cards()[0].height()

    def come_to_rest() -> tuple[object, ...]:
        seen = [places()]

        def is_at_rest() -> bool:
            seen.append(places())
            return len(seen) > 5 and len(set(seen[-5:])) == 1

        wait_until(is_at_rest)
        return seen[-1]

    services.models.under_way = [job(JobState.QUEUED)]
    services.models.changed.emit()
    before = come_to_rest()
    for state, speed, seconds in (
        (JobState.RUNNING, 6.1e6, 470.0),
        (JobState.PAUSED, 0.0, None),
        (JobState.RUNNING, 22.5e6, 8000.0),
    ):
        services.models.under_way = [job(state, speed=speed, seconds_left=seconds)]
        services.models.changed.emit()
        assert come_to_rest() == before, state

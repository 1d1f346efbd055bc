"""The dialogs beside the model manager: repositories, files, sources, and the offer on the start page."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QDir, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog

from desktop_app.errors import UserError
from desktop_app.memory_fit import MemoryFit
from desktop_app.services.models.tasks import ImportPlans, LookedUp
from desktop_app.services.notices import Notice
from desktop_app.ui.models import dialog as models_dialog
from desktop_app.ui.models.add_dialogs import AddModelDialog, OtherFoldersDialog
from desktop_app.ui.models.card import ModelCard
from desktop_app.ui.models.confirm import licence_question, removal_question
from desktop_app.ui.models.dialog import ModelsDialog
from desktop_app.ui.models.sources_dialog import SourcesDialog
from desktop_app.ui.notices import NoticeBar
from desktop_app.ui.widgets.question import Question
from desktop_app.ui.window import MainWindow
from model_store.errors import StoreError
from model_store.jobs import Role
from model_store.library.hub_repository import Candidate
from model_store.library.import_plan import ImportFile, ImportPlan
from model_store.manifest import InstalledFile, Manifest
from tests.helpers.cards import button, words_of
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.models import CATALOGUE, GIB, installed, job
from tests.helpers.waiting import pump, wait_until


def test_a_repository_is_looked_up_or_searched(dialog: ModelsDialog, services: FakeServices) -> None:
    button(dialog, "Add from Hugging Face…").click()
    adding = dialog.findChild(AddModelDialog)
    assert adding is not None
    adding.activateWindow()
    pump(0)
    assert adding.name.hasFocus()
    adding.name.setText("someone/llava-gguf")
    why = UserError("projector-unsupported", name="p.gguf", kind="x")
    services.model_tasks.answers = [
        LookedUp(Candidate(CATALOGUE.entries[1], ()), (why,)),
        ("someone/llava-gguf",),
        StoreError("no-connection", host="hub.example"),
    ]
    QTest.keyClick(adding.name, Qt.Key.Key_Return)
    wait_until(lambda: bool(adding.cards))
    assert not button(adding.cards[0], "Download").isEnabled()  # what could not be loaded is not fetched
    assert "p.gguf is a projector of the type x" in words_of(adding.cards[0])
    adding.name.setText("llava")
    QTest.keyClick(adding.name, Qt.Key.Key_Return)
    wait_until(lambda: bool(adding.cards))
    button(adding.cards[0], "Look up").click()
    wait_until(lambda: "hub.example cannot be reached" in adding.says.text())
    assert "downloaded" not in adding.says.text()
    assert adding.cards == [], "nothing to download under an error"
    assert adding.findChildren(ModelCard) == []
    assert services.calls == [
        ("look_up", "someone/llava-gguf"),
        ("search_hub", "llava"),
        ("look_up", "someone/llava-gguf"),
    ]
    adding.close()


def test_a_download_from_a_repository_goes_on_in_the_manager(
    dialog: ModelsDialog, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, True])
    monkeypatch.setattr(models_dialog, "accept_licence", lambda *_: next(answers))
    dialog.show_part("installed")
    button(dialog, "Add from Hugging Face…").click()
    adding = dialog.findChild(AddModelDialog)
    assert adding is not None
    adding.name.setText("someone/llava-gguf")
    fit = MemoryFit("fits", 4096, 5 * GIB, 6 * GIB)
    services.model_tasks.answers = [LookedUp(Candidate(CATALOGUE.entries[1], ()), (fit,))]
    QTest.keyClick(adding.name, Qt.Key.Key_Return)
    wait_until(lambda: bool(adding.cards))
    services.calls.clear()
    button(adding.cards[0], "Download").click()
    assert (adding.isVisible(), services.calls) == (True, [])
    button(adding.cards[0], "Download").click()
    assert (adding.isVisible(), services.calls) == (False, [("download", "llava-1.6-mistral-7b", "Q4_K_M")])
    assert dialog.parts.buttons["catalogue"].isChecked()


def test_nothing_found_with_other_programs_is_said(dialog: ModelsDialog, services: FakeServices) -> None:
    services.model_tasks.answers = [[]]
    button(dialog, "From other programs…").click()
    found = dialog.findChild(OtherFoldersDialog)
    assert found is not None
    wait_until(lambda: found.says.text() == "No models of other programs were found on this computer.")
    found.close()


def _has(words: list[str], count: int) -> bool:
    return len(words) == count


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of the questions that are asked; each is answered with no."""
    words: list[str] = []

    def execute(question: Question) -> int:
        words.append(words_of(question))
        return 0

    monkeypatch.setattr(Question, "exec", execute)
    return words


def test_files_that_hold_no_model_are_refused_with_a_reason(
    dialog: ModelsDialog, services: FakeServices, said: list[str]
) -> None:
    refusal = StoreError("not-a-model", name="letter.gguf")
    services.model_tasks.answers = [ImportPlans((), (refusal,))]
    dialog.plan(["letter.gguf"])
    wait_until(lambda: bool(said))
    assert "letter.gguf is not a model file (GGUF). Choose another file." in said[0]


def test_one_model_is_not_spoken_of_as_several(dialog: ModelsDialog, services: FakeServices, said: list[str]) -> None:
    file = ImportFile(Role.MODEL, Path("/models/writer.gguf"), "writer.gguf", GIB)
    plan = ImportPlan("Writer", (file,), Manifest("", "Writer", ()))
    for number, plans in enumerate(((plan,), (plan, plan)), 1):
        services.model_tasks.answers = [ImportPlans(plans, ())]
        dialog.plan(["writer.gguf"])
        wait_until(partial(_has, said, number))
    one, two = said
    assert ("Add this model?" in one, "Use it where it is" in one) == (True, True)
    assert ("Add these models?" in two, "Use where they are" in two) == (True, True)
    folder = QDir.toNativeSeparators(str(services.models.folder()))
    assert f"A copy goes to {folder}." in one
    assert f"Copies go to {folder}." in two


def test_enter_does_what_has_the_keyboard(window: MainWindow) -> None:
    asked = licence_question(CATALOGUE.entries[0], window)
    removal = removal_question(installed(), window)
    for question in (asked, removal):  # terms that were not read are not accepted
        results: list[int] = []
        question.finished.connect(results.append)
        question.show()
        question.activateWindow()
        pump(0)
        focused = QApplication.focusWidget()
        assert focused is not None
        QTest.keyClick(focused, Qt.Key.Key_Return)
        assert results == [QDialog.DialogCode.Rejected]


def test_a_result_is_seen_in_the_manager(dialog: ModelsDialog, services: FakeServices) -> None:
    services.notices.post(Notice("model-verified", {"title": "LLaVA 1.5 7B"}, owner="models"))
    bar = dialog.findChild(NoticeBar)
    assert bar is not None
    assert bar.isVisible()
    assert "LLaVA 1.5 7B is complete and undamaged." in words_of(bar)


def test_the_empty_screen_offers_what_suits_this_computer(
    window: MainWindow, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop_app.ui.models import offer_card, suggestion

    monkeypatch.setattr(suggestion, "accept_licence", lambda *_: True)
    window.offer_models()
    offer = window.start_page.findChild(offer_card.ModelOffer)
    assert offer is not None
    assert "LLaVA 1.5 7B" in words_of(offer)
    button(offer, "Download").click()
    assert services.calls[-1] == ("download", "llava-1.5-7b", "Q4_K_M")
    services.models.now_has(under_way=[job()])
    assert offer.bar.isVisible()
    services.models.now_has(here=[installed()])
    button(offer, "Use it now").click()  # rather than another one to fetch
    assert ("use", "llava-1.5-7b-q4_k_m") in services.calls
    services.models.use_built_in()
    services.models.memory = int(1.2 * GIB)
    services.models.now_has()
    assert not offer.isVisible()  # nothing fits: nothing is promised


def test_where_models_come_from_can_be_set(
    dialog: ModelsDialog, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    button(dialog, "Sources…").click()
    sources = dialog.findChild(SourcesDialog)
    assert sources is not None
    sources.address.setText(" https://hub.example ")
    QTest.keyClick(sources.address, Qt.Key.Key_Return)
    QTest.keyClicks(sources.token, "secret")
    QTest.keyClick(sources.token, Qt.Key.Key_Return)
    assert sources.token.text() == ""
    assert "keeps no passwords" in sources.says.text()
    services.models.sources.problem = StoreError("proxy-wrong", address="tor")
    sources.proxy.setText("tor")
    QTest.keyClick(sources.proxy, Qt.Key.Key_Return)
    assert "“tor” is not a proxy address" in sources.says.text()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/media/stick")
    sources.folder.click()
    assert services.calls == [
        ("set", "hub_address", "https://hub.example"),
        ("token", "secret"),
        ("set", "proxy", "tor"),
        ("move", "/media/stick"),
    ]
    sources.close()


def test_an_answer_is_shown_where_it_was_asked_for_and_nowhere_else(
    dialog: ModelsDialog, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow answer used to come into whatever dialog was open then."""
    tasks = services.model_tasks
    fit = MemoryFit("fits", 4096, 5 * GIB, 6 * GIB)
    late = LookedUp(Candidate(CATALOGUE.entries[1], ()), (fit,))

    def opened() -> AddModelDialog:
        button(dialog, "Add from Hugging Face…").click()
        return dialog.findChildren(AddModelDialog)[-1]

    first = opened()
    first.name.setText("someone/llava-gguf")
    first.look()
    first.close()
    second = opened()
    before = second.says.text()
    for answer in (late, ("someone/llava-gguf",), StoreError("no-connection", host="hub.example")):
        tasks.answer(1, answer)
    assert (second.cards, second.says.text()) == ([], before)

    second.name.setText("llava")  # and the same dialog, asked for something else meanwhile
    second.look()
    second.name.setText("bakllava")
    second.look()
    tasks.answer(2, ("someone/llava-gguf",))
    assert (second.cards, second.says.text()) == ([], "Searching…")
    tasks.answer(3, ("someone/bakllava-gguf",))
    assert [card.accessibleName() for card in second.cards] == ["someone/bakllava-gguf"]
    second.close()

    monkeypatch.setattr(Question, "exec", lambda _question: pytest.fail("asked about files of long ago"))
    dialog.plan(["letter.gguf"])
    dialog.close()
    dialog.show()
    tasks.answer(4, ImportPlans((), (StoreError("not-a-model", name="letter.gguf"),)))


def test_an_answer_for_sources_that_were_closed_goes_nowhere(dialog: ModelsDialog, services: FakeServices) -> None:
    services.models.sources.waits = True
    button(dialog, "Sources…").click()
    sources = dialog.findChild(SourcesDialog)
    assert sources is not None
    sources.proxy.setText("tor")
    QTest.keyClick(sources.proxy, Qt.Key.Key_Return)
    sources.close()
    wait_until(lambda: dialog.findChild(SourcesDialog) is None)
    assert len(services.models.sources.later) == 2
    for answer in services.models.sources.later:
        answer()


def test_adding_a_model_can_be_cancelled_and_says_that_a_projector_would_help(
    dialog: ModelsDialog, services: FakeServices
) -> None:
    model = ImportFile(Role.MODEL, Path("/models/writer.gguf"), "writer.gguf", GIB)
    projector = ImportFile(Role.PROJECTOR, Path("/models/mmproj.gguf"), "mmproj.gguf", GIB)
    blind = ImportPlan("Writer", (model,), Manifest("", "Writer", ()))
    sees = ImportPlan("Painter", (model, projector), Manifest("", "Painter", ()))
    seen: list[str] = []

    def press(text: str) -> None:
        question = next(each for each in dialog.findChildren(Question) if each.isVisible())
        seen.append(words_of(question))
        QTest.mouseClick(button(question, text), Qt.MouseButton.LeftButton)

    for number, (plan, text) in enumerate(
        [(blind, "Cancel"), (blind, "Use it where it is"), (sees, "Copy"), (sees, "Cancel")], 1
    ):
        services.model_tasks.answers = [ImportPlans((plan,), ())]
        dialog.plan(["writer.gguf"])
        QTimer.singleShot(0, dialog, partial(press, text))  # after the answer has opened the question
        wait_until(partial(_has, seen, number))
    assert ["No projector (mmproj) was found beside it." in words for words in seen] == [True, True, False, False]
    assert [call for call in services.calls if call[0] == "install"] == [("install", 1, True), ("install", 1, False)]


def test_before_a_model_is_deleted_it_is_said_how_much_space_that_frees(window: MainWindow) -> None:
    elsewhere = installed(files=(InstalledFile(Role.MODEL, str(Path("/elsewhere/model.gguf")), 4, "0" * 64),))
    assert "frees 4.7 GB of disk space" in words_of(removal_question(installed(), window))
    assert "Its files stay where they are" in words_of(removal_question(elsewhere, window))

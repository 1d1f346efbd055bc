"""Models are changed in two clicks, with the mouse or with keys: the button in the composer, and its menu."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from desktop_app.memory_fit import MemoryFit
from desktop_app.ui.models.dialog import ModelsDialog
from desktop_app.ui.models.model_menu import ModelMenu
from desktop_app.ui.widgets.theme import theme
from desktop_app.ui.window import MainWindow
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.fakes.models import GIB, installed
from tests.helpers.waiting import pump, wait_until

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
        ("Built-in model\tsees simple drawings", False),
        ("LLaVA 1.5 7B\tsees pictures · Fits this computer", True),
        ("A writer && more\ttext only", False),
        ("Get more…", False),
    ]
    assert menu.activeAction() is menu.actions()[1], "the keyboard begins at the one in use"
    spoken = QAccessible.queryAccessibleInterface(window.composer.model)
    assert spoken.text(QAccessible.Text.Name) == f"Model: {LLAVA.name}. Choose another one."
    menu.close()


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

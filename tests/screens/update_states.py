"""Functions for screenshots of the check for updates; see window_states.py."""

from __future__ import annotations

from PySide6.QtWidgets import QMenu, QWidget

from desktop_app.services.notices import Notice, action
from model_store.errors import StoreError
from tests.screens.window_states import Stage, state


@state
def update_asking(stage: Stage) -> None:
    """The newest version is being asked for."""
    stage.services.notices.post(Notice("updates-asking", {"host": "github.com"}, sticky=True))


@state
def update_found(stage: Stage) -> None:
    """There is a newer version."""
    stage.talk()
    versions = {"newest": "0.2.0", "version": "0.1.0"}
    stage.services.notices.register("open-releases", lambda: None)
    stage.services.notices.post(Notice("updates-found", versions, actions=(action("open-releases"),), sticky=True))


@state
def update_none(stage: Stage) -> None:
    """There is none newer."""
    stage.services.notices.post(Notice("updates-none", {"version": "0.1.0"}))


@state
def update_not_understood(stage: Stage) -> None:
    """A login page answered."""
    error = StoreError("release-not-understood", host="github.com")
    stage.services.notices.error(error, action("open-releases"), sticky=True)


@state
def update_unreachable(stage: Stage) -> None:
    """No network."""
    stage.services.notices.error(StoreError("releases-unreachable", host="github.com"))


@state
def update_no_address(stage: Stage) -> None:
    """A build of one's own."""
    stage.services.notices.post(Notice("updates-no-address"))


@state
def help_menu(stage: Stage) -> QWidget:
    """What helps."""
    return next(menu for menu in stage.window.menuBar().findChildren(QMenu) if menu.title() == "&Help")

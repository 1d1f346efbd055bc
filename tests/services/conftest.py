"""Fixtures for tests of the services: a real history and real files, with a fake engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from PIL import Image
from PySide6.QtWidgets import QApplication

from desktop_app.assembly import Services, build
from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import Inspect, Inspected, Load, ModelInfo, Ready
from desktop_app.services.engine import Handler
from desktop_app.services.notices import Notice
from tests.helpers.fake_engine import FakeClient
from tests.helpers.waiting import wait_until

DEMO = ModelInfo("Eyebright tiny", "m.gguf", "p.gguf", 2048, "vicuna_v1", True, 64, "corrected", 2)


@dataclass
class Desk:
    """What a test has on its desk: services, the scripted engine, and the notices posted so far."""

    services: Services
    client: FakeClient
    notices: list[Notice]
    withdrawn: set[str]  # ids of notices
    folder: Path

    def ready(self, info: ModelInfo = DEMO) -> None:
        """Let a model be loaded."""
        self.client.emit(Ready(self.client.of(Load)[-1].request, info))
        wait_until(lambda: self.services.engine.state() == "ready" and self.services.engine.info() == info)

    def picture_file(self, name: str = "circle.png", colour: str = "red") -> Path:
        """Write a picture."""
        path = self.folder / name
        Image.new("RGB", (64, 48), colour).save(path, "PNG")
        return path

    def inspected(self, photographic: bool = False, fine: bool = False) -> None:
        """Answer the newest look at a picture."""
        wait_until(lambda: bool(self.client.of(Inspect)))
        inspect = self.client.of(Inspect)[-1]
        seen = Inspected(inspect.request, inspect.picture, 64, 48, b"preview", b"thumb", photographic)
        self.client.emit(seen._replace(has_fine_structure=fine))

    def die_for_good(self) -> None:
        """Let the engine die twice: after the second death it is not started again by itself."""
        starts = self.client.starts
        self.client.die()
        wait_until(lambda: self.client.starts > starts)
        self.client.die()
        wait_until(lambda: self.services.engine.state() == "dead")

    def attach(
        self, name: str = "circle.png", colour: str = "red", photographic: bool = False, fine: bool = False
    ) -> None:
        """Put a picture into the draft, all the way."""
        count = len(self.client.of(Inspect))
        self.services.draft.add_file(str(self.picture_file(name, colour)))
        wait_until(lambda: len(self.client.of(Inspect)) > count)
        self.inspected(photographic, fine)
        wait_until(lambda: not self.services.draft.is_checking())


def open_desk(folder: Path) -> Desk:
    """Build and start services on the isolated home folder."""
    made: list[FakeClient] = []

    def make_client(on_event: Handler) -> EngineClient:
        made.append(FakeClient(on_event))
        return cast(EngineClient, made[0])  # it has the client's methods

    services = build(make_client)
    notices: list[Notice] = []
    services.notices.posted.connect(notices.append)
    withdrawn: set[str] = set()
    services.notices.withdrawn.connect(withdrawn.add)
    services.notices.start()
    services.start()
    return Desk(services, made[0], notices, withdrawn, folder)


@pytest.fixture
def desk(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk with its own home folder."""
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "home"))
    desk = open_desk(tmp_path)
    yield desk
    desk.services.close()

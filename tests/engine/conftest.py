"""Fixtures for tests of the engine: engine processes and pictures."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import PictureRef
from desktop_app.paths import demo_model
from tests.engine.questions import draw
from tests.random_models.llava import Sizes, write_language_model, write_projector


@pytest.fixture
def client() -> Iterator[EngineClient]:
    """An engine process with the built-in model, fresh for one test."""
    with EngineClient() as client:
        client.load(*demo_model())
        yield client


@pytest.fixture(scope="module")
def shared() -> Iterator[EngineClient]:
    """An engine process with the built-in model, used by a whole module."""
    with EngineClient() as client:
        client.load(*demo_model())
        yield client


@pytest.fixture
def empty() -> Iterator[EngineClient]:
    """An engine process without a model."""
    with EngineClient() as client:
        yield client


@pytest.fixture(scope="session")
def slow_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A random pair that takes its time: every phase lasts a tenth of a second or more."""
    sizes = Sizes(
        width=256,
        layers=6,
        feed_forward=704,
        context=2048,
        vision_width=256,
        vision_layers=6,
        vision_heads=4,
        vision_feed_forward=1024,
        side=224,
    )
    folder = tmp_path_factory.mktemp("slow")
    return write_language_model(folder / "model.gguf", sizes), write_projector(folder / "mmproj.gguf", sizes)


@pytest.fixture
def star(tmp_path: Path) -> PictureRef:
    return draw(tmp_path / "star.png", "red")


@pytest.fixture
def moon(tmp_path: Path) -> PictureRef:
    return draw(tmp_path / "moon.png", "blue")

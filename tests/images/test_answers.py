"""The built-in model sees a red circle in every picture format, from the file to the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from desktop_app import paths
from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import Ask, Finished, PictureRef, Sampling, Turn
from tests.images.test_reading import COLOURED, PICTURES

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineClient]:
    """One process for all pictures."""
    with EngineClient() as client:
        client.load(*paths.demo_model())
        yield client


@pytest.mark.parametrize("name", COLOURED)
def test_the_answer_names_colour_and_shape(engine: EngineClient, name: str) -> None:
    path = PICTURES / name
    picture = PictureRef(hashlib.sha256(path.read_bytes()).hexdigest(), str(path), name)
    turns = (Turn("What is in the picture?", (picture,)),)
    answer = ""
    for event in engine.request(Ask(engine.next_request(), turns, Sampling(temperature=0, max_tokens=40))):
        if isinstance(event, Finished):
            answer = event.text.lower()
    assert "red" in answer
    assert "circle" in answer

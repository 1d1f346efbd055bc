"""Helpers for tests of the engine: draw a picture, and ask about it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import (
    Ask,
    Event,
    Finished,
    PictureRef,
    ReadAhead,
    ReadAheadDone,
    Sampling,
    Turn,
)

GREEDY = Sampling(temperature=0, max_tokens=24)


def draw(path: Path, colour: str, size: tuple[int, int] = (120, 90)) -> PictureRef:
    """Draw a disc of `colour` on white and save it."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).ellipse((size[0] // 4, size[1] // 4, size[0] * 3 // 4, size[1] * 3 // 4), fill=colour)
    image.save(path)
    return PictureRef(hashlib.sha256(path.read_bytes()).hexdigest(), str(path), path.name)


def ask(
    client: EngineClient,
    *turns: Turn,
    sampling: Sampling = GREEDY,
    system: str | None = None,
    hear: Callable[[Event], None] = lambda _event: None,
) -> Finished:
    """Ask the last of `turns` and return how it ended; `hear` gets every event."""
    for event in client.request(Ask(client.next_request(), turns, sampling, system)):
        hear(event)
        if isinstance(event, Finished):
            return event
    raise AssertionError("no end")


def read_ahead(
    client: EngineClient, *turns: Turn, pictures: tuple[PictureRef, ...] = (), text: str = ""
) -> ReadAheadDone:
    """Read ahead after answered `turns` and return how it ended."""
    for event in client.request(ReadAhead(client.next_request(), turns, pictures, text=text)):
        if isinstance(event, ReadAheadDone):
            return event
    raise AssertionError("no end")

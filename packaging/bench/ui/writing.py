"""How long something waits in the event loop of the window while an answer is written into the open conversation."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import cast

from PySide6.QtCore import Qt, QTimer

from bench.results import Sheet
from bench.ui.aims import Scale
from bench.ui.real_window import RealWindow, percentile
from bench.ui.stand_in import StandIn
from desktop_app.engine.client import EngineClient

_BEAT_S = 0.002
_SHOWN = 10  # times the answer has grown before it is watched


def measure(scale: Scale, sheet: Sheet) -> None:
    """Watch a beat while the stand-in writes."""
    with RealWindow(lambda on_event: cast(EngineClient, StandIn(on_event))) as real:
        chat = real.services.chat
        texts: list[str] = []
        real.services.answers.streaming.connect(lambda _message, text: texts.append(text))
        chat.send("What is in this picture?")
        real.wait(lambda: len(texts) > _SHOWN)
        beats: list[float] = []
        beat = QTimer(real.window)
        beat.setTimerType(Qt.TimerType.PreciseTimer)
        beat.timeout.connect(lambda: beats.append(time.monotonic()))
        beat.start(round(_BEAT_S * 1000))
        QTimer.singleShot(round(scale.seconds * 1000), real.application, real.application.quit)
        real.application.exec()
        beat.stop()
        chat.stop()
        real.wait(lambda: not chat.is_busy())
    sheet.put("writing.wait_ms", percentile(waits(beats), 0.99) * 1000)


def waits(beats: list[float]) -> list[float]:
    """Return how long each of the events would have waited that were due at every beat, also while none came."""
    found = []
    for before, after in pairwise(beats):
        late = after - before - _BEAT_S
        found.append(max(0.0, late))
        while (late := late - _BEAT_S) > 0:
            found.append(late)
    return found

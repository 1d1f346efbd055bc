"""Measures how soon the engine stops after it was told to."""

from __future__ import annotations

from bench.job import QUESTIONS
from bench.measurements.driver import Driver
from bench.results import Sheet
from desktop_app.engine.messages import Event, Phase, PhaseChanged, Text, Turn


def measure_stops(driver: Driver, question: Turn, reading_s: float, sheet: Sheet, party: str = "ours") -> None:
    """Stop in the midst of each phase, several times; `question` takes `reading_s` seconds to read."""
    seen = {"looking": 0, "writing": 0}

    def looking(event: Event) -> bool:
        return isinstance(event, PhaseChanged) and event.phase is Phase.LOOKING

    def reading(event: Event) -> bool:
        return isinstance(event, PhaseChanged) and event.phase is Phase.READING

    def writing(event: Event) -> bool:
        seen["writing"] += isinstance(event, Text)
        return seen["writing"] > 2

    for number in range(driver.job.repeats):
        with sheet.row(f"{party}.stop_looking_ms.{number}"):
            turn = Turn(QUESTIONS[0], (driver.reference(10 + number),))
            # CLIP takes a few seconds: at different moments of it.
            ms = driver.stop_ms(Phase.LOOKING, [turn], looking, min(0.3 * number, reading_s / 40))
            sheet.put(f"{party}.stop_looking_ms.{number}", ms)
        with sheet.row(f"{party}.stop_reading_ms.{number}"):
            other = Turn(f"{number} {question.text}")  # nothing of it is in the context yet
            ms = driver.stop_ms(Phase.READING, [other], reading, reading_s * 0.1 * (1 + number))
            sheet.put(f"{party}.stop_reading_ms.{number}", ms)
        with sheet.row(f"{party}.stop_writing_ms.{number}"):
            seen["writing"] = 0
            sheet.put(
                f"{party}.stop_writing_ms.{number}",
                driver.stop_ms(Phase.WRITING, [Turn(QUESTIONS[0])], writing, 0.01 * number),
            )

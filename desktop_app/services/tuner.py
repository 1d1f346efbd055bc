"""Measures the fastest settings for the model in use while the computer is idle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from desktop_app.engine.messages import ModelInfo, Tuning
from desktop_app.errors import UserError
from desktop_app.services.engine import Engine

if TYPE_CHECKING:  # imported when there is something to measure, not when the program starts
    from desktop_app.engine.tuning.measurement import Measurement, TuningTarget

_IDLE_MS = 20_000  # without work or input before a measurement begins
_TICK_MS = 1000
_MOST_ATTEMPTS = 3  # measurements that other programs disturbed; then it waits for the next start of the program


class Tuner(QObject):
    """Measures once per computer and model. The result is saved; the engine reads it when it loads the model.

    A measurement begins when the engine and the user have been idle for a while. It is stopped at once when either
    becomes active, and starts again later. `changed()`: the state has changed, or a second has passed.
    `wanted_changed(bool)`: whether user activity must be reported (see `stop_for_user`).
    """

    changed = Signal()
    wanted_changed = Signal(bool)
    _run_ended = Signal(object, object)

    def __init__(
        self,
        engine: Engine,
        make: Callable[[TuningTarget], Measurement] | None = None,
        idle_ms: int = _IDLE_MS,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._make = make
        self._measurement: Measurement | None = None
        self._thread: threading.Thread | None = None
        self._asked_for = False  # by the user
        self._postponed = False
        self._attempts = 0
        self._found: Tuning | None = None  # measured since the model was loaded
        self._problem = ""
        self._wanted = False
        self._ends_at = 0.0
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(idle_ms)
        self._idle.timeout.connect(self._begin_if_idle)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self.changed)
        self._run_ended.connect(self._take_outcome, Qt.ConnectionType.QueuedConnection)
        engine.sent.connect(self._engine_works)
        engine.model_changed.connect(self._model_changed)
        engine.state_changed.connect(self._state_changed)

    # ---- state ---------------------------------------------------------------------------

    def tuning(self) -> Tuning | None:
        """Return the measured settings for the model in use, None if there are none."""
        info = self._engine.info()
        return self._found or (info.tuning if info is not None else None)

    def is_measuring(self) -> bool:
        """Return whether a measurement is running."""
        return self._measurement is not None

    def seconds_left(self) -> int:
        """Return about how many seconds the running measurement still needs, 0 if none is running."""
        return max(1, round(self._ends_at - time.monotonic())) if self.is_measuring() else 0

    def is_planned(self) -> bool:
        """Return whether a measurement will begin when the computer is idle."""
        return self._wanted and not self.is_measuring()

    def problem(self) -> str:
        """Return why the last measurement failed, in the words of `MeasurementFailed`; "" if it did not fail."""
        return self._problem

    # ---- requests by the user ---------------------------------------------------------------

    def measure(self) -> None:
        """Measure now, even if there is a result already; or as soon as the engine is idle."""
        self._postponed, self._problem, self._attempts = False, "", 0
        self._asked_for = not self.is_measuring()
        if not self.is_measuring():
            self._plan()
            if self._engine.is_idle() and self._wanted:
                self._begin()

    def postpone(self) -> None:
        """Do not measure until the program is started again, or `measure` is called."""
        self._postponed = True
        self._asked_for = False
        self._end()
        self._plan()

    def stop_for_user(self) -> None:
        """Stop the measurement because the user is active, unless the user has just asked for it."""
        if self._wanted and not (self._asked_for and self.is_measuring()):
            self._start_over()

    def close(self) -> None:
        """Stop the measurement for good."""
        self._postponed = True
        self._idle.stop()
        self._end()
        if self._thread is not None:
            self._thread.join()

    # ---- beginning and ending ---------------------------------------------------------------

    def _can_measure(self) -> bool:
        info = self._engine.info()
        return info is not None and info.tunable and self._engine.state() == "ready"

    def _plan(self) -> None:
        """Start or stop waiting for the computer to be idle."""
        given_up = self._attempts >= _MOST_ATTEMPTS or self._problem not in ("", "disturbed")
        due = self._asked_for or self.tuning() is None
        wanted = self._can_measure() and due and not self._postponed and not given_up
        if wanted:
            self._idle.start()
        else:
            self._idle.stop()
        if wanted != self._wanted:
            self._wanted = wanted
            self.wanted_changed.emit(wanted)
        self.changed.emit()

    def _begin_if_idle(self) -> None:
        if self._engine.is_idle() and self._wanted:
            self._begin()
        else:
            self._plan()

    def _begin(self) -> None:
        from desktop_app.engine.tuning.measurement import Measurement, TuningTarget, expected_seconds

        info, wanted = self._engine.info(), self._engine.wanted()
        if info is None or wanted is None or self.is_measuring():
            return
        if self._thread is not None:  # a measurement that was stopped ends in a moment
            self._thread.join()
        self._idle.stop()
        model, mmproj, settings = wanted
        self._problem = ""
        self._measurement = (self._make or Measurement)(TuningTarget(model, mmproj, settings, info.plan))
        self._ends_at = time.monotonic() + expected_seconds(_size(model))
        self._thread = threading.Thread(target=self._run, args=(self._measurement,), name="tuning", daemon=True)
        self._thread.start()
        self._tick.start()
        self.changed.emit()

    def _end(self) -> None:
        measurement, self._measurement = self._measurement, None
        self._tick.stop()
        if measurement is not None:
            measurement.stop()

    def _run(self, measurement: Measurement) -> None:
        """On the thread."""
        from desktop_app.engine.tuning.search import MeasurementFailed
        from desktop_app.engine.tuning.trials import MeasurementStopped

        try:
            self._run_ended.emit(measurement, measurement.run().tuning)
        except MeasurementStopped:
            pass
        except MeasurementFailed as error:
            self._run_ended.emit(measurement, str(error))
        except UserError:
            self._run_ended.emit(measurement, "failed")
        except BaseException:
            self._run_ended.emit(measurement, "failed")
            raise  # a bug, for threading.excepthook

    @Slot(object, object)
    def _take_outcome(self, measurement: Measurement, outcome: Tuning | str) -> None:
        if measurement is not self._measurement:
            return  # it was stopped meanwhile
        self._measurement = None
        self._tick.stop()
        if isinstance(outcome, Tuning):
            self._found, self._asked_for = outcome, False
            self._plan()
            self._engine.use_tuning(outcome)
        else:
            self._problem = outcome
            self._attempts += 1
            self._plan()

    # ---- events of the engine ---------------------------------------------------------------

    def _engine_works(self) -> None:
        """Stop for the engine, even if the user has asked for the measurement, which is done later."""
        if self._wanted:
            self._start_over()

    def _model_changed(self, _info: ModelInfo | None) -> None:
        self._end()
        self._found, self._problem, self._attempts, self._asked_for = None, "", 0, False

    def _state_changed(self, _state: str) -> None:
        self._plan()

    def _start_over(self) -> None:
        if self.is_measuring():
            self._end()
            self._plan()
        else:
            self._idle.start()


def _size(model: str) -> int:
    from model_store.split_model import part_name  # not before the window is there

    path = Path(model)
    part = part_name(path.name)
    try:
        return sum(path.with_name(name).stat().st_size for name in (part.all_names if part else (path.name,)))
    except OSError:
        return 0

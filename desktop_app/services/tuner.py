"""Measures the fastest settings for the model in use while the computer is idle, and how fast each quantisation is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from desktop_app import paths
from desktop_app.engine.messages import ModelInfo, Tuning, WeightSpeed
from desktop_app.errors import UserError
from desktop_app.services.engine import Engine

if TYPE_CHECKING:  # imported when there is something to measure, not when the program starts
    from desktop_app.engine.tuning.measurement import Measurement, TuningTarget
    from desktop_app.engine.tuning.search import TuningReport
    from desktop_app.engine.tuning.weight_measurement import WeightMeasurement

_IDLE_MS = 20_000  # without work or input before a measurement begins
_TICK_MS = 1000
_MOST_ATTEMPTS = 3  # measurements that other programs disturbed; then it waits for the next start of the program


@dataclass
class _Run:
    """A measurement on the thread."""

    measurement: Measurement | WeightMeasurement
    work: Callable[[], TuningReport | tuple[WeightSpeed, ...]]
    seconds: float  # about how long it takes
    of_weights: bool = False
    is_shown: bool = True  # not while it looks for a saved result


class Tuner(QObject):
    """Measures once per computer and model. The result is saved; the engine reads it when it loads the model.

    Once per computer, after the model, each quantisation is measured with random weights, for the list of models:
    `weights_found(tuple[WeightSpeed, ...])`. Whoever has a tiny model, for which there is nothing to tune, looks for
    another.

    A measurement begins when the engine and the user have been idle for a while. It is stopped at once when either
    becomes active, and starts again later. `changed()`: the state has changed, or a second has passed.
    `wanted_changed(bool)`: whether user activity must be reported (see `stop_for_user`).
    """

    changed = Signal()
    wanted_changed = Signal(bool)
    weights_found = Signal(object)
    _measuring_begun = Signal(object)
    _run_ended = Signal(object, object)

    def __init__(
        self,
        engine: Engine,
        make: Callable[[TuningTarget], Measurement] | None = None,
        make_weights: Callable[[], WeightMeasurement] | None = None,
        idle_ms: int = _IDLE_MS,
        parent: QObject | None = None,
    ) -> None:
        """`make_weights` None: the quantisations are not measured."""
        super().__init__(parent)
        self._engine = engine
        self._make = make
        self._make_weights = make_weights
        self._current: _Run | None = None
        self._thread: threading.Thread | None = None
        self._asked_for = False  # by the user
        self._postponed = False
        self._attempts = 0
        self._found: Tuning | None = None  # measured since the model was loaded
        self._problem = ""
        self._weights_wanted = make_weights is not None
        self._weights_anew = False  # whether they are measured although there is a result
        self._weights_attempts = 0
        self._weights_problem = ""
        self._wanted = False
        self._ends_at = 0.0
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(idle_ms)
        self._idle.timeout.connect(self._begin_if_idle)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self.changed)
        self._measuring_begun.connect(self._show_begun, Qt.ConnectionType.QueuedConnection)
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
        return self._current is not None and self._current.is_shown

    def seconds_left(self) -> int:
        """Return about how many seconds the running measurement still needs, 0 if none is running."""
        return max(1, round(self._ends_at - time.monotonic())) if self.is_measuring() else 0

    def is_planned(self) -> bool:
        """Return whether a measurement will begin when the computer is idle."""
        return self._wanted and not self.is_measuring()

    def problem(self) -> str:
        """Return why the last measurement failed, in the words of `MeasurementFailed`; "" if it did not fail."""
        return self._problem

    def weights_problem(self) -> str:
        """Return why the quantisations could not be measured, in the words of `MeasurementFailed`; "" if they could."""
        return self._weights_problem

    # ---- requests by the user ---------------------------------------------------------------

    def measure(self) -> None:
        """Measure now, even if there is a result already; or as soon as the engine is idle."""
        self._postponed, self._problem, self._attempts = False, "", 0
        self._weights_problem, self._weights_attempts = "", 0
        self._asked_for = self._current is None
        if self._asked_for and self._make_weights is not None:
            self._weights_wanted = self._weights_anew = True
        if self._current is None:
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
        """Stop the measurement for good, also if the engine works once more before it ends."""
        self._postponed, self._wanted = True, False
        self._idle.stop()
        self._end()
        if self._thread is not None:
            self._thread.join()

    # ---- beginning and ending ---------------------------------------------------------------

    def _model_is_due(self) -> bool:
        info = self._engine.info()
        given_up = self._attempts >= _MOST_ATTEMPTS or self._problem not in ("", "disturbed")
        due = self._asked_for or self.tuning() is None
        return info is not None and info.tunable and due and not given_up

    def _weights_are_due(self) -> bool:
        given_up = self._weights_attempts >= _MOST_ATTEMPTS or self._weights_problem not in ("", "disturbed")
        return self._weights_wanted and not given_up

    def _plan(self) -> None:
        """Start or stop waiting for the computer to be idle."""
        due = self._model_is_due() or self._weights_are_due()
        wanted = self._engine.state() == "ready" and due and not self._postponed
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
        if self._engine.info() is None or self._current is not None:
            return
        if self._thread is not None:  # a measurement that was stopped ends in a moment
            self._thread.join()
        self._idle.stop()
        run = self._model_run() if self._model_is_due() else self._weights_run()
        if run is None:
            return
        self._current = run
        self._ends_at = time.monotonic() + run.seconds
        self._thread = threading.Thread(target=self._work, args=(run,), name="tuning", daemon=True)
        self._thread.start()
        self._tick.start()
        self.changed.emit()

    def _model_run(self) -> _Run | None:
        from desktop_app.engine.tuning.measurement import Measurement, TuningTarget, expected_seconds

        info, wanted = self._engine.info(), self._engine.wanted()
        if info is None or wanted is None:
            return None
        model, mmproj, settings = wanted
        self._problem = ""
        made = (self._make or Measurement)(TuningTarget(model, mmproj, settings, info.plan))
        return _Run(made, made.run, expected_seconds(_size(model)))

    def _weights_run(self) -> _Run | None:
        from desktop_app.engine.tuning.weight_measurement import LIMIT_S

        if self._make_weights is None:
            return None
        self._weights_problem = ""
        made = self._make_weights()
        if self._weights_anew:
            return _Run(made, made.run, LIMIT_S, of_weights=True)

        def hear(_quantisation: str) -> None:
            self._measuring_begun.emit(made)

        return _Run(made, partial(made.find_or_run, hear), LIMIT_S, of_weights=True, is_shown=False)

    def _end(self) -> None:
        run, self._current = self._current, None
        self._tick.stop()
        if run is not None:
            run.measurement.stop()

    def _work(self, run: _Run) -> None:
        """On the thread."""
        from desktop_app.engine.tuning.search import MeasurementFailed
        from desktop_app.engine.tuning.trials import MeasurementStopped

        try:
            self._run_ended.emit(run, run.work())
        except MeasurementStopped:
            pass
        except MeasurementFailed as error:
            self._run_ended.emit(run, str(error))
        except UserError:
            self._run_ended.emit(run, "failed")
        except BaseException:
            self._run_ended.emit(run, "failed")
            raise  # a bug, for threading.excepthook

    @Slot(object)
    def _show_begun(self, measurement: WeightMeasurement) -> None:
        if self._current is not None and self._current.measurement is measurement:
            self._current.is_shown = True
            self.changed.emit()

    @Slot(object, object)
    def _take_outcome(self, run: _Run, outcome: TuningReport | tuple[WeightSpeed, ...] | str) -> None:
        if run is not self._current:
            return  # it was stopped meanwhile
        self._current = None
        self._tick.stop()
        if isinstance(outcome, str):
            self._note_problem(outcome, of_weights=run.of_weights)
            self._plan()
        elif isinstance(outcome, tuple):
            self._weights_wanted = self._weights_anew = self._asked_for = False
            self._plan()
            self.weights_found.emit(outcome)
        else:
            self._found, self._asked_for = outcome.tuning, False
            self._plan()
            self._engine.use_tuning(outcome.tuning)

    def _note_problem(self, problem: str, *, of_weights: bool) -> None:
        if of_weights:
            self._weights_problem = problem
            self._weights_attempts += 1
        else:
            self._problem = problem
            self._attempts += 1

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
        if self._current is not None:
            self._end()
            self._plan()
        else:
            self._idle.start()


def weight_measurement() -> WeightMeasurement:
    """Return a measurement of the quantisations, saved where the engine looks for what was measured."""
    from desktop_app.engine.tuning.weight_measurement import WeightMeasurement  # not before the window is there

    return WeightMeasurement(paths.cache_folder())


def _size(model: str) -> int:
    from model_store.split_model import part_name  # not before the window is there

    path = Path(model)
    part = part_name(path.name)
    try:
        return sum(path.with_name(name).stat().st_size for name in (part.all_names if part else (path.name,)))
    except OSError:
        return 0

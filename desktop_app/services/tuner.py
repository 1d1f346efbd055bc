"""Finds the fastest settings for the model in use, while the computer is idle."""

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
    from desktop_app.engine.tuning.measurement import Measuring, Subject

_IDLE_MS = 20_000  # without work or input, before it measures
_TICK_MS = 1000
_MOST_ATTEMPTS = 3  # that other programs may disturb; then none until the program is started again


class Tuner(QObject):
    """Measures once per computer and model. The result is stored; the engine reads it when it loads the model.

    It begins when the engine and the person have been idle for a while, and ends at once when either
    does something: then it begins anew, later. `changed()`: another state, or a second less to go.
    `wanted_changed(bool)`: whether it matters that the person does something (see `give_way`).
    """

    changed = Signal()
    wanted_changed = Signal(bool)
    _run_ended = Signal(object, object)

    def __init__(
        self,
        engine: Engine,
        make: Callable[[Subject], Measuring] | None = None,
        idle_ms: int = _IDLE_MS,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._make = make
        self._measuring: Measuring | None = None
        self._thread: threading.Thread | None = None
        self._asked_for = False  # the person wants it now
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
        """Return what was measured for the model in use."""
        info = self._engine.info()
        return self._found or (info.tuning if info is not None else None)

    def is_measuring(self) -> bool:
        """Return whether it is being measured."""
        return self._measuring is not None

    def seconds_left(self) -> int:
        """Return about how long it will still take."""
        return max(1, round(self._ends_at - time.monotonic())) if self.is_measuring() else 0

    def is_planned(self) -> bool:
        """Return whether it will be measured when nobody does anything."""
        return self._wanted and not self.is_measuring()

    def problem(self) -> str:
        """Return why the last measurement failed, as `NotMeasured` says; "" if it did not, or if there was none."""
        return self._problem

    # ---- what the person asks ---------------------------------------------------------------

    def measure(self) -> None:
        """Measure now, whatever was measured before; or, if the engine has work, when that is done."""
        self._postponed, self._problem, self._attempts = False, "", 0
        self._asked_for = not self.is_measuring()
        if not self.is_measuring():
            self._plan()
            if self._engine.is_idle() and self._wanted:
                self._begin()

    def postpone(self) -> None:
        """Measure nothing more until the program is started again, or `measure` is called."""
        self._postponed = True
        self._asked_for = False
        self._end()
        self._plan()

    def give_way(self) -> None:
        """End the measurement, since the person does something; unless they have just asked for it."""
        if self._wanted and not (self._asked_for and self.is_measuring()):
            self._start_over()

    def close(self) -> None:
        """End everything."""
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
        """Wait for the computer to be idle again, or no longer."""
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
        from desktop_app.engine.tuning.measurement import Measuring, Subject, expected_seconds

        info, wanted = self._engine.info(), self._engine.wanted()
        if info is None or wanted is None or self.is_measuring():
            return
        if self._thread is not None:  # a measurement that was ended is over in a moment
            self._thread.join()
        self._idle.stop()
        model, mmproj, settings = wanted
        self._problem = ""
        self._measuring = (self._make or Measuring)(Subject(model, mmproj, settings, info.plan))
        self._ends_at = time.monotonic() + expected_seconds(_size(model))
        self._thread = threading.Thread(target=self._run, args=(self._measuring,), name="tuning", daemon=True)
        self._thread.start()
        self._tick.start()
        self.changed.emit()

    def _end(self) -> None:
        measuring, self._measuring = self._measuring, None
        self._tick.stop()
        if measuring is not None:
            measuring.end()

    def _run(self, measuring: Measuring) -> None:
        """On the thread."""
        from desktop_app.engine.tuning.measurement import Ended
        from desktop_app.engine.tuning.search import NotMeasured

        try:
            self._run_ended.emit(measuring, measuring.run().tuning)
        except Ended:
            pass
        except NotMeasured as error:
            self._run_ended.emit(measuring, str(error))
        except UserError:
            self._run_ended.emit(measuring, "failed")
        except BaseException:
            self._run_ended.emit(measuring, "failed")
            raise  # a bug, for threading.excepthook

    @Slot(object, object)
    def _take_outcome(self, measuring: Measuring, outcome: Tuning | str) -> None:
        if measuring is not self._measuring:
            return  # it was ended meanwhile
        self._measuring = None
        self._tick.stop()
        if isinstance(outcome, Tuning):
            self._found, self._asked_for = outcome, False
            self._plan()
            self._engine.use_tuning(outcome)
        else:
            self._problem = outcome
            self._attempts += 1
            self._plan()

    # ---- what the engine does ---------------------------------------------------------------

    def _engine_works(self) -> None:
        """Give way to the engine, also when the person has asked for the measurement: that is done later."""
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
    try:
        return Path(model).stat().st_size
    except OSError:
        return 0

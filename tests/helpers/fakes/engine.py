"""A fake engine in the state that a test wants, and a fake tuner."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from desktop_app.engine.messages import Died, ModelInfo, Tuning
from desktop_app.errors import UserError
from desktop_app.services.engine import State
from desktop_app.services.notices import Notices
from tests.helpers.fakes import Call

DEMO = ModelInfo("Eyebright tiny", "/m/tiny.gguf", "/m/mmproj.gguf", 1024, "llava-1.5", True, 64, "corrected", 2)
LLAVA = ModelInfo(
    "llava-v1.5-7b-Q4_K_M", "/m/llava.gguf", "/m/mmproj.gguf", 4096, "llava-1.5", False, 576, "corrected", 2
)


class FakeEngine(QObject):
    state_changed = Signal(str)
    model_changed = Signal(object)

    def __init__(self, calls: list[Call], notices: Notices) -> None:
        super().__init__()
        self.calls = calls
        self.now: State = "ready"
        self.model: ModelInfo | None = DEMO
        self.why: UserError | None = None
        self.wanted = ""
        self.ends: list[Died] = []
        self.memory = 142 * 1024 * 1024
        notices.register("restart-engine", self.restart)
        notices.register("load-again", self.load_again)

    def state(self) -> State:
        return self.now

    def info(self) -> ModelInfo | None:
        return self.model

    def memory_bytes(self) -> int:
        return self.memory

    def problem(self) -> UserError | None:
        return self.why

    def deaths(self) -> tuple[Died, ...]:
        return tuple(self.ends)

    def wanted_name(self) -> str:
        return self.wanted

    def restart(self) -> None:
        self.calls.append(("restart",))

    def load_again(self) -> None:
        self.calls.append(("load_again",))

    # ---- what the test says ----------------------------------------------------------------

    def become(self, state: State, model: ModelInfo | None) -> None:
        self.model = model
        self.model_changed.emit(model)
        self.set_state(state)

    def set_state(self, state: State) -> None:
        self.now = state
        self.state_changed.emit(state)


class FakeTuner(QObject):
    """Measures when it is told to, and finds what the test says."""

    changed = Signal()
    wanted_changed = Signal(bool)

    def __init__(self, calls: list[Call]) -> None:
        super().__init__()
        self.calls = calls
        self.found: Tuning | None = None
        self.left = 0
        self.planned = False
        self.why = ""
        self.weights_why = ""

    def tuning(self) -> Tuning | None:
        return self.found

    def is_measuring(self) -> bool:
        return self.left > 0

    def seconds_left(self) -> int:
        return self.left

    def is_planned(self) -> bool:
        return self.planned

    def problem(self) -> str:
        return self.why

    def weights_problem(self) -> str:
        return self.weights_why

    def measure(self) -> None:
        self.calls.append(("measure",))
        self.become(left=40)

    def postpone(self) -> None:
        self.calls.append(("postpone",))
        self.become()

    def stop_for_user(self) -> None:
        self.calls.append(("stop_for_user",))

    def become(self, left: int = 0, planned: bool = False, why: str = "", found: Tuning | None = None) -> None:
        self.left, self.planned, self.why, self.found = left, planned, why, found or self.found
        self.changed.emit()

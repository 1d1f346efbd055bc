"""Whether installed models fit into this computer's memory, estimated from their files' headers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from desktop_app.engine.planning.memory_budget import find_memory_budget
from desktop_app.engine.weights.model_files import check_files
from desktop_app.errors import UserError
from desktop_app.memory_fit import MemoryFit, fit_of_files
from model_store.library.installed import InstalledModel

#: Path, size and modification time of each file. If they change, the headers are read again.
_Key = tuple[tuple[str, int, int], ...]


class InstalledFit:
    """Reads the headers of models, each only once, since that takes a tenth of a second. For use on one thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, _Key], MemoryFit | UserError] = {}

    def of(self, models: Iterable[InstalledModel]) -> dict[str, MemoryFit | UserError]:
        """Return, by id of each model with complete files, whether it fits, or why it cannot be loaded."""
        budget, found = find_memory_budget(), {}
        for model in models:
            key = _key(model)
            if model.wrong_files or key is None:
                continue
            known_by = budget.usable, key
            if known_by not in self._known:
                try:
                    self._known[known_by] = fit_of_files(check_files(model.model, model.projector), budget)
                except UserError as error:
                    self._known[known_by] = error
            found[model.id] = self._known[known_by]
        return found


def _key(model: InstalledModel) -> _Key | None:
    try:
        return tuple(_state_of(file.path) for file in model.files)
    except OSError:  # deleted since it was listed
        return None


def _state_of(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns

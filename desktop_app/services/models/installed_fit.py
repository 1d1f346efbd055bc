"""Whether what is installed fits this computer: the planner's word, from the files' headers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from desktop_app.engine.planning.memory_budget import find_memory_budget
from desktop_app.engine.weights.model_files import check_files
from desktop_app.errors import UserError
from desktop_app.memory_fit import MemoryFit, fit_of_files
from model_store.library.installed import InstalledModel

#: How a file is told from what it was: its name, its size and its time of change.
_Key = tuple[tuple[str, int, int], ...]


class InstalledFit:
    """Reads headers, which takes a tenth of a second each, and each only once. For one thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, _Key], MemoryFit | UserError] = {}

    def of(self, models: Iterable[InstalledModel]) -> dict[str, MemoryFit | UserError]:
        """Return for each model whose files are there its light, or why it cannot be loaded; by id."""
        budget, found = find_memory_budget(), {}
        for model in models:
            key = _key(model)
            if model.wrong_files or key is None:
                continue
            place = budget.usable, key
            if place not in self._known:
                try:
                    self._known[place] = fit_of_files(check_files(model.model, model.projector), budget)
                except UserError as error:
                    self._known[place] = error
            found[model.id] = self._known[place]
        return found


def _key(model: InstalledModel) -> _Key | None:
    try:
        return tuple(_told(file.path) for file in model.files)
    except OSError:  # gone since it was listed
        return None


def _told(path: Path) -> tuple[str, int, int]:
    about = path.stat()
    return str(path), about.st_size, about.st_mtime_ns

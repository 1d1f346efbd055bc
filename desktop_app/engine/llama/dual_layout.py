"""The weights of a language model in two layouts at once: one to read with, and one to write with.

llama.cpp has two ways to multiply by the blocks of a quantised matrix. As the file has them, many tokens are read
soonest; repacked for the processor, a single one is written soonest. It takes either when a model is loaded. So the
file is loaded a second time, repacked; what was not repacked is the file's own pages again, which takes no memory.
Before each evaluation the weights of the first model, of which all graphs are made, are told where to look: three
fields of `struct ggml_tensor`, by which llama.cpp decides how to multiply.

The tensors are found in the graph of a token, which is not computed. Whatever does not read as expected stays as it is.

All of this is behind `DualLayout`: a plan says whether it is wanted, a model tells it how many tokens come, and a
session lets it be made when there is time.
"""

from __future__ import annotations

import ctypes
import logging
import mmap
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop_app.engine.interrupt import Interrupted
from desktop_app.engine.llama.backend import last_errors, prepare
from desktop_app.engine.llama.bindings import ModelPointer, llama
from desktop_app.engine.llama.ggml_tensor import Tensor, is_sane
from desktop_app.engine.messages import LoadPlan
from desktop_app.engine.planning.memory_budget import find_memory_budget, own_memory
from desktop_app.engine.planning.memory_estimate import WINDOW_BASE
from desktop_app.engine.planning.process_memory import reset_peak_memory

_log = logging.getLogger(__name__)
#: Up to so many tokens are evaluated soonest with repacked weights: 2 to 8 tokens 1.2 x, 12 to 17 the same, 32 at
#: 0.75 x (AMD EPYC, Zen 4).
_FEW = 8
_CONTEXT = 32  # tokens of the contexts whose graphs are looked at
_DONT_NEED = 4  # MADV_DONTNEED

_Place = tuple[int | None, int | None, int | None]  # buffer, data, extra


class DualLayout:
    """The second layout of the weights of one model: made when there is time, and used where it is the faster one."""

    def __init__(self, file: Path, model: ModelPointer, plan: LoadPlan) -> None:
        """`model`: as it was just loaded from `file` as `plan` says."""
        self._file, self._file_identity = file, _which_file(file)
        self._model = model
        self._needed = plan.needed
        self._weights: RepackedWeights | None = None
        self._wanted = plan.dual_layout and prepare().readable

    @property
    def wanted(self) -> bool:
        """Return whether the second layout is to be made, and was not tried yet."""
        return self._wanted

    def make(self, stop: Callable[[], bool]) -> bool:
        """Repack the weights beside the usual ones, if that is wanted; return whether it was done now.

        It takes seconds. Raises `Interrupted` soon after `stop` says so; then it is still wanted, as it is while other
        programs hold the memory for it.
        """
        if not self._wanted or self._needed > find_memory_budget(held=own_memory() + WINDOW_BASE).free:
            return False
        self._wanted = False
        if _which_file(self._file) != self._file_identity:
            _log.warning("the weights cannot be repacked: their file is gone, or another")
            return False
        try:
            weights = RepackedWeights(self._file, self._model, stop)
        except Interrupted:
            self._wanted = True
            raise
        except MemoryError as error:
            _log.warning("%s: %s", error, last_errors())
            return False
        if not len(weights):  # this processor has no layout of its own for these weights
            weights.close()
            return False
        self._weights = weights
        return True

    def choose(self, tokens: int) -> None:
        """Have the next evaluation, of so many tokens, use the faster layout."""
        if self._weights is not None:
            self._weights.use(repacked=tokens <= _FEW)

    def close(self) -> None:
        """Free the second layout, before the model."""
        self._wanted = False
        if self._weights is not None:
            self._weights.close()
            self._weights = None


class RepackedWeights:
    """A model's repacked weights, which `use` puts in the place of the usual ones and back."""

    def __init__(self, file: Path, model: ModelPointer, stop: Callable[[], bool]) -> None:
        """Load `file` once more. `model`: as loaded from `file`, mapped and not repacked.

        Raises `Interrupted` soon after `stop` says so, and `MemoryError` if it cannot be loaded.
        """
        self._weights: list[tuple[Any, _Place, _Place]] = []  # of `model`: a tensor, and where it may look
        self._in_use = False  # whether they are in the place of the usual ones
        parameters = llama.llama_model_default_params()
        parameters.n_gpu_layers = 0
        parameters.load_mode = llama.LLAMA_LOAD_MODE_MMAP
        parameters.use_extra_bufts = True
        goes_on = llama.llama_progress_callback(lambda _share, _data: not stop())
        parameters.progress_callback = goes_on
        self._model = llama.llama_model_load_from_file(os.fsencode(file), parameters)
        if not self._model:
            if stop():
                raise Interrupted
            raise MemoryError("the weights cannot be repacked")
        try:
            usual, repacked = self._tensors(model), self._tensors(self._model)
            self._weights = [
                (tensor, _place(tensor), _place(repacked[name]))
                for name, tensor in usual.items()
                if name in repacked and _is_repacked(tensor, repacked[name])
            ]
            _let_go([tensor for tensor in repacked.values() if not tensor.extra])
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """Return how many matrices there are in both layouts."""
        return len(self._weights)

    def use(self, *, repacked: bool) -> None:
        """Let the next evaluation use the repacked weights, or the usual ones."""
        if repacked == self._in_use:
            return
        self._in_use = repacked
        for tensor, *places in self._weights:
            tensor.buffer, tensor.data, tensor.extra = places[repacked]

    def close(self) -> None:
        """Have the usual weights used from now on, and free the others."""
        self.use(repacked=False)
        self._weights = []
        if self._model:
            llama.llama_model_free(self._model)
            self._model = ModelPointer(0)

    def _tensors(self, model: ModelPointer) -> dict[bytes, Any]:
        """Return the weights by which the graph of a token multiplies, by name.

        All nodes are asked for before the first is computed, and after that one it is over.
        """
        found: dict[bytes, Any] = {}

        def look(node: Any, _ask: bool, _data: object) -> bool:
            for source in Tensor.from_address(ctypes.cast(node, ctypes.c_void_p).value or 0).src[:2]:
                if source and is_sane(source.contents) and source.contents.name.endswith(b".weight"):
                    # Not the contents of a pointer that lies in the graph, which is gone soon.
                    found[source.contents.name] = Tensor.from_address(ctypes.addressof(source.contents))
            return False

        watched, enough = llama.ggml_backend_sched_eval_callback(look), llama.ggml_abort_callback(lambda _data: True)
        parameters = llama.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = _CONTEXT
        parameters.no_perf = True
        parameters.cb_eval = watched
        context = llama.llama_init_from_model(model, parameters)
        if not context:
            raise MemoryError("no graph can be looked at")
        try:
            llama.llama_set_abort_callback(context, enough, None)
            token = (ctypes.c_int32 * 1)(0)
            llama.llama_decode(context, llama.llama_batch_get_one(token, 1))  # it fails: what was seen is wanted
        finally:
            llama.llama_free(context)
        return found


def _place(tensor: Any) -> _Place:
    return tensor.buffer, tensor.data, tensor.extra


def _is_repacked(usual: Any, other: Any) -> bool:
    """Return whether `other` is the matrix `usual`, repacked."""
    return (
        usual.type == other.type
        and list(usual.ne) == list(other.ne)
        and list(usual.nb) == list(other.nb)
        and all(_place(usual)[:2])
        and all(_place(other))
        and not usual.extra
    )


def _let_go(mapped: list[Any]) -> None:
    """Take pages of the file out of the process that it has mapped twice and looks at no more.

    They are there once, but counted twice in what the process holds, and has held at most.
    """
    if sys.platform != "linux" or not mapped:
        return
    first = min(tensor.data for tensor in mapped) // mmap.PAGESIZE * mmap.PAGESIZE
    end = max(tensor.data for tensor in mapped)
    library = ctypes.CDLL(None)
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    library.madvise(first, end - first, _DONT_NEED)  # advice: whether it is taken does not matter
    reset_peak_memory()


def _which_file(path: Path) -> tuple[int, ...]:
    """Return what tells a file from one that has taken its place, nothing where there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

"""Keeps the weights of a language model in memory in two layouts: one for prompt processing, one for token generation.

llama.cpp can multiply by quantised matrices in two layouts. With that of the file, prompts are processed fastest.
Repacked for the processor, single tokens are generated fastest. llama.cpp supports only one of them for each loaded
model. So the file is loaded a second time, with repacked weights. Tensors that are not repacked are memory-mapped from
the same file again, which needs no memory. Before each evaluation the weights of the first model, which all graphs use,
are switched to one of the layouts: this sets three fields of each `struct ggml_tensor`.

The tensors are found in the graph for one token, which is not computed. Tensors that are not as expected stay as they
are.

Other modules use only `DualLayout`: a plan says whether it is wanted, the model says how many tokens come, and the
session makes it when the engine is idle.
"""

from __future__ import annotations

import ctypes
import logging
import mmap
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
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
#: Up to this number of tokens repacked weights are faster: with 2 to 8 tokens 1.2 times as fast, with 12 to 17 the
#: same, with 32 only 0.75 times (AMD EPYC, Zen 4).
_FEW = 8
_CONTEXT = 32  # tokens of the contexts that are made to find the tensors
_DONT_NEED = 4  # MADV_DONTNEED

_Location = tuple[int | None, int | None, int | None]  # buffer, data, extra


class DualLayout:
    """The second layout of the weights of one model: made when the engine is idle, and used when it is faster."""

    def __init__(self, files: Sequence[Path], model: ModelPointer, plan: LoadPlan) -> None:
        """`model` was just loaded from `files`, of which llama.cpp is given the first, as `plan` says."""
        self._files, self._identities = files, [_identify(file) for file in files]
        self._model = model
        self._needed = plan.needed
        self._weights: RepackedWeights | None = None
        self._wanted = plan.dual_layout and prepare().readable

    @property
    def wanted(self) -> bool:
        """Return whether the second layout is wanted, but has not been made yet."""
        return self._wanted

    def make(self, stop: Callable[[], bool]) -> bool:
        """Make a repacked copy of the weights, if that is wanted; return whether it was made now.

        This takes seconds. Raises `Interrupted` soon after `stop` returns true. Then the copy is still wanted, as it is
        if other programs use too much memory now.
        """
        if not self._wanted or self._needed > find_memory_budget(held=own_memory() + WINDOW_BASE).free:
            return False
        self._wanted = False
        if [_identify(file) for file in self._files] != self._identities:
            _log.warning("the weights cannot be repacked: their file was moved or changed")
            return False
        try:
            weights = RepackedWeights(self._files[0], self._model, stop)
        except Interrupted:
            self._wanted = True
            raise
        except MemoryError as error:
            _log.warning("%s: %s", error, last_errors())
            return False
        if not len(weights):  # llama.cpp does not repack these weights for this processor
            weights.close()
            return False
        self._weights = weights
        return True

    def choose(self, tokens: int) -> None:
        """Select the faster layout for the next evaluation, which has `tokens` tokens."""
        if self._weights is not None:
            self._weights.use(repacked=tokens <= _FEW)

    def close(self) -> None:
        """Free the second layout, before the model."""
        self._wanted = False
        if self._weights is not None:
            self._weights.close()
            self._weights = None


class RepackedWeights:
    """The repacked copy of a model's weights; `use` switches between it and the original weights."""

    def __init__(self, file: Path, model: ModelPointer, stop: Callable[[], bool]) -> None:
        """Load `file` a second time. `model` was loaded from `file`, memory-mapped and not repacked.

        Raises `Interrupted` soon after `stop` returns true, and `MemoryError` if the file cannot be loaded.
        """
        self._weights: list[tuple[Any, _Location, _Location]] = []  # tensors of `model`, and their two locations
        self._in_use = False  # whether the repacked weights are selected
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
                (tensor, _location(tensor), _location(repacked[name]))
                for name, tensor in usual.items()
                if name in repacked and _is_repacked(tensor, repacked[name])
            ]
            _release_mapped_pages([tensor for tensor in repacked.values() if not tensor.extra])
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """Return how many matrices there are in both layouts."""
        return len(self._weights)

    def use(self, *, repacked: bool) -> None:
        """Select the repacked or the original weights for the next evaluation."""
        if repacked == self._in_use:
            return
        self._in_use = repacked
        for tensor, *places in self._weights:
            tensor.buffer, tensor.data, tensor.extra = places[repacked]

    def close(self) -> None:
        """Select the original weights, and free the repacked ones."""
        self.use(repacked=False)
        self._weights = []
        if self._model:
            llama.llama_model_free(self._model)
            self._model = ModelPointer(0)

    def _tensors(self, model: ModelPointer) -> dict[bytes, Any]:
        """Return the weight tensors in the graph for one token, by name.

        The callback gets all nodes before the first one is computed; then the graph is aborted.
        """
        found: dict[bytes, Any] = {}

        def collect(node: Any, _ask: bool, _data: object) -> bool:
            for source in Tensor.from_address(ctypes.cast(node, ctypes.c_void_p).value or 0).src[:2]:
                if source and is_sane(source.contents) and source.contents.name.endswith(b".weight"):
                    # Not `source.contents` itself: it refers to a pointer in the graph, which is freed soon.
                    found[source.contents.name] = Tensor.from_address(ctypes.addressof(source.contents))
            return False

        watched, enough = llama.ggml_backend_sched_eval_callback(collect), llama.ggml_abort_callback(lambda _data: True)
        parameters = llama.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = _CONTEXT
        parameters.no_perf = True
        parameters.cb_eval = watched
        context = llama.llama_init_from_model(model, parameters)
        if not context:
            raise MemoryError("no context can be made to find the weights")
        try:
            llama.llama_set_abort_callback(context, enough, None)
            token = (ctypes.c_int32 * 1)(0)
            llama.llama_decode(context, llama.llama_batch_get_one(token, 1))  # it is aborted as intended
        finally:
            llama.llama_free(context)
        return found


def _location(tensor: Any) -> _Location:
    return tensor.buffer, tensor.data, tensor.extra


def _is_repacked(usual: Any, other: Any) -> bool:
    """Return whether `other` is a repacked copy of the matrix `usual`."""
    return (
        usual.type == other.type
        and list(usual.ne) == list(other.ne)
        and list(usual.nb) == list(other.nb)
        and all(_location(usual)[:2])
        and all(_location(other))
        and not usual.extra
    )


def _release_mapped_pages(mapped: list[Any]) -> None:
    """Remove pages from the process that are mapped twice and not used any more.

    They are in memory once, but count twice in the memory and the peak memory of the process.
    """
    if sys.platform != "linux" or not mapped:
        return
    library = ctypes.CDLL(None)
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    files = defaultdict(list)  # one buffer for each; between those of a split model lies memory of others
    for tensor in mapped:
        files[tensor.buffer].append(tensor.data)
    for places in files.values():
        first = min(places) // mmap.PAGESIZE * mmap.PAGESIZE
        library.madvise(first, max(places) - first, _DONT_NEED)  # only advice: a failure does not matter
    reset_peak_memory()


def _identify(path: Path) -> tuple[int, ...]:
    """Return values that change when a file is replaced or changed; () if it does not exist."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

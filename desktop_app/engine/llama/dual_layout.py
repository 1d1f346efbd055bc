"""The weights of a language model in two layouts at once: one to read with, and one to write with.

llama.cpp has two ways to multiply by the blocks of a quantised matrix. As the file has them, many tokens are read
soonest; laid out anew for the processor ("repacked"), a single one is written soonest. It takes either when a model is
loaded. So the file is loaded a second time, laid out anew; what was not laid out anew is the file's own pages again,
which takes no memory. Before each evaluation the weights of the first model, of which all graphs are made, are told
where to look: three fields of `struct ggml_tensor`, by which llama.cpp decides how to multiply.

The tensors are found in the graph of a token, which is not computed. Whatever does not read as expected stays as it is.
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
from desktop_app.engine.llama.bindings import ModelPointer, llama
from desktop_app.engine.llama.ggml_tensor import Tensor, is_sane
from desktop_app.engine.planning.process_memory import count_peak_anew

_log = logging.getLogger(__name__)
_CONTEXT = 32  # tokens of the contexts whose graphs are looked at
_DONT_NEED = 4  # MADV_DONTNEED

_Place = tuple[int | None, int | None, int | None]  # buffer, data, extra


class RepackedWeights:
    """A model's weights laid out anew, which `use` puts in the place of the usual ones and back."""

    def __init__(self, file: Path, model: ModelPointer, stop: Callable[[], bool]) -> None:
        """Load `file` once more. `model`: as loaded from `file`, mapped and not repacked.

        Raises `Interrupted` soon after `stop` says so, and `MemoryError` if it cannot be loaded.
        """
        self._weights: list[tuple[Any, _Place, _Place]] = []  # of `model`: a tensor, and where it may look
        self._anew = False
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
            raise MemoryError("the weights cannot be laid out anew")
        try:
            usual, anew = self._tensors(model), self._tensors(self._model)
            self._weights = [
                (tensor, _place(tensor), _place(anew[name]))
                for name, tensor in usual.items()
                if name in anew and _is_the_same_anew(tensor, anew[name])
            ]
            _let_go([tensor for tensor in anew.values() if not tensor.extra])
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """Return how many matrices there are in both layouts."""
        return len(self._weights)

    def use(self, *, anew: bool) -> None:
        """Let the next evaluation use the weights that were laid out anew, or the usual ones."""
        if anew == self._anew:
            return
        self._anew = anew
        for tensor, *places in self._weights:
            tensor.buffer, tensor.data, tensor.extra = places[anew]

    def close(self) -> None:
        """Have the usual weights used from now on, and free the others."""
        self.use(anew=False)
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


def _is_the_same_anew(usual: Any, anew: Any) -> bool:
    """Return whether `anew` is the matrix `usual`, laid out anew."""
    return (
        usual.type == anew.type
        and list(usual.ne) == list(anew.ne)
        and list(usual.nb) == list(anew.nb)
        and all(_place(usual)[:2])
        and all(_place(anew))
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
    count_peak_anew()

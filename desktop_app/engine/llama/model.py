"""Loads a language model and its projector into llama.cpp, and evaluates tokens and pictures.

This module knows nothing of conversations: `session.py` decides what to evaluate, and `kv_cache.py` keeps track of what
is in the KV cache.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama.aside import Aside, log_probability
from desktop_app.engine.llama.backend import forget_problems, last_errors, last_warnings, prepare
from desktop_app.engine.llama.batch import RowBatch, TokenBatch
from desktop_app.engine.llama.bindings import ContextPointer, ModelPointer, llama
from desktop_app.engine.llama.class_token_fix import ClassToken
from desktop_app.engine.llama.dual_layout import DualLayout
from desktop_app.engine.llama.kv_cache import Block, Place, Places
from desktop_app.engine.llama.kv_state import Kind, kind_of, kv_state, sequences
from desktop_app.engine.llama.kv_swap import swap_out
from desktop_app.engine.llama.mtmd import LoadedProjector
from desktop_app.engine.llama.sampler import Sampler
from desktop_app.engine.llama.vocabulary import Vocabulary, pre_tokenizer_override
from desktop_app.engine.messages import EngineSettings, LoadPlan, Sampling
from desktop_app.engine.planning.cpu_cores import threads_for
from desktop_app.engine.planning.memory_estimate import Shape
from desktop_app.engine.planning.memory_plan import plan_load
from desktop_app.engine.weights.model_files import ModelFiles
from desktop_app.errors import UserError
from desktop_app.paths import cache_folder

_log = logging.getLogger(__name__)
NOTICED_S = 0.08  # seconds: a stop that takes longer is noticed
_ABORTED = 2  # what llama_decode returns
_MIXED = 64  # values of a key, see `can_move`
# On a CPU flash attention slows down token generation as the conversation grows, but q8_0 needs it.
_KV_TYPES = {"f16": llama.GGML_TYPE_F16, "q8_0": llama.GGML_TYPE_Q8_0}
_FLASH_ATTENTION = {False: llama.LLAMA_FLASH_ATTN_TYPE_DISABLED, True: llama.LLAMA_FLASH_ATTN_TYPE_ENABLED}


class Model:
    """A loaded model and projector. All calls must be on one thread; `interrupt` is set from others.

    All methods that compute raise `Interrupted` when `interrupt.now` is set. Then the KV cache has nothing of that
    call; what it had before is unchanged.
    """

    def __init__(
        self, files: ModelFiles, settings: EngineSettings, interrupt: Interrupt, plan: LoadPlan | None = None
    ) -> None:
        """Load as planned; `plan` None: as `settings` say, without a memory limit.

        Raises `UserError` (model-damaged, model-unsupported, out-of-memory, projector-damaged).
        """
        prepare()
        forget_problems()
        self.files = files
        self.plan = plan or plan_load(files, settings)
        usual = threads_for(files.header.file_size)
        self.reading_threads = self.plan.reading_threads or usual
        self.writing_threads = self.plan.writing_threads or usual
        self.batch = self.plan.n_ubatch  # tokens evaluated in one go
        self._interrupt = interrupt
        self._model = ModelPointer(0)
        self._context = ContextPointer(0)
        self._asks_after_nodes = False
        self._cell_s = 0.0  # how long the last single cell took
        self._projector: LoadedProjector | None = None
        self._image_tokens, self._class_token = 0, ClassToken.NONE
        self._swap_folder = Path(settings.cache_folder or cache_folder()) / "contexts"
        self._batches: list[TokenBatch | RowBatch] = []
        try:
            self._load_language_model(self.plan)
            if not self.plan.keeps_projector:  # only to check it, while there is memory
                self._load_projector()
                self._free_projector()
            self._open_context()
            self.kv = kv_state(self._model, self._context, self._parameters)
            self._tokens = TokenBatch(self._most)
            self._batches.append(self._tokens)
            self._rows = RowBatch(self._most, self.width, mrope=_has_mrope(self._model))
            self._batches.append(self._rows)
            if self.plan.keeps_projector:
                self._load_projector()
            self.warnings = last_warnings()
        except BaseException:
            self.close()
            raise

    def _load_language_model(self, plan: LoadPlan) -> None:
        parameters = llama.llama_model_default_params()
        parameters.n_gpu_layers = 0
        parameters.load_mode = llama.LLAMA_LOAD_MODE_MMAP if plan.mapped else llama.LLAMA_LOAD_MODE_NONE
        parameters.lazy_mode = llama.LLAMA_LAZY_MODE_ON  # for weights of which a token only looks up a row
        parameters.use_extra_bufts = plan.repacked and not plan.dual_layout
        overrides = pre_tokenizer_override(self.files.missing_pre_tokenizer)
        parameters.kv_overrides = overrides
        self._model = llama.llama_model_load_from_file(os.fsencode(self.files.model), parameters)
        if not self._model:
            raise _load_error(self.files)
        self.dual_layout = DualLayout(self.files.weights, self._model, plan)
        self.vocabulary = Vocabulary(llama.llama_model_get_vocab(self._model))
        self.width = llama.llama_model_n_embd_inp(self._model)  # of a row: wider than the model if it has taps

    def _open_context(self) -> ContextPointer:
        plan = self.plan
        parameters = llama.llama_context_default_params()
        parameters.n_ctx = plan.n_ctx
        parameters.type_k = parameters.type_v = _KV_TYPES[plan.kv_type]
        parameters.flash_attn_type = _FLASH_ATTENTION[plan.flash_attention]
        self._most = max(self.batch, self.files.projector.min_batch if self.files.projector is not None else 0)
        parameters.n_batch = parameters.n_ubatch = self._most
        parameters.n_seq_max, parameters.kv_unified = sequences(kind_of(self._model)), True
        parameters.n_threads, parameters.n_threads_batch = self.writing_threads, self.reading_threads
        parameters.no_perf = True
        self._context = llama.llama_init_from_model(self._model, parameters)
        if not self._context:
            raise UserError("out-of-memory", name=self.files.title)
        self.n_ctx = llama.llama_n_ctx(self._context)
        self._memory = llama.llama_get_memory(self._context)
        self._parameters = parameters
        self._let_stop(stoppable=True)
        return self._context

    def _load_projector(self) -> None:
        if self.files.projector is not None:
            threads, most = self.reading_threads, self.plan.n_ctx // 2
            loaded = LoadedProjector(self.files.projector, self._model, threads, self._interrupt, most)
            self._projector, self._image_tokens = loaded, loaded.image_tokens

    def _free_projector(self) -> None:
        if self._projector is not None:
            self._class_token = self._projector.class_token
            self._projector.close()
            self._projector = None

    def close(self) -> None:
        """Free everything; further calls do nothing."""
        self._free_projector()
        if self._model:
            self.dual_layout.close()
        for batch in self._batches:
            batch.close()
        self._batches.clear()
        self._close_context()
        if self._model:
            llama.llama_model_free(self._model)
            self._model = ModelPointer(0)

    def _close_context(self) -> None:
        if self._context:
            llama.llama_free(self._context)
            self._context = ContextPointer(0)

    @property
    def is_open(self) -> bool:
        """Return whether there is a context: not if there was no memory for it after a picture was encoded."""
        return bool(self._context)

    def reopen(self) -> None:
        """Have an empty context if there is none. Raises `UserError` (out-of-memory)."""
        if not self._context:
            self.kv.use(self._open_context())

    # ---- pictures --------------------------------------------------------------------------

    @property
    def image_tokens(self) -> int:
        """Return how many tokens a picture takes, 0 without a projector."""
        return self._image_tokens

    @property
    def class_token(self) -> ClassToken:
        """Return whether the order of the class token is right, as in training."""
        return self._projector.class_token if self._projector is not None else self._class_token

    @contextmanager
    def projector_loaded(self) -> Iterator[None]:
        """Have the projector loaded inside the `with` block; if it is not kept, in place of the KV cache."""
        if self._projector is not None or self.files.projector is None:
            yield
            return
        kept = self.kv if self.kv.kind is not Kind.WINDOWED else None
        with swap_out(kept, self._swap_folder, self._close_context, self._open_context):
            self._load_projector()
            try:
                yield
            finally:
                self._free_projector()

    @property
    def projector(self) -> LoadedProjector:
        """Return the loaded projector."""
        if self._projector is None:
            raise RuntimeError("no projector is loaded")
        return self._projector

    def encode(self, rgb: bytes) -> Embedding:
        """Encode a square picture of the projector's side (RGB, row by row) into image tokens."""
        return self.projector.encode(rgb)

    def encode_sized(self, rgb: bytes, width: int, height: int) -> Embedding:
        """Encode a picture of any size in whole patches, if the projector supports that."""
        return self.projector.encode_sized(rgb, width, height)

    def encode_piece(self, rgb: bytes, width: int, height: int) -> Embedding:
        """Encode a picture of a size that mtmd leaves as it is."""
        return self.projector.encode_piece(rgb, width, height)

    @property
    def trained_context(self) -> int:
        """Return how many positions the decoder was trained for, 0 if the file does not say."""
        return self.files.header.integer(f"{self.files.header.architecture}.context_length") or 0

    @property
    def can_move(self) -> bool:
        """Return whether rows can be moved to other positions when they were read: see `KVState.move`.

        Where positions also scale the keys (YaRN), llama.cpp would scale them once more. Quantised keys it turns only
        where it also mixes their values, which it does in blocks of 64; others crash it.
        """
        header = self.files.header
        scaling = f"{header.architecture}.rope.scaling"
        scales = header.text(f"{scaling}.type") == "yarn" or header.metadata.get(f"{scaling}.attn_factor", 1) != 1
        plain = self.plan.kv_type == "f16" or all(size % _MIXED == 0 for size in Shape.of(header).head_sizes)
        return self.kv.can_move and plain and not scales

    # ---- evaluating ------------------------------------------------------------------------

    def use_threads(self, reading: int, writing: int) -> None:
        """Evaluate with other numbers of threads from now on; encoding pictures does not change."""
        llama.llama_set_n_threads(self._context, writing, reading)
        self.reading_threads, self.writing_threads = reading, writing

    def ask_after_nodes(self, stop: Callable[[], bool]) -> None:
        """Call `stop` after each node of a graph: true ends the graph. The interrupt has no effect from now on."""
        self._asks_after_nodes = True
        self._abort = llama.ggml_abort_callback(lambda _data: stop())
        llama.llama_set_abort_callback(self._context, self._abort, None)

    def _let_stop(self, *, stoppable: bool) -> None:
        """Have llama.cpp ask whether to stop, or not."""
        if stoppable:
            ask, argument = llama.ggml_abort_callback(self._interrupt.c_function), self._interrupt.c_argument
        else:
            ask, argument = llama.ggml_abort_callback(0), None
        llama.llama_set_abort_callback(self._context, ask, argument)

    def _prepare_stop(self, cells: int, position: int) -> None:
        """Prepare for the case that a batch is stopped.

        A recurrent state is lost then, so it is kept before. A single cell is not stopped, unless it takes so long that
        a person would notice: then keeping the state, too, takes little beside it.
        """
        if self.kv.kind is not Kind.RECURRENT:
            return
        stoppable = cells > 1 or self._cell_s > NOTICED_S
        if stoppable:
            self.kv.take_before_batch(position)
        if not self._asks_after_nodes:
            self._let_stop(stoppable=stoppable)

    def read_tokens(self, tokens: Sequence[int], position: int, *, logits: bool) -> None:
        """Evaluate at most `batch` tokens at `position`; `logits`: whether to compute those of the last one."""
        self._tokens.fill(tokens, position, logits=logits)
        self._prepare_stop(len(tokens), position)
        self._evaluate(self._tokens, position)

    def read_rows(self, rows: Embedding, position: int, *, logits: bool) -> None:
        """Evaluate at most `batch` rows of an embedding at `position`."""
        self._rows.fill(rows, position, logits=logits)
        self._prepare_stop(len(rows), position)
        self._evaluate(self._rows, position)

    def read_block(
        self, rows: Embedding, position: int, block: Block, places: Places | None = None, *, logits: bool
    ) -> None:
        """Evaluate all rows of a block at `position`; if it is stopped, none of them stays in the KV cache.

        The rows of a quick look, which stand at `places` in the whole picture, are moved there.
        """
        step = self.batch if block.causal else len(rows)
        axes = np.array(block.axes, np.int32) if block.axes else None
        if axes is not None and places is not None:
            axes = axes[:, places]
        llama.llama_set_causal_attn(self._context, block.causal)
        self._prepare_stop(len(rows), position)
        try:
            for first in range(0, len(rows), step):
                if self._interrupt.now:
                    if first:
                        self.forget_from(position)
                    raise Interrupted
                end = min(first + step, len(rows))
                if axes is None:
                    self._rows.fill(rows[first:end], position + first, logits=logits and end == len(rows))
                else:
                    part = axes[:, first:end]
                    self._rows.fill(rows[first:end], position, part, logits=logits and end == len(rows))
                self._evaluate(self._rows, position)
        finally:
            llama.llama_set_causal_attn(self._context, True)
        if axes is None and places is not None:
            self.kv.move(position, places)

    def cut_point(self, position: int) -> int:
        """Return where the KV cache can be cut to forget everything from `position` on: there, or before it."""
        return self.kv.cut_point(position)

    def forget_from(self, position: int) -> int:
        """Remove everything from `cut_point` on from the KV cache; return where that was."""
        return self.kv.forget_from(position)

    def take_checkpoint(self, position: int, place: Place) -> None:
        """Have `cut_point` know the end of the KV cache, `position`, if it does not know every place."""
        self.kv.take_checkpoint(position, place)

    def logits(self) -> npt.NDArray[np.float32]:
        """Return a copy of the last computed logits, one per token of the vocabulary."""
        found = llama.llama_get_logits_ith(self._context, -1)
        return np.ctypeslib.as_array(found, (self.vocabulary.size,)).copy()

    def log_probability(self, token: int) -> float:
        """Return how probable the last computed logits make a token, as a natural logarithm."""
        return log_probability(self._context, -1, self.vocabulary.size, token)

    @property
    def has_aside(self) -> bool:
        """Return whether `aside` has a sequence: a recurrent decoder has one for the conversation alone."""
        return self.kv.kind is not Kind.RECURRENT

    @contextmanager
    def aside(self, shared: int) -> Iterator[Aside | None]:
        """Have a second sequence inside the `with` block; None: see `has_aside`, or there is no context.

        It begins with the first `shared` positions of the KV cache, which must be tokens.
        """
        if not self.has_aside or not self._context:
            yield None
            return
        aside = Aside(self._context, self.vocabulary.size, shared, self.dual_layout.choose)
        try:
            yield aside
        finally:
            aside.close()

    def sampler(self, sampling: Sampling, written: Sequence[int] = ()) -> Sampler:
        """Return a sampler for one answer, of which so much is written; close it."""
        return Sampler(self._context, self.vocabulary.size, sampling, written)

    def _evaluate(self, batch: TokenBatch | RowBatch, start: int) -> None:
        """Evaluate a batch; after a failure everything from position `start` on is removed."""
        self.dual_layout.choose(batch.raw.n_tokens)
        started = time.monotonic()
        result = llama.llama_decode(self._context, batch.raw)
        if result == 0:
            if batch.raw.n_tokens == 1:
                self._cell_s = time.monotonic() - started
            return
        if self.forget_from(start) == start and result == _ABORTED:
            raise Interrupted
        raise RuntimeError(f"llama_decode returned {result}: {last_errors()}")


def _has_mrope(model: ModelPointer) -> bool:
    kinds = {llama.LLAMA_ROPE_TYPE_MROPE, llama.LLAMA_ROPE_TYPE_IMROPE}
    return llama.llama_model_rope_type(model) in kinds


def _load_error(files: ModelFiles) -> UserError:
    errors = last_errors()
    _log.warning("llama.cpp did not load %s: %s", files.model.name, errors)
    if "unknown model architecture" in errors:
        return UserError("model-unsupported", name=files.title, architecture=files.header.architecture)
    if "alloc" in errors:
        return UserError("out-of-memory", name=files.title)
    return UserError("model-damaged", name=files.model.name)

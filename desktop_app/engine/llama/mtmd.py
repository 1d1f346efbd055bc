"""Encodes pictures as image tokens with mtmd, the part of llama.cpp that runs image encoders and projectors.

LLaVA and InternVL get squares, and MiniCPM-V other shapes, prepared as in training. Other models get the whole picture,
which mtmd divides and resizes itself. How many tokens that makes is found out first, without pixels.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.interrupt import Interrupt, Interrupted
from desktop_app.engine.llama.backend import last_errors, prepare
from desktop_app.engine.llama.bindings import ChunkPointer, ModelPointer, MtmdPointer, llama, mtmd
from desktop_app.engine.llama.class_token_fix import ClassToken, ClassTokenOrder
from desktop_app.engine.llama.kv_cache import Block
from desktop_app.engine.llama.pixel_override import PixelOverride, dummy_size
from desktop_app.engine.weights.projector_header import Projector
from desktop_app.engine.weights.tile_layout import any_size_of
from desktop_app.errors import UserError

_Result = TypeVar("_Result")
Piece = Block | tuple[int, ...]

_MERGED_ONCE = 2  # patches along an edge that become one token of a MiniCPM-V 4.6 that looks closer than usual


class LoadedProjector:
    """An image encoder and its projector, run by mtmd. All calls must be on the engine's main thread."""

    def __init__(
        self,
        projector: Projector,
        model: ModelPointer,
        threads: int,
        interrupt: Interrupt,
        most_tokens: int,
    ) -> None:
        """`most_tokens`: the limit for one picture."""
        #: The sizes of pictures in one piece of any size; None: its kind sees others.
        self.any_size = any_size_of(projector.header, most_tokens)
        self._side = projector.side
        self._width = projector.width
        header = projector.header
        self._patch = header.integer("clip.vision.patch_size") or 1
        self._merged = header.integer("clip.vision.projector.scale_factor") or 1
        self._mean, self._std = (header.numbers(f"clip.vision.image_{name}") for name in ("mean", "std"))
        self._pixels: PixelOverride | None = None  # to be encoded in place of those that mtmd was given
        self._interrupt = interrupt
        self._readable = prepare().readable
        self._order = ClassTokenOrder(projector.has_class_embedding, readable=self._readable)
        self._probing = False
        parameters = mtmd.mtmd_context_params_default()
        parameters.use_gpu = False
        parameters.print_timings = False
        parameters.warmup = False
        parameters.n_threads = threads
        self._on_node = llama.ggml_backend_sched_eval_callback(self._node)
        parameters.cb_eval = self._on_node
        if self.any_size is not None:  # pictures come in such a size, which mtmd then does not change
            parameters.image_min_tokens, parameters.image_max_tokens = self.any_size.fewest, self.any_size.limit
        self._context = mtmd.mtmd_init_from_file(os.fsencode(projector.path), model, parameters)
        if not self._context:
            raise UserError("projector-damaged", name=projector.chosen.name)
        self._mrope = mtmd.mtmd_decode_use_mrope(self._context)
        self._open: tuple[bytes, _Chunks] | None = None  # the picture that is encoded part by part, and its chunks
        try:
            self.image_tokens = self._with_chunk(None, mtmd.mtmd_input_chunk_get_n_tokens)
            self._probe()
        except BaseException:
            self.close()
            raise

    @property
    def class_token(self) -> ClassToken:
        """Return what is known about the order of the class token."""
        return self._order.state

    def encode(self, rgb: bytes) -> Embedding:
        """Encode a square picture of the size that the projector was trained with."""
        if len(rgb) != self._side * self._side * 3:
            raise ValueError(f"{len(rgb)} bytes are not a square of {self._side} pixels")
        return self._with_chunk(rgb, self._encode)

    def encode_sized(self, rgb: bytes, width: int, height: int) -> Embedding:
        """Encode a picture of whole patches without resizing it. Raises ValueError if mtmd cannot use its size."""
        if not self._readable:
            raise RuntimeError("no picture can be put into the graph: this llama.cpp has other tensors")
        step = self._patch * self._merged
        placed = None if self._merged > 1 else self._patch  # mtmd's positions are MiniCPM-V 4.6's, but not 2.6's
        pixels = PixelOverride(rgb, (width, height), placed, self._mean, self._std)
        across, down = dummy_size(width, height, self._side, step, keeps=self._merged != _MERGED_ONCE)
        chunks = _Chunks(self._context, across, down, bytes(across * down * 3))
        self._pixels = pixels
        try:
            embedding = self._encode(next(chunk for chunk in chunks.all() if self._is_image(chunk)))
        finally:
            self._pixels = None
            chunks.free()
        if not pixels.used:
            raise RuntimeError(f"a picture of {width} x {height} pixels did not get into the graph")
        return embedding

    def encode_piece(self, rgb: bytes, width: int, height: int) -> Embedding:
        """Encode a picture that mtmd leaves as it is. Raises ValueError if it divides it."""
        chunks = _Chunks(self._context, width, height, rgb)
        try:
            (image,) = (chunk for chunk in chunks.all() if self._is_image(chunk))
            return self._encode(image)
        finally:
            chunks.free()

    def pieces(self, width: int, height: int) -> list[Piece]:
        """Return the pieces of a picture of this size: text tokens, and blocks of image tokens between them."""
        chunks = _Chunks(self._context, width, height, None)
        try:
            found: list[Piece] = []
            first = 0
            for chunk in chunks.all():
                if self._is_image(chunk):
                    found.append(self._block(chunk, first))
                    first += mtmd.mtmd_input_chunk_get_n_tokens(chunk)
                else:
                    found.append(self._tokens(chunk))
            return found
        finally:
            chunks.free()

    def encode_part(self, rgb: bytes, width: int, height: int, part: int) -> Embedding:
        """Encode one block of image tokens of a picture. The prepared picture is kept until another one comes."""
        if self._open is None or self._open[0] is not rgb:
            self._close_picture()
            self._open = (rgb, _Chunks(self._context, width, height, rgb))
        images = [chunk for chunk in self._open[1].all() if self._is_image(chunk)]
        embedding = self._encode(images[part])
        if part == len(images) - 1:
            self._close_picture()
        return embedding

    def _close_picture(self) -> None:
        if self._open is not None:
            self._open[1].free()
            self._open = None

    def _is_image(self, chunk: ChunkPointer) -> bool:
        return mtmd.mtmd_input_chunk_get_type(chunk) == mtmd.MTMD_INPUT_CHUNK_TYPE_IMAGE

    def _block(self, chunk: ChunkPointer, first: int) -> Block:
        rows = mtmd.mtmd_input_chunk_get_n_tokens(chunk)
        causal = not mtmd.mtmd_decode_use_non_causal(self._context, chunk)
        block = Block(first, rows, self._axes(chunk, rows) if self._mrope else (), causal)
        if block.positions != mtmd.mtmd_input_chunk_get_n_pos(chunk):
            raise RuntimeError("the positions of a picture are not as expected")
        return block

    @staticmethod
    def _axes(chunk: ChunkPointer, rows: int) -> tuple[tuple[int, ...], ...]:
        """Return the axes of a block; () if all three only count the rows, as for the decoder of MiniCPM-V 4.6."""
        tokens = mtmd.mtmd_input_chunk_get_tokens_image(chunk)
        places = [mtmd.mtmd_image_tokens_get_decoder_pos(tokens, 0, row) for row in range(rows)]
        axes = tuple(zip(*((place.t, place.y, place.x) for place in places), strict=True))
        return () if axes == (tuple(range(rows)),) * 3 else axes

    def _tokens(self, chunk: ChunkPointer) -> tuple[int, ...]:
        count = ctypes.c_size_t()
        tokens = mtmd.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))
        found = tuple(int(tokens[index]) for index in range(count.value))
        if any(token < 0 for token in found):
            raise RuntimeError("the vocabulary lacks a token that is needed around pictures")
        return found

    def close(self) -> None:
        """Free everything; further calls do nothing."""
        self._close_picture()
        if self._context:
            mtmd.mtmd_free(self._context)
            self._context = MtmdPointer(0)

    def _probe(self) -> None:
        """Run the first nodes of the graph to find out the order of the class token in advance."""
        self._probing = True
        try:
            if not self._order.decided:
                self._with_chunk(bytes(self._side * self._side * 3), self._encode)
        finally:
            self._probing = False

    def _encode(self, chunk: ChunkPointer) -> Embedding:
        self._order.begin()
        result = mtmd.mtmd_encode_chunk(self._context, chunk)
        # A graph that was stopped returns 0 as well; its result must not be used.
        if self._interrupt.now:
            raise Interrupted
        if result != 0:
            raise RuntimeError(f"mtmd_encode_chunk returned {result}: {last_errors()}")
        if not self._probing:
            self._order.end()
        shape = (mtmd.mtmd_input_chunk_get_n_tokens(chunk), self._width)
        return np.ctypeslib.as_array(mtmd.mtmd_get_output_embd(self._context), shape).copy()

    def _node(self, address: int, ask: bool, _data: object) -> bool:
        """Handle a node. Before it (`ask`): return whether to be called after it. After it: return whether to go on.

        It is called after each: one node of a large picture may take 50 ms, and being called costs nothing measurable.
        """
        if ask:
            if self._pixels is not None:
                self._pixels.on_node(address)
            self._order.on_node(address)
            return True
        return not self._interrupt.now and not (self._probing and self._order.decided)

    def _with_chunk(self, rgb: bytes | None, use: Callable[[ChunkPointer], _Result]) -> _Result:
        """Call `use` with the first image chunk of a square picture; `rgb` None: without pixels."""
        chunks = _Chunks(self._context, self._side, self._side, rgb)
        try:
            return use(next(chunk for chunk in chunks.all() if self._is_image(chunk)))
        finally:
            chunks.free()


class _Chunks:
    """The chunks that mtmd makes of one picture; call `free` in the end."""

    def __init__(self, context: MtmdPointer, width: int, height: int, rgb: bytes | None) -> None:
        pixels = (ctypes.c_uint8 * len(rgb)).from_buffer_copy(rgb) if rgb is not None else None
        self._bitmap = mtmd.mtmd_bitmap_init(width, height, pixels)
        self._chunks = mtmd.mtmd_input_chunks_init()
        marker = mtmd.mtmd_default_marker()
        text = mtmd.mtmd_input_text(marker, len(marker), False, True)
        bitmaps = (ctypes.c_void_p * 1)(self._bitmap)
        result = mtmd.mtmd_tokenize(context, self._chunks, ctypes.byref(text), bitmaps, 1)
        if result != 0:
            self.free()
            raise RuntimeError(f"mtmd_tokenize returned {result}: {last_errors()}")

    def all(self) -> list[ChunkPointer]:
        """Return the chunks in order."""
        count = mtmd.mtmd_input_chunks_size(self._chunks)
        return [mtmd.mtmd_input_chunks_get(self._chunks, index) for index in range(count)]

    def free(self) -> None:
        """Free the memory."""
        mtmd.mtmd_input_chunks_free(self._chunks)
        mtmd.mtmd_bitmap_free(self._bitmap)

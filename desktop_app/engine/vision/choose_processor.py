"""Chooses the `PictureProcessor` for a loaded model, from the header of its projector."""

from __future__ import annotations

import numpy as np

from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import PictureRef
from desktop_app.engine.vision.lfm2_processor import Lfm2Processor
from desktop_app.engine.vision.minicpm_processor import MiniCPMProcessor
from desktop_app.engine.vision.mtmd_processor import MtmdProcessor
from desktop_app.engine.vision.picture_processor import PictureProcessor, SquareProcessor
from desktop_app.engine.vision.quick_looks import QuickLooks, is_possible
from desktop_app.engine.vision.tiled_processor import InternVLProcessor, LlavaTiledProcessor
from desktop_app.engine.weights.projector_header import Projector
from desktop_app.engine.weights.tile_layout import newline_of, tiling_of
from desktop_app.images.internvl_tiling import InternVLTiling
from desktop_app.images.lfm2_tiling import Lfm2Tiling
from desktop_app.images.llava_tiling import LlavaTiling
from desktop_app.images.minicpm_tiling import MiniCPMTiling
from desktop_app.images.tiling import LLAVA_TILES, QuickLook
from model_store.projector_kinds import LLAVA

_STORED = {"F32": "<f4", "F16": "<f2"}


_USUAL = PictureRef("", "", "", 1024, 768)


def picture_processor_for(model: Model) -> PictureProcessor:
    """Return the `PictureProcessor` of a model: how it sees pictures."""
    whole = _of_whole_pictures(model)
    if not model.image_tokens or not is_possible(whole.cells(_USUAL), can_move=model.can_move):
        return whole
    quick = LLAVA_TILES if isinstance(whole, LlavaTiledProcessor) else QuickLook()
    seen = whole.layout(_USUAL)
    return QuickLooks(whole, quick) if quick.rows(seen.rows, tiled=len(seen.parts) > 1) < seen.rows else whole


def _of_whole_pictures(model: Model) -> PictureProcessor:
    """Return how a model sees whole pictures."""
    projector = model.files.projector
    tiling = tiling_of(projector.header) if projector is not None else None
    if projector is not None and isinstance(tiling, LlavaTiling):
        return LlavaTiledProcessor(tiling, _newline(projector), model.encode)
    if isinstance(tiling, InternVLTiling):
        return InternVLProcessor(tiling, model.encode)
    if isinstance(tiling, MiniCPMTiling):
        return MiniCPMProcessor(tiling, model, model.vocabulary)
    if isinstance(tiling, Lfm2Tiling):
        return Lfm2Processor(tiling, model, model.vocabulary)
    if projector is not None and projector.kind != LLAVA:
        return MtmdProcessor(model.projector, projector)
    return SquareProcessor(projector, model.image_tokens, model.encode)


def _newline(projector: Projector) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return the embedding that ends each line of image tokens, as one row."""
    info = newline_of(projector.header)
    if info is None:
        raise RuntimeError("the projector has no embedding that ends a line")
    with projector.chosen.open("rb") as file:
        file.seek(info.offset)
        return np.frombuffer(file.read(info.size), _STORED[info.kind]).astype(np.float32).reshape(1, -1)

"""How much memory a projector needs, with its image encoder, and how many tokens it makes of a picture."""

from __future__ import annotations

from typing import TypedDict

from desktop_app.engine.planning.header_numbers import HeaderNumbers
from desktop_app.engine.weights.projector_checks.gemma4 import is_read_at_once
from desktop_app.engine.weights.projector_quantisation import loaded_size
from desktop_app.engine.weights.tile_layout import any_size_of, tiling_of
from desktop_app.images.tiling import WHOLE, AnySize
from model_store.gguf_header import GGUFHeader
from model_store.projector_kinds import (
    GEMMA3,
    GEMMA4,
    INTERNVL,
    LFM2,
    LLAVA,
    MINICPM_V,
    MINICPM_V46,
    kind_of,
)

_FLOAT = 4  # bytes
_COLOURS = 3
_COPIES = 2  # of the pixels of a picture of any size, as numbers: mtmd's own, and the graph's
_GATED = 3  # widths of the feed-forward part that are there at once, where it has a gate

_ANY_NUMBER = 1 << 20  # of tokens
_USUAL_PICTURE = (1024, 768)
#: Kind of projector -> how many patches along an edge become one token, if the file does not say.
_MERGED = {GEMMA3: 4}


class ProjectorShape(TypedDict):
    """The fields of `Shape` that describe the projector."""

    projector: int
    small_projector: int
    encoder_buffers: int
    image_tokens: int
    most_picture_tokens: int
    any_size: bool
    min_batch: int
    can_free_projector: bool


def projector_shape(projector: GGUFHeader) -> ProjectorShape:
    """Return what the projector adds. Its graph holds its output, the rows of the image encoder, and the picture."""
    sizes = any_size_of(projector, _ANY_NUMBER)
    if sizes is not None:
        return _any_size_shape(projector, sizes)
    numbers = HeaderNumbers(projector, "clip.vision")
    tiling = tiling_of(projector)
    side, patch = max(1, numbers.number("image_size")), max(1, numbers.number("patch_size"))
    side = side if tiling is None else tiling.side
    width, inner = numbers.number("embedding_length"), numbers.number("feed_forward_length")
    tokens = (side // patch) ** 2
    makers = ("mm.2.weight", "mm.0.weight", "resampler.proj.weight", "mm.down.weight")
    last = next((projector.tensors[name] for name in makers if name in projector.tensors), None)
    output = last.shape[-1] if last is not None else width
    kind = kind_of(projector)
    whole = tokens // (numbers.number("projector.scale_factor") or _MERGED.get(kind, 1)) ** 2
    if kind == LFM2:
        graph = _tower(projector, tokens)
    else:
        held = 3 if kind == MINICPM_V else 1  # the resampler's rows, their keys, and their sine position embeddings
        rows = whole if kind == MINICPM_V46 else held * tokens
        mask = tokens**2 if kind == MINICPM_V46 else 0  # of the attention within the patches that are merged
        graph = tokens * (2 * max(output, inner) + width) + mask + rows * output + _COLOURS * side**2
    return {
        "projector": loaded_size(projector, small=False),
        "small_projector": loaded_size(projector, small=True),
        "encoder_buffers": _FLOAT * graph,
        # Tiles need not fit into the context: then a picture is encoded only as a whole.
        "image_tokens": whole if tiling is None else tiling.tokens(side, side, WHOLE),
        "most_picture_tokens": whole if tiling is None else tiling.part_tokens * tiling.most_parts,
        "any_size": False,
        "min_batch": whole if kind == GEMMA3 else 0,
        "can_free_projector": kind in (LLAVA, INTERNVL, MINICPM_V, MINICPM_V46, LFM2),
    }


def _any_size_shape(projector: GGUFHeader, sizes: AnySize) -> ProjectorShape:
    """Return what is added by a projector for pictures of any size, if the person lets it look as closely as it can."""
    patch = max(1, HeaderNumbers(projector, "clip.vision").number("patch_size"))
    patches = sizes.limit * (sizes.edge // patch) ** 2
    # What is tapped lies there twice when it is joined to the other taps.
    taps = [tensor for name, tensor in projector.tensors.items() if name.endswith("fc2.weight")]
    tapped = sizes.limit * sum(_COPIES * tap.shape[-1] for tap in taps)
    at_once = kind_of(projector) == GEMMA4 and is_read_at_once(projector)
    return {
        "projector": loaded_size(projector, small=False),
        "small_projector": loaded_size(projector, small=True),
        "encoder_buffers": _FLOAT * (_tower(projector, patches) + tapped),
        "image_tokens": sizes.tokens(*_USUAL_PICTURE),
        "most_picture_tokens": sizes.limit,
        "any_size": True,
        "min_batch": sizes.limit if at_once else 0,
        "can_free_projector": False,
    }


def _tower(projector: GGUFHeader, patches: int) -> int:
    """Return the values in the largest part of an image tower's graph: the feed-forward part of a layer."""
    numbers = HeaderNumbers(projector, "clip.vision")
    gated = any(name.endswith("ffn_gate.weight") for name in projector.tensors)
    inner = numbers.number("feed_forward_length") * (_GATED if gated else 1)
    pixels = _COLOURS * numbers.number("patch_size") ** 2
    return patches * (inner + 2 * numbers.number("embedding_length") + _COPIES * pixels)

"""Says to what size the pictures of each kind of projector are resized before mtmd gets them."""

from __future__ import annotations

from desktop_app.engine.weights.projector_header import Projector
from desktop_app.images.resizing import Resizing, at_most, longest_edge, one_square, stretched
from desktop_app.images.tiling import AnySize
from model_store.projector_kinds import GEMMA3, IDEFICS3

_LONGEST = 2048  # pixels, if the file does not say


def resizing_for(projector: Projector, any_size: AnySize | None) -> Resizing:
    """Return how pictures are resized; `any_size`: the sizes of those that a model sees in one piece of any size."""
    if any_size is not None:
        return stretched(any_size)
    if projector.kind == GEMMA3:
        return one_square(projector.side)
    longest = projector.header.integer("clip.vision.preproc_image_size")
    return longest_edge(longest) if projector.kind == IDEFICS3 and longest else at_most(_LONGEST)

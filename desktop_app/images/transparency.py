"""Chooses on which ground a transparent picture is seen: white, unless what is white in it would vanish."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
_GROUNDS: tuple[Colour, ...] = (WHITE, (0, 0, 0), (128, 128, 128))
#: Of 255: what has at least such an alpha, beside what has less, is an edge. The first of these that finds any counts:
#: mostly what is less opaque than 64 is a shadow or haze, but it may also be all there is.
_SEEN: tuple[int, ...] = (64, 128, 192, 32, 16, 8, 4, 2, 1)
_NEAR = 48  # of 255: colours that one cannot tell apart well
_LET_PASS = 0.25  # of the edge may vanish before another ground is better
_SAMPLE = 2_000_000  # pixels


def parted(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Return the colours (mode RGB) and the alpha (mode L) of a picture with transparency."""
    if image.mode == "La":  # which Pillow converts in two steps only
        image = image.convert("LA")
    image = image.convert("RGBA")
    return image.convert("RGB"), image.getchannel("A")


def ground_of(size: tuple[int, int], bands: Iterable[Image.Image]) -> Colour | None:
    """Return the ground for a picture with transparency that comes in bands.

    None: it is opaque. An alpha of zero everywhere was forgotten, not meant.
    """
    every = -(-size[0] * size[1] // _SAMPLE)
    visible = False
    edges: dict[int, list[NDArray[np.uint8]]] = {least: [] for least in _SEEN}
    left = _SEEN
    row = 0
    for band in bands:
        colours, alpha = map(np.asarray, parted(band))
        visible = visible or bool(alpha.any())
        lines = slice(-row % every, None, every)
        for number, least in enumerate(left):
            found = _edges(colours[lines], alpha[lines] >= least)
            if len(found):
                edges[least].append(found)
                left = left[: number + 1]
                break
        row += band.height
    return _showing(next(filter(None, edges.values()), [])) if visible else None


def _edges(colours: NDArray[np.uint8], seen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the colours of what is seen beside what is not, line by line."""
    inner = seen.copy()
    inner[:, 1:] &= seen[:, :-1]
    inner[:, :-1] &= seen[:, 1:]
    return np.asarray(colours[seen & ~inner])


def _showing(edges: list[NDArray[np.uint8]]) -> Colour:
    if not edges:
        return WHITE
    colours = np.concatenate(edges).astype(np.int16)
    lost = {ground: float((np.abs(colours - ground).max(axis=1) < _NEAR).mean()) for ground in _GROUNDS}
    return WHITE if lost[WHITE] <= _LET_PASS else min(_GROUNDS, key=lost.__getitem__)

"""Guesses what kind of picture it is: a photograph, or one with much fine structure.

Of photographs the program warns, because the built-in model knows only simple drawings. Drawn scenes have a few even
colours; photographs have texture everywhere, or many colours. Both are measured on a copy of 64 x 64 pixels without
single-pixel noise, so that the size, JPEG artefacts and slight grain matter little. The thresholds keep a wide distance
from drawn scenes: a photograph of an even sky or a dim grey one is missed rather than a drawing called a photograph.

Documents, tables and screenshots have much fine structure: at a quick look their text is lost. Where text stands,
most pixels of a small block have one brightness, that of the paper, and many strong edges cross it. In foliage
or fur there are as many edges, but no paper; at the edges of drawn shapes there is paper, but only one edge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_BLOCK = 4  # pixels of the small copy
_LEAST_SIDE = 64  # in smaller ones grain is not averaged away

# Drawn scenes of 64 to 1600 pixels, with noise up to sigma 6, blur, strong gradients and JPEG down to
# quality 15: among 3,000 the 25th percentile was at most 2.9, the 40th at most 4.1, and at least 0.72
# covered; among 8,000 others one was called a photograph. Of 22 real photographs 14 were recognised.
_TEXTURE_25 = 3.4
_TEXTURE_40 = 4.6
_COVERED = 0.68

_FINE_SIDE = 1024  # pixels of the copy in which fine structure is looked for
_FINE_BLOCK = 16
_STRONG = 40  # of 255, from one pixel to the next
_PAPER = 12  # of 255: so far may the paper of a block differ in brightness
_EDGES = 0.15  # of the pixels of a block with text: one straight edge, if it is soft, has nearly as many
_COVERED_BY_PAPER = 0.4
_FINE = 0.04  # of all blocks
_LEAST_BLOCKS = 40  # in a small picture the outline of a shape fills some


def looks_photographic(picture: Image.Image) -> bool:
    """Return whether an RGB picture has the texture or the many colours of a photograph."""
    if min(picture.size) < _LEAST_SIDE:
        return False
    small = _scaled(_scaled(picture, 128).filter(ImageFilter.MedianFilter(3)), 64)
    pixels = np.asarray(small, dtype=np.float32)
    if min(pixels.shape[:2]) < _BLOCK:
        return False
    quarter, two_fifths = np.percentile(_texture(pixels), (25, 40))
    return bool(quarter > _TEXTURE_25 or two_fifths > _TEXTURE_40 or _covered(pixels) < _COVERED)


def has_fine_structure(picture: Image.Image) -> bool:
    """Return whether an RGB picture has so much text, or lines as close as those of text, that all of it counts."""
    grey = np.asarray(_scaled(picture, _FINE_SIDE).convert("L"), dtype=np.int16)
    rows, columns = grey.shape[0] // _FINE_BLOCK, grey.shape[1] // _FINE_BLOCK
    if rows == 0 or columns == 0:
        return False
    blocks = grey[: rows * _FINE_BLOCK, : columns * _FINE_BLOCK]
    blocks = blocks.reshape(rows, _FINE_BLOCK, columns, _FINE_BLOCK).transpose(0, 2, 1, 3)
    flat = blocks.reshape(rows, columns, -1)
    edges = (np.abs(np.diff(blocks, axis=3)) > _STRONG).mean(axis=(2, 3))
    papers = [np.percentile(flat, share, axis=2)[..., None] for share in (20, 80)]  # dark or light
    paper = np.maximum(*((np.abs(flat - shade) <= _PAPER).mean(axis=2) for shade in papers))
    like_text = (edges > _EDGES) & (paper > _COVERED_BY_PAPER)
    return bool(like_text.mean() > _FINE and like_text.sum() >= _LEAST_BLOCKS)


def _scaled(picture: Image.Image, side: int) -> Image.Image:
    """Return `picture` averaged to about side x side pixels in all, its proportions kept."""
    factor = (side * side / (picture.width * picture.height)) ** 0.5
    if factor >= 1:
        return picture
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.BOX)


def _texture(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return for each block how far (root mean square, 0-255) its pixels are from a plane."""
    rows, columns = pixels.shape[0] // _BLOCK, pixels.shape[1] // _BLOCK
    blocks = pixels[: rows * _BLOCK, : columns * _BLOCK]
    blocks = blocks.reshape(rows, _BLOCK, columns, _BLOCK, 3).transpose(0, 2, 4, 1, 3)
    flat = blocks.reshape(rows * columns, 3, _BLOCK * _BLOCK)
    ramp = np.arange(_BLOCK) - (_BLOCK - 1) / 2
    plane = np.stack([np.ones(_BLOCK * _BLOCK), np.tile(ramp, _BLOCK), np.repeat(ramp, _BLOCK)], axis=1)
    residual = np.eye(_BLOCK * _BLOCK) - plane @ np.linalg.pinv(plane)
    deviations: NDArray[np.float32] = np.sqrt(((flat @ residual) ** 2).mean(axis=(1, 2)))
    return deviations


def _covered(pixels: NDArray[np.float32], colours: int = 6, reach: float = 20.0) -> float:
    """Return the share of pixels within `reach` of the `colours` most frequent colours."""
    every = left = pixels.reshape(-1, 3)
    for _ in range(colours):
        if len(left) == 0:
            break
        cells = (left // 16).astype(np.int64) @ np.array([1, 16, 256])
        _, which, counts = np.unique(cells, return_inverse=True, return_counts=True)
        centre = left[which == counts.argmax()].mean(axis=0)
        left = left[np.abs(left - centre).max(axis=1) > reach]
    return 1 - len(left) / len(every)

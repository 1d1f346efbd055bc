"""Colours that are not coded as sRGB, though no colour profile says so: gAMA and cICP of PNG, nclx of AVIF and HEIC."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_Values = NDArray[np.float64]

# Numbers of ITU-T H.273. All other curves are near enough to sRGB's.
_BT2020, _P3 = 9, 12
_LINEAR, _PQ, _HLG = 8, 16, 18
_GRID = 65  # points of the table along each colour
_WHITE = 203.0  # cd/m2 of paper, by ITU-R BT.2408; what is brighter is white
_USUAL_GAMMA: Final = (0.40, 0.50)  # 1 / 2.2, and what programs write for sRGB
_POSSIBLE_GAMMA: Final = (0.2, 1.5)  # all others are mistakes

_TO_SRGB: dict[int, _Values] = {
    _BT2020: np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]),
    _P3: np.array([[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]]),
}


@dataclass(frozen=True)
class ColourCoding:
    """How the numbers of a picture become light."""

    primaries: int = 1
    transfer: int = 13
    gamma: float = 0.0  # instead of `transfer`, if not 0

    @classmethod
    def of_gamma(cls, gamma: float) -> ColourCoding | None:
        """Return the coding with such an exponent, None for one that is sRGB's or a mistake."""
        if _USUAL_GAMMA[0] <= gamma <= _USUAL_GAMMA[1] or not _POSSIBLE_GAMMA[0] <= gamma <= _POSSIBLE_GAMMA[1]:
            return None
        return cls(gamma=gamma)

    @classmethod
    def of_cicp(cls, primaries: int, transfer: int) -> ColourCoding | None:
        """Return the coding with these numbers of H.273, None for one that is sRGB's or not known."""
        if primaries not in _TO_SRGB and transfer not in (_LINEAR, _PQ, _HLG):
            return None
        return cls(primaries, transfer)

    def in_srgb(self, picture: Image.Image) -> Image.Image:
        """Return a picture of mode RGB in sRGB."""
        if self.primaries not in _TO_SRGB:
            curve = np.rint(np.minimum(_srgb(self._light(np.arange(256) / 255)), 1.0) * 255).astype(int)
            return picture.point(curve.tolist() * 3)
        return picture.filter(self._table)  # which ends at white by itself

    @cached_property
    def _table(self) -> ImageFilter.Color3DLUT:
        steps = np.linspace(0.0, 1.0, _GRID)
        blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")  # red changes fastest
        light = self._light(np.stack([red, green, blue], axis=-1)) @ _TO_SRGB[self.primaries].T
        return ImageFilter.Color3DLUT(_GRID, _srgb(light).reshape(-1).tolist())

    def _light(self, values: _Values) -> _Values:
        """Return the light of coded values, white as 1."""
        if self.gamma:
            return np.asarray(values ** (1 / self.gamma))
        if self.transfer == _LINEAR:
            return values
        if self.transfer == _PQ:
            root = values ** (1 / 78.84375)
            light = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
            return np.asarray(light ** (1 / 0.1593017578125) * (10_000 / _WHITE))
        if self.transfer == _HLG:
            scene = np.where(
                values <= 0.5, values**2 / 3, (np.exp((values - 0.55991073) / 0.17883277) + 0.28466892) / 12
            )
            return np.asarray(scene**1.2 * (1000 / _WHITE))
        return np.asarray(np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4))


def _srgb(light: _Values) -> _Values:
    light = np.maximum(light, 0.0)
    return np.asarray(np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055))

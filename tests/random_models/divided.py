"""Random models and pictures for which the results of InternVL3's and MiniCPM-V's own code are recorded."""

from __future__ import annotations

from pathlib import Path

from desktop_app.chat.families.signs import FAMILIES
from tests.random_models.architectures import write_architecture
from tests.random_models.projectors import write_eyes

#: Family -> kind of its projector.
KINDS = {"internvl3": "internvl", "minicpm_v": "resampler"}
WIDTHS = {"internvl3": 64, "minicpm_v": 128}  # of the language models
#: Landscape, upright, one square, wide, tall, exactly a grid, tiny, one pixel.
PICTURES = [(150, 90), (61, 118), (56, 56), (160, 31), (20, 90), (112, 168), (6, 4), (1, 1)]
SIZES = [
    *((width, height) for width in (1, 300, 448, 449, 896, 1000) for height in (1, 2, 335, 448, 500, 672, 897)),
    *((4000, 3000), (3000, 4000), (1920, 1080), (1170, 2532), (20000, 300), (7, 9000), (1344, 448), (447, 1345)),
    *((860, 430), (430, 860), (633, 633), (634, 634), (1600, 1100), (700, 600), (7000, 6000)),
    *((640, 480), (1280, 960), (600, 450), (300, 5300)),
]
#: Token ids before and after the picture.
BEFORE, AFTER = (3, 300, 310, 290), (305, 330, 301)


def write_model(folder: Path, name: str, width: int | None = None) -> Path:
    """Write a language model of random weights of the family `name`."""
    family = next(family for family in FAMILIES if family.name == name)
    signs = {"internvl3": ("<IMG_CONTEXT>",)}.get(name, ())
    return write_architecture(folder / "model.gguf", "qwen2", (*sorted(family.specials), *signs), width or WIDTHS[name])


def write_projector(folder: Path, name: str) -> Path:
    """Write what sees for it."""
    return write_eyes(folder / "mmproj.gguf", KINDS[name], WIDTHS[name])

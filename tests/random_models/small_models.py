"""The small random models that are held to transformers: one of each family that is not a LLaVA's."""

from __future__ import annotations

from pathlib import Path

from tests.random_models import gemma4, lfm2_vl, minicpm_v46
from tests.random_models.qwen3_vl import EYES_OF_QWEN35, write_eyes, write_qwen3_vl
from tests.random_models.qwen35 import write_qwen35
from tests.random_models.talks import SmallModel

# The first is enlarged, the second as well and stretched, the third has few lines; the large one is reduced.
_SHAPES = ((300, 170), (60, 200), (640, 130))


def _qwen3_vl(folder: Path) -> tuple[Path, Path]:
    return write_qwen3_vl(folder / "model.gguf"), write_eyes(folder / "mmproj.gguf")


def _qwen35(folder: Path) -> tuple[Path, Path]:
    return write_qwen35(folder / "model.gguf"), write_eyes(folder / "mmproj.gguf", EYES_OF_QWEN35)


QWEN3_VL = SmallModel("qwen3_vl", "qwen3_vl", _qwen3_vl, _SHAPES, large=((1700, 1100),))
QWEN35 = SmallModel("qwen3.5", "qwen3.5", _qwen35, _SHAPES)
# In one piece, divided, enlarged; upright in one piece, divided, divided into more.
LFM2_VL = SmallModel("lfm2_vl", "lfm2_vl", lfm2_vl.write_pair, ((330, 250), (1100, 520), (60, 40)))
NORMED = SmallModel("lfm2_vl_normed", "lfm2_vl", lfm2_vl.write_normed, ((60, 40), (150, 90), (256, 256)))
_DIVIDED = ((61, 118), (150, 90), (230, 190))
MINICPM_V46 = SmallModel("minicpm_v4.6", "minicpm_v4.6", minicpm_v46.write_pair, _DIVIDED, large=((1200, 900),))
CLOSER = SmallModel("minicpm_v4.6_closer", "minicpm_v4.6", minicpm_v46.write_closer, _DIVIDED)
# Each is scaled to fill the same number of tokens. Bounds and norms make much of what q8_0 rounds in narrow eyes.
GEMMA4 = SmallModel("gemma4", "gemma4", gemma4.write_pair, _SHAPES, large=((1700, 1100),), in_q8_0=0.98)
GEMMA4_E2B = SmallModel("gemma4_e2b", "gemma4", gemma4.write_like_e2b, _SHAPES, each_row=8)
_ALL = (QWEN3_VL, QWEN35, LFM2_VL, NORMED, MINICPM_V46, CLOSER, GEMMA4, GEMMA4_E2B)
SMALL_MODELS = {model.name: model for model in _ALL}

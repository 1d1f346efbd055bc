"""Says whether a projector was made for a language model: asked when files are added, and again when they are loaded.

Two files of the same width can be joined whatever they are. Then llama.cpp ends the process, or the model answers
nonsense. So what each kind of projector needs is looked for in the header of the model.
"""

from __future__ import annotations

import re

from model_store.gguf_header import GGUFHeader, LongArray

# Kinds of projectors, by their names in llama.cpp. A file that names none is of LLaVA's kind.
LLAVA = "mlp"
QWEN2_VL, QWEN25_VL = "qwen2vl_merger", "qwen2.5vl_merger"
QWEN3_VL = "qwen3vl_merger"  # and Qwen3.5's
GEMMA3 = "gemma3"
GEMMA4 = "gemma4v"
IDEFICS3 = "idefics3"  # of SmolVLM and SmolVLM2
INTERNVL = "internvl"
MINICPM_V = "resampler"  # of MiniCPM-V 2.6
MINICPM_V46 = "minicpmv4_6"
LFM2 = "lfm2"  # of LFM2-VL and LFM2.5-VL
# Projectors that were made for certain architectures alone, and architectures that take no other.
_ARCHITECTURES = {
    QWEN2_VL: {"qwen2vl"},
    QWEN25_VL: {"qwen2vl"},
    QWEN3_VL: {"qwen3vl", "qwen3vlmoe", "qwen35", "qwen35moe"},
    GEMMA3: {"gemma3"},
    GEMMA4: {"gemma4"},
    MINICPM_V46: {"qwen35"},
    LFM2: {"lfm2"},
}
_CHOOSY = set().union(*_ARCHITECTURES.values())
# Projectors whose pictures stand between special tokens of their own, and those tokens.
_TOKENS = {
    IDEFICS3: {"<fake_token_around_image>", "<global-img>"},
    INTERNVL: {"<img>", "</img>"},
    MINICPM_V: {"<image>", "</image>", "<slice>", "</slice>"},
    MINICPM_V46: {"<image>", "</image>", "<slice>", "</slice>", "<image_id>", "</image_id>"},
    LFM2: {"<|image_start|>", "<|image_end|>", "<|img_thumbnail|>", "<|img_row_1_col_10|>", "<|img_row_10_col_1|>"},
}
# A token that only models for this kind have.
_SIGNS = {
    IDEFICS3: "<fake_token_around_image>",
    INTERNVL: "<IMG_CONTEXT>",
    MINICPM_V: "<slice>",
    MINICPM_V46: "<slice>",
}
_VERSION = re.compile(r"(?i)llava[-_ ]?(?:v|next)?[-_ ]?(1\.[56])|llava-next")


def kind_of(projector: GGUFHeader) -> str:
    """Return the kind of a projector, by its name in llama.cpp."""
    return projector.text("clip.projector_type") or projector.text("clip.vision.projector_type") or LLAVA


def is_made_for(projector: GGUFHeader, model: GGUFHeader) -> bool:
    """Return whether a projector is of a kind that this model takes; their widths are another matter."""
    kind, architecture = kind_of(projector), model.architecture
    if (kind in _ARCHITECTURES or architecture in _CHOOSY) and architecture not in _ARCHITECTURES.get(kind, set()):
        return False
    if not _has(model, *_TOKENS.get(kind, ())):
        return False
    kinds = {other for other, sign in _SIGNS.items() if _has(model, sign)}
    return not kinds or kind in kinds


def other_version(model: GGUFHeader, model_name: str, projector: GGUFHeader, projector_name: str) -> str:
    """Return which LLaVA a model is of if the projector is of another version, "" if it is not or nothing says so."""
    spoken = _version(model, model_name)
    seen = "1.6" if projector.numbers("clip.vision.image_grid_pinpoints") else _version(projector, projector_name)
    return spoken if spoken and seen and spoken != seen else ""


def _has(model: GGUFHeader, *tokens: str) -> bool:
    vocabulary = model.metadata.get("tokenizer.ggml.tokens")
    return all(isinstance(vocabulary, (tuple, LongArray)) and token in vocabulary for token in tokens)


def _version(header: GGUFHeader, name: str) -> str:
    match = _VERSION.search(name) or _VERSION.search(header.text("general.name"))
    return (match[1] or "1.6") if match else ""

"""How a file shows which family its model belongs to, and whether its own words are those of the family.

A family is told by the metadata of the GGUF alone: architecture, names, shapes, and the tokens in
its vocabulary. The chat template in the file is searched for words and compared, never executed: a
template is a program written by strangers, and the ones in circulation are often not what the
model was trained with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from desktop_app.chat.families.known import (
    BAKLLAVA,
    CHATML,
    GEMMA3,
    GEMMA4,
    INTERNVL3,
    LFM2_VL,
    LLAVA_CHATML,
    LLAVA_LLAMA3,
    LLAVA_MISTRAL,
    LLAVA_PHI3,
    MINICPM_V,
    MINICPM_V46,
    MOONDREAM2,
    QWEN3_VL,
    QWEN25_VL,
    QWEN35,
    SMOLVLM2,
    UNKNOWN,
    VICUNA_V1,
)
from desktop_app.chat.families.template_words import says_the_same
from desktop_app.chat.prompt import Family

_COMMENT = re.compile(r"\{#.*?(?:#\}|\Z)", re.DOTALL)
_NO_TEXT = "(no text)"  # for a template of another type
#: Tokens that Vicuna does not have.
_TOKENS_OF_OTHERS = ("<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_utterance>", "<end_of_turn>", "<|endoftext|>")


class Wording(str, Enum):
    """What is known of the words that a model was trained with."""

    KNOWN = "known"
    OTHER = "other"  # its family is known, but the chat template in its file is not the family's
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class _File:
    """What a GGUF says about itself."""

    metadata: Mapping[str, object]

    @property
    def architecture(self) -> str:
        return self._text("general.architecture")

    @property
    def tokenizer(self) -> str:
        return self._text("tokenizer.ggml.model")

    def has(self, *tokens: str) -> bool:
        """Return whether all of these are single tokens of the vocabulary."""
        vocabulary = self.metadata.get("tokenizer.ggml.tokens")
        return all(isinstance(vocabulary, Container) and token in vocabulary for token in tokens)

    def is_named(self, word: str) -> bool:
        names = (self._text(f"general.{key}") for key in ("name", "basename", "finetune"))
        return any(word in name.lower().replace("_", "-") for name in names)

    def is_mistral_7b(self, rope: float) -> bool:
        """Return whether the shapes are Mistral-7B's: v0.1 turns with 1e4, v0.2 with 1e6."""
        keys = ("feed_forward_length", "attention.head_count_kv")
        shape = [self.metadata.get(f"llama.{key}") for key in keys]
        return (
            self.tokenizer == "llama"
            and shape == [14336, 8]
            and self.metadata.get("llama.rope.freq_base", 10_000.0) == rope
        )

    @property
    def template(self) -> str:
        """Return the chat template without its comments; one that is no text is another's all the same."""
        template = self.metadata.get("tokenizer.chat_template")
        return "" if template is None else _COMMENT.sub("", template if isinstance(template, str) else _NO_TEXT)

    def mentions(self, words: str) -> bool:
        """Return whether the chat template contains `words`."""
        return words in self.template

    def shows_vicuna(self) -> bool:
        """Return whether it is a LLaVA on Vicuna: most of those say nothing of themselves."""
        if self.architecture != "llama":
            return False
        # A file without a vocabulary can be planned and measured, but not asked.
        fits = self.tokenizer in {"llama", "no_vocab"} and not any(self.has(token) for token in _TOKENS_OF_OTHERS)
        named = self.is_named("llava") or self.is_named("vicuna")
        return self.mentions("ASSISTANT:") or (fits and (named or not self.template))

    def _text(self, key: str) -> str:
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""


# In this order: names and tokens that only one family has come before what several share.
_SIGNS: tuple[tuple[Family, Callable[[_File], bool]], ...] = (
    (MOONDREAM2, lambda file: file.is_named("moondream") or (file.architecture == "phi2" and not file.template)),
    (QWEN25_VL, lambda file: file.architecture == "qwen2vl"),
    (QWEN3_VL, lambda file: file.architecture in {"qwen3vl", "qwen3vlmoe"}),
    (GEMMA3, lambda file: file.architecture == "gemma3"),
    (GEMMA4, lambda file: file.architecture == "gemma4"),
    (SMOLVLM2, lambda file: file.has("<end_of_utterance>")),
    (INTERNVL3, lambda file: file.has("<IMG_CONTEXT>")),
    (MINICPM_V46, lambda file: file.architecture == "qwen35" and file.has("<slice>")),
    (MINICPM_V, lambda file: file.has("<slice>", "<|im_start|>")),
    (QWEN35, lambda file: file.architecture in {"qwen35", "qwen35moe"}),
    (LFM2_VL, lambda file: file.architecture == "lfm2"),
    (LLAVA_LLAMA3, lambda file: file.has("<|eot_id|>")),
    (LLAVA_PHI3, lambda file: file.has("<|end|>")),
    (LLAVA_CHATML, lambda file: file.tokenizer == "llama" and file.has("<|im_end|>") and not file.template),
    (CHATML, lambda file: file.has("<|im_end|>")),
    (BAKLLAVA, lambda file: file.is_named("bakllava")),
    (LLAVA_MISTRAL, lambda file: file.is_named("mistral") or file.mentions("[INST]")),
    (LLAVA_MISTRAL, lambda file: not file.template and file.is_mistral_7b(rope=1e6)),
    (BAKLLAVA, lambda file: not file.template and file.is_mistral_7b(rope=1e4)),
    (VICUNA_V1, _File.shows_vicuna),
)
FAMILIES: tuple[Family, ...] = tuple(dict.fromkeys(family for family, _ in _SIGNS))


def family_for(metadata: Mapping[str, object]) -> Family:
    """Return the family of a language model, told by the metadata of its GGUF; `UNKNOWN` if they do not tell.

    A family whose special tokens are not in the vocabulary is none for this file, and one cannot think without the
    tokens for it.
    """
    file = _File(metadata)
    found = next((family for family, shows in _SIGNS if shows(file) and file.has(*family.specials)), UNKNOWN)
    if found.thinking is not None and not file.has(*found.thinking.specials):
        return replace(found, thinking=None)
    return found


def wording_of(metadata: Mapping[str, object]) -> Wording:
    """Return what is known of the words that a model was trained with, told by the metadata of its GGUF.

    Where the authors of a family publish no chat template, those in circulation are others' guesses: only the special
    tokens around messages count then.
    """
    family, template = family_for(metadata), _File(metadata).template
    if family is UNKNOWN:
        return Wording.UNKNOWN
    if not template:
        return Wording.KNOWN
    if family.has_template:
        same = says_the_same(template, family)
    elif family.framing_tokens:
        same = all(token in template for token in family.framing_tokens)
    else:
        same = str(family.asking[-1]).strip() in template
    return Wording.KNOWN if same else Wording.OTHER

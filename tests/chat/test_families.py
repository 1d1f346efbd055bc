"""Every family's prompt equals the one its authors' code writes, and a file's metadata shows its family."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from desktop_app.chat.families.known import UNKNOWN, VICUNA_V1
from desktop_app.chat.families.signs import FAMILIES, Wording, family_for, wording_of
from desktop_app.chat.prompt import Answer, Exchange, Part, PicturePlace, Special, prompt_parts
from model_store.gguf_header import LongArray
from tests.helpers.paths import DATA

RECORDED: dict[str, Any] = json.loads((DATA / "prompts.json").read_text(encoding="utf-8"))
BY_NAME = {family.name: family for family in FAMILIES}
CASES = [(name, case) for name in RECORDED["families"] for case in RECORDED["conversations"]]


def exchanges_of(case: str) -> list[Exchange]:
    return [
        Exchange(turn["question"], tuple(f"{number}" for number in range(turn["pictures"])), turn["answer"])
        for turn in RECORDED["conversations"][case]["turns"]
    ]


def as_text(parts: list[Part], recorded: dict[str, Any]) -> str:
    ends: dict[str, str] = {"bos": recorded["bos"], "eos": recorded["eos"]}

    def text(part: Part) -> str:
        if isinstance(part, Special):
            return ends.get(part.name, part.name)
        if isinstance(part, Answer):
            return part.before + part.text + part.after
        return "<picture>" if isinstance(part, PicturePlace) else part.text

    return "".join(map(text, parts))


def test_every_family_is_recorded() -> None:
    assert set(BY_NAME) == set(RECORDED["families"])


@pytest.mark.parametrize(("name", "case"), CASES)
def test_prompts_are_those_of_the_original(name: str, case: str) -> None:
    recorded = RECORDED["families"][name]
    system = RECORDED["conversations"][case]["system"]
    parts = prompt_parts(BY_NAME[name], exchanges_of(case), system)
    assert as_text(parts, recorded) == recorded["prompts"][case]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_whatever_is_typed_stays_words(family: Any) -> None:
    typed = "".join(sorted(family.specials)) + "</s><s><image>"
    plain = prompt_parts(family, [Exchange("q", ("p",), "a"), Exchange("q")], "s")
    parts = prompt_parts(family, [Exchange(typed, ("p",), typed), Exchange(typed)], typed)
    assert [type(part) for part in parts] == [type(part) for part in plain]
    assert [part for part in parts if isinstance(part, Special)] == [
        part for part in plain if isinstance(part, Special)
    ]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_an_answer_that_ends_as_in_training_is_recognised(family: Any) -> None:
    """What stands after an answer in the prompt is what ends it when it is written."""
    parts = prompt_parts(family, [Exchange("q", (), "a"), Exchange("q")])
    after = parts[next(index for index, part in enumerate(parts) if isinstance(part, Answer)) + 1]
    if isinstance(after, Special):
        assert after.name == "eos" or after.name in family.stops
    else:
        assert family.name == "moondream2"  # its conversations are one question long


LLAMA_2 = ("<unk>", "<s>", "</s>")
CHATML = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
PHI_3 = (*LLAMA_2, "<|endoftext|>", "<|assistant|>", "<|placeholder1|>", "<|system|>", "<|end|>", "<|user|>")
LLAMA_3 = ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
MINICPM = ("<image>", "</image>", "<slice>", "</slice>", "<image_id>", "</image_id>")
QWEN = (*CHATML, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
LFM2 = ("<|startoftext|>", "<|im_start|>", "<|im_end|>", "<|image_start|>", "<|image_end|>", "<|img_thumbnail|>")
THINKING = ("<think>", "</think>")
GEMMA = ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>")
GEMMA_4 = (
    *("<bos>", "<eos>", "<|turn>", "<turn|>", "<|image>", "<image|>", "<|image|>", "<|audio>", "<audio|>"),
    *("<|channel>", "<channel|>", "<|think|>"),
)
SMOL = ("<|im_start|>", "<|im_end|>", "<end_of_utterance>", "<fake_token_around_image>", "<global-img>", "<image>")
SEVEN_B = {"feed_forward_length": 11008, "attention.head_count": 32, "attention.head_count_kv": 32}
MISTRAL_7B = {"feed_forward_length": 14336, "attention.head_count": 32, "attention.head_count_kv": 8}


@dataclass(frozen=True)
class File:
    """A file in circulation, as far as its metadata matter."""

    family: str
    architecture: str
    name: str
    tokenizer: str
    tokens: tuple[str, ...]
    shape: dict[str, Any] | None = None
    template: str = ""

    def metadata(self) -> dict[str, object]:
        known: dict[str, object] = {
            "general.architecture": self.architecture,
            "general.name": self.name,
            "tokenizer.ggml.model": self.tokenizer,
            "tokenizer.ggml.tokens": LongArray(32000, frozenset(self.tokens)),
        }
        if self.template:
            known["tokenizer.chat_template"] = self.template
        return known | {f"{self.architecture}.{key}": value for key, value in (self.shape or {}).items()}


FILES = {
    "llava-v1.5-7b-Q4_K_M.gguf": File("vicuna_v1", "llama", "LLaMA v2", "llama", LLAMA_2, SEVEN_B),
    "ggml-model-q4_k.gguf, LLaVA-1.5-13B": File(
        "vicuna_v1", "llama", "LLaMA v2", "llama", LLAMA_2, {"feed_forward_length": 13824}
    ),
    "llava-v1.6-vicuna-7b.Q4_K_M.gguf": File("vicuna_v1", "llama", "1.6", "llama", LLAMA_2, SEVEN_B),
    "llava-v1.6-mistral-7b.Q4_K_M.gguf": File(
        "llava_mistral", "llama", "1.6", "llama", LLAMA_2, {**MISTRAL_7B, "rope.freq_base": 1000000.0}
    ),
    "a LLaVA on Mistral that tells its name": File("llava_mistral", "llama", "LLaVA v1.6 Mistral 7B", "llama", LLAMA_2),
    "a LLaVA on Mistral that tells its template": File(
        "llava_mistral", "llama", "hf", "llama", LLAMA_2, template="{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    ),
    "ggml-model-q4_k.gguf, BakLLaVA": File(
        "bakllava", "llama", "LLaMA v2", "llama", LLAMA_2, {**MISTRAL_7B, "rope.freq_base": 10000.0}
    ),
    "a BakLLaVA that tells its name": File("bakllava", "llama", "BakLLaVA 1 Mistral", "llama", LLAMA_2),
    "llava-v1.6-34b.Q4_K_M.gguf": File(
        "llava_chatml", "llama", "1.6", "llama", ("<unk>", "<|startoftext|>", *CHATML), {"feed_forward_length": 20480}
    ),
    "llava-phi-3-mini-int4.gguf": File(
        "llava_phi3", "llama", "LLaMA v2", "llama", PHI_3, {"feed_forward_length": 8192}
    ),
    "a LLaVA on Phi-3 of its own architecture": File("llava_phi3", "phi3", "Phi3", "llama", PHI_3),
    "llava-llama-3-8b-v1_1-int4.gguf": File("llava_llama3", "llama", "llava", "gpt2", LLAMA_3, MISTRAL_7B),
    "moondream2-text-model-f16.gguf": File("moondream2", "phi2", "moondream2", "gpt2", ("<|endoftext|>",)),
    "Qwen2.5-VL-3B-Instruct-Q4_K_M.gguf": File("qwen2.5_vl", "qwen2vl", "Qwen2.5 VL 3B Instruct", "gpt2", QWEN),
    "Qwen3VL-2B-Instruct-Q4_K_M.gguf": File("qwen3_vl", "qwen3vl", "Qwen3Vl 2b Instruct", "gpt2", (*QWEN, *THINKING)),
    "Qwen3.5-2B-Q4_K_M.gguf": File("qwen3.5", "qwen35", "Qwen3.5-2B", "gpt2", (*QWEN, *THINKING)),
    "gemma-3-4b-it-Q4_K_M.gguf": File("gemma3", "gemma3", "Gemma 3 4b It", "llama", GEMMA),
    "gemma-4-E2B-it-Q4_K_M.gguf": File("gemma4", "gemma4", "Gemma 4 E2B It", "gemma4", GEMMA_4),
    "SmolVLM2-2.2B-Instruct-Q4_K_M.gguf": File("smolvlm2", "llama", "SmolVLM2 2.2B Instruct", "gpt2", SMOL),
    "ggml-model-Q4_K_M.gguf, MiniCPM-V 2.6": File("minicpm_v", "qwen2", "Model", "gpt2", (*CHATML, *MINICPM)),
    "MiniCPM-V-4_6-Q4_K_M.gguf": File("minicpm_v4.6", "qwen35", "MiniCPM V 4.6", "gpt2", (*QWEN, *THINKING, *MINICPM)),
    "LFM2.5-VL-1.6B-Q4_0.gguf": File("lfm2_vl", "lfm2", "LFM2.5 VL 1.6B", "gpt2", LFM2),
    "InternVL3-1B-Instruct-Q8_0.gguf": File(
        "internvl3", "qwen2", "InternVL3 1B Instruct", "gpt2", (*QWEN, "<img>", "</img>", "<IMG_CONTEXT>")
    ),
    "InternVL3_5-2B-Q4_K_M.gguf": File(
        "internvl3", "qwen3", "InternVL3_5 2B", "gpt2", (*QWEN, *THINKING, "<img>", "</img>", "<IMG_CONTEXT>")
    ),
    "Qwen2.5 without eyes": File("chatml", "qwen2", "Qwen2.5 3B Instruct", "gpt2", QWEN),
}


CHATML_TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
#: Models whose words are known to nobody here, and the words of some of them.
UNKNOWN_FILES = {
    "an architecture of tomorrow": File("unknown", "something new", "LLaVA of tomorrow", "gpt2", ("<a>",)),
    "gemma-4-12b-it, before its tokens were added": File("unknown", "gemma4", "Gemma 4", "llama", ("<bos>",)),
    "gemma-2-2b-it-Q4_K_M.gguf": File(
        "unknown", "gemma2", "Gemma 2 2b It", "llama", GEMMA[:4], template="{{ '<start_of_turn>' + role }}"
    ),
    "tinyllama-1.1b-chat": File("unknown", "llama", "tinyllama", "llama", LLAMA_2, template="{{ '<|user|>\\n' }}"),
    "zephyr-7b-beta": File("unknown", "llama", "zephyr", "llama", LLAMA_2, MISTRAL_7B, template="{{ '<|user|>' }}"),
    "phi-2 with other words": File(
        "unknown", "phi2", "Phi2", "gpt2", ("<|endoftext|>",), template="{{ 'Instruct: ' + m.content }}"
    ),
    "a llama with another tokeniser": File("unknown", "llama", "", "gpt2", LLAMA_2),
    "a llama with Llama 3's end of a turn": File("unknown", "llama", "", "gpt2", ("<s>", "<|eot_id|>")),
    "a llava with ChatML's end, which lacks its begin": File("unknown", "llama", "llava", "llama", ("<|im_end|>",)),
    "a llama with SmolVLM's end of a turn": File("unknown", "llama", "", "llama", ("<end_of_utterance>",)),
    "a llama whose template only remarks on Vicuna's words": File(
        "unknown", "llama", "", "llama", LLAMA_2, template="{# ASSISTANT: #}{{ '<|user|>' }}{# ASSISTANT:"
    ),
    "GLM-OCR": File("unknown", "glm4", "GLM OCR", "gpt2", ("[gMASK]", "<sop>", "<|user|>", "<|assistant|>")),
}


@pytest.mark.parametrize("name", UNKNOWN_FILES)
def test_no_file_is_given_the_words_of_another_in_silence(name: str) -> None:
    metadata = UNKNOWN_FILES[name].metadata()
    assert family_for(metadata) is UNKNOWN
    assert wording_of(metadata) is Wording.UNKNOWN


def test_a_llava_with_other_words_is_spoken_to_as_llava_and_said_to_have_them() -> None:
    hf = "{{ message['role'].upper() + ': ' }}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
    for template, wording in ((hf, Wording.KNOWN), ("{{ '### Human: ' }}", Wording.OTHER)):
        metadata = File("", "llama", "llava-1.5-7b-hf", "llama", LLAMA_2, SEVEN_B, template).metadata()
        assert (family_for(metadata), wording_of(metadata)) == (VICUNA_V1, wording)


@pytest.mark.parametrize("template", [7, True, ("ASSISTANT:",)])
def test_a_template_that_is_no_text_is_not_taken_for_none(template: object) -> None:
    metadata = File("", "llama", "", "llama", LLAMA_2, SEVEN_B).metadata()
    assert wording_of(metadata) is Wording.KNOWN
    assert wording_of({**metadata, "tokenizer.chat_template": template}) is Wording.UNKNOWN
    qwen = {**FILES["Qwen3.5-2B-Q4_K_M.gguf"].metadata(), "tokenizer.chat_template": template}
    assert wording_of(qwen) is Wording.OTHER


@pytest.mark.parametrize("name", FILES)
def test_a_file_without_a_template_says_no_other_words(name: str) -> None:
    metadata = FILES[name].metadata()
    if not FILES[name].template:
        assert wording_of(metadata) is Wording.KNOWN


@pytest.mark.parametrize("name", FILES)
def test_files_in_circulation_are_recognised(name: str) -> None:
    assert family_for(FILES[name].metadata()).name == FILES[name].family


@pytest.mark.parametrize("name", FILES)
def test_short_vocabularies_are_looked_through_as_well(name: str) -> None:
    metadata = FILES[name].metadata() | {"tokenizer.ggml.tokens": FILES[name].tokens}
    assert family_for(metadata).name == FILES[name].family


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"general.architecture": "something new", "general.name": "LLaVA of tomorrow"},
        {"general.architecture": 7, "general.name": True, "tokenizer.ggml.tokens": 3, "tokenizer.chat_template": ()},
        {"general.architecture": "gemma3"},  # without the tokens it needs
        {"general.name": "moondream2", "tokenizer.ggml.tokens": ("<s>",)},
    ],
)
def test_what_says_nothing_is_not_taken_for_llava(metadata: dict[str, object]) -> None:
    assert family_for(metadata) is UNKNOWN


def test_a_template_is_text_to_look_at() -> None:
    """One that would never end, or do harm, is as good as any."""
    endless = "{% for a in range(10**9) %}{% for b in range(10**9) %}[INST]{% endfor %}{% endfor %}"
    metadata = FILES["a LLaVA on Mistral that tells its template"].metadata() | {"tokenizer.chat_template": endless}
    assert family_for(metadata).name == "llava_mistral"

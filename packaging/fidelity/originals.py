"""What each model's own code makes of a conversation.

The prompts are described here a second time, in their own terms (roles, separators, templates)
and without anything of desktop_app, so that the tests compare two descriptions with each other.
A picture is written `<picture>`; the special tokens around it are the model's own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LLAVA = "https://github.com/haotian-liu/LLaVA/blob/main/llava/conversation.py"
XTUNER = "https://github.com/InternLM/xtuner/blob/main/xtuner/utils/templates.py"
HUB = "https://huggingface.co"
HELPFUL = "You are a helpful assistant."


@dataclass(frozen=True)
class Turn:
    """A question about some pictures; the last of a conversation has no answer."""

    question: str
    pictures: int = 0
    answer: str | None = None

    def message(self, picture: str = "<picture>\n") -> str:
        """Return the question after its pictures."""
        return picture * self.pictures + self.question


Turns = Sequence[Turn]
Original = Callable[["str | None", Turns], str]


def vicuna_v1(system: str | None, turns: Turns) -> str:
    """Two separators: a space after the system prompt and questions, </s> after answers."""
    default = (
        "A chat between a curious user and an artificial intelligence assistant. "
        "The assistant gives helpful, detailed, and polite answers to the user's questions."
    )
    text = "<s>" + (system or default) + " "
    for turn in turns:
        text += "USER: " + turn.message() + " " + "ASSISTANT:"
        text += f" {turn.answer}</s>" if turn.answer is not None else ""
    return text


def mistral_instruct(system: str | None, turns: Turns) -> str:
    """Llama 2's style with an empty separator: the system prompt goes into the first question."""
    text = "<s>"
    for number, turn in enumerate(turns):
        message = turn.message()
        if number == 0 and system:
            message = f"<<SYS>>\n{system}\n<</SYS>>\n\n{message}"
        text += f"[INST] {message} [/INST]"
        text += f" {turn.answer} </s>" if turn.answer is not None else ""
    return text


def chatml_direct(system: str | None, turns: Turns) -> str:
    """MPT's style: every message ends with <|im_end|> alone. The tokeniser adds no beginning."""
    text = f"<|im_start|>system\n{system or 'Answer the questions.'}<|im_end|>"
    for turn in turns:
        text += f"<|im_start|>user\n{turn.message()}<|im_end|><|im_start|>assistant\n"
        text += f"{turn.answer}<|im_end|>" if turn.answer is not None else ""
    return text


def phi3_chat(system: str | None, turns: Turns) -> str:
    """Input, output and separator are tokenised one by one; white space after special tokens is lost."""

    def tokenised(text: str) -> str:
        return re.sub(r"(<\|\w+\|>)\s+", r"\1", text)

    text = "<s>" + (tokenised(f"<|system|>\n{system}<|end|>\n") if system else "")
    for turn in turns:
        text += tokenised(f"<|user|>\n{turn.message()}<|end|>\n<|assistant|>\n")
        text += f"{turn.answer}<|end|>" + "\n" if turn.answer is not None else ""
    return text


def llama3_chat(system: str | None, turns: Turns) -> str:
    """A header with the role, two line breaks, the message, <|eot_id|>."""

    def headed(role: str) -> str:
        return f"<|start_header_id|>{role}<|end_header_id|>\n\n"

    text = "<|begin_of_text|>" + (f"{headed('system')}{system}<|eot_id|>" if system else "")
    for turn in turns:
        text += f"{headed('user')}{turn.message()}<|eot_id|>{headed('assistant')}"
        text += f"{turn.answer}<|eot_id|>" if turn.answer is not None else ""
    return text


def moondream(system: str | None, turns: Turns) -> str:
    """The query template: picture, question, answer, in plain words after the first token."""
    text = "<|endoftext|>" + (system or "")
    for turn in turns:
        text += "<picture>" * turn.pictures + f"\n\nQuestion: {turn.question}\n\nAnswer:"
        text += f" {turn.answer}" if turn.answer is not None else ""
    return text


def chatml(default: str, picture: str) -> Original:
    """ChatML: <|im_start|>, role, line break, message, <|im_end|>, line break."""

    def write(system: str | None, turns: Turns) -> str:
        told = system or default
        text = f"<|im_start|>system\n{told}<|im_end|>\n" if told else ""
        for turn in turns:
            text += f"<|im_start|>user\n{turn.message(picture)}<|im_end|>\n<|im_start|>assistant\n"
            text += f"{turn.answer}<|im_end|>\n" if turn.answer is not None else ""
        return text

    return write


def qwen35(system: str | None, turns: Turns) -> str:
    """ChatML without a system prompt of its own; the answer that is being written begins with an empty thought."""
    text = chatml("", "<|vision_start|><picture><|vision_end|>")(system, turns)
    return text + ("<think>\n\n</think>\n\n" if turns[-1].answer is None else "")


def minicpm(system: str | None, turns: Turns, default: str = HELPFUL) -> str:
    """ChatML; the pictures of the conversation are numbered from 0."""
    numbers = itertools.count()
    text = chatml(default, "<image_id>#</image_id><image><picture></image>\n")(system, turns)
    return re.sub("(?<=<image_id>)#", lambda _: str(next(numbers)), text)


def minicpm_v46(system: str | None, turns: Turns) -> str:
    """The same without a system prompt of its own; the answer that is being written begins with an empty thought."""
    return minicpm(system, turns, "") + ("<think>\n\n</think>\n\n" if turns[-1].answer is None else "")


def lfm2_vl(system: str | None, turns: Turns) -> str:
    """ChatML behind a token that begins all text."""
    told = "You are a helpful multimodal assistant by Liquid AI."
    return "<|startoftext|>" + chatml(told, "<|image_start|><picture><|image_end|>")(system, turns)


def gemma3(system: str | None, turns: Turns) -> str:
    """Roles user and model; the system prompt opens the first question."""
    text = "<bos>"
    for number, turn in enumerate(turns):
        text += "<start_of_turn>user\n" + (f"{system}\n\n" if system and number == 0 else "")
        text += turn.message("\n\n<start_of_image><picture><end_of_image>\n\n")
        text += "<end_of_turn>\n<start_of_turn>model\n"
        text += f"{turn.answer}<end_of_turn>\n" if turn.answer is not None else ""
    return text


def gemma4(system: str | None, turns: Turns) -> str:
    """Roles system, user and model; the answer that is being written begins with an empty thought."""
    text = "<bos>" + (f"<|turn>system\n{system}<turn|>\n" if system else "")
    for turn in turns:
        text += f"<|turn>user\n{turn.message('<|image><picture><image|>')}<turn|>\n<|turn>model\n"
        text += f"{turn.answer}<turn|>\n" if turn.answer is not None else ""
    return text + ("<|channel>thought\n<channel|>" if turns[-1].answer is None else "")


def smolvlm(system: str | None, turns: Turns) -> str:
    """Roles with a capital; no space after the colon where a picture follows."""
    picture = "<fake_token_around_image><global-img><picture><fake_token_around_image>"
    text = "<|im_start|>" + (f"System: {system}<end_of_utterance>\n" if system else "")
    for turn in turns:
        text += ("User:" if turn.pictures else "User: ") + turn.message(picture)
        text += "<end_of_utterance>\nAssistant:"
        text += f" {turn.answer}<end_of_utterance>\n" if turn.answer is not None else ""
    return text


INTERN = "你是书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的多模态大语言模型。"

# Family: (source, what "bos" and "eos" are there, the original)
ORIGINALS: dict[str, tuple[str, str, str, Original]] = {
    "vicuna_v1": (f"{LLAVA} (conv_vicuna_v1)", "<s>", "</s>", vicuna_v1),
    "bakllava": ("https://github.com/SkunkworksAI/BakLLaVA/blob/main/llava/conversation.py", "<s>", "</s>", vicuna_v1),
    "llava_mistral": (f"{LLAVA} (conv_mistral_instruct)", "<s>", "</s>", mistral_instruct),
    "llava_chatml": (f"{LLAVA} (conv_chatml_direct)", "", "<|im_end|>", chatml_direct),
    "llava_phi3": (f"{XTUNER} (phi3_chat)", "<s>", "<|endoftext|>", phi3_chat),
    "llava_llama3": (f"{XTUNER} (llama3_chat)", "<|begin_of_text|>", "<|end_of_text|>", llama3_chat),
    "moondream2": (
        "https://github.com/vikhyat/moondream/blob/main/moondream/torch/moondream.py (query)",
        "",
        "<|endoftext|>",
        moondream,
    ),
    "qwen2.5_vl": (
        f"{HUB}/Qwen/Qwen2.5-VL-3B-Instruct/blob/main/chat_template.json",
        "",
        "<|im_end|>",
        chatml(HELPFUL, "<|vision_start|><picture><|vision_end|>"),
    ),
    "qwen3_vl": (
        f"{HUB}/Qwen/Qwen3-VL-2B-Instruct/blob/main/chat_template.json",
        "",
        "<|im_end|>",
        chatml("", "<|vision_start|><picture><|vision_end|>"),
    ),
    "qwen3.5": (
        f"{HUB}/Qwen/Qwen3.5-4B/blob/main/chat_template.jinja (enable_thinking false)",
        "",
        "<|im_end|>",
        qwen35,
    ),
    "minicpm_v": (
        f"{HUB}/openbmb/MiniCPM-V-2_6/blob/main/processing_minicpmv.py",
        "",
        "<|im_end|>",
        minicpm,
    ),
    "minicpm_v4.6": (
        f"{HUB}/openbmb/MiniCPM-V-4.6/blob/main/chat_template.jinja (enable_thinking false)",
        "",
        "<|im_end|>",
        minicpm_v46,
    ),
    "lfm2_vl": (f"{HUB}/LiquidAI/LFM2.5-VL-1.6B (chat template)", "<|startoftext|>", "<|im_end|>", lfm2_vl),
    "internvl3": (
        f"{HUB}/OpenGVLab/InternVL3-1B/blob/main/conversation.py (internvl2_5)",
        "",
        "<|im_end|>",
        chatml(INTERN, "<img><picture></img>\n"),
    ),
    "chatml": ("ChatML", "", "<|im_end|>", chatml("", "<picture>\n")),
    "gemma3": (f"{HUB}/google/gemma-3-4b-it/blob/main/chat_template.json", "<bos>", "<eos>", gemma3),
    "gemma4": (
        f"{HUB}/google/gemma-4-31B-it/blob/main/chat_template.jinja (enable_thinking false)",
        "<bos>",
        "<turn|>",
        gemma4,
    ),
    "smolvlm2": (
        f"{HUB}/HuggingFaceTB/SmolVLM2-2.2B-Instruct/blob/main/chat_template.json",
        "",
        "<end_of_utterance>",
        smolvlm,
    ),
}

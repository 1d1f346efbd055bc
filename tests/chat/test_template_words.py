"""The chat template of a file is compared with the words of the family, and never executed."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from desktop_app.chat.families.known import GEMMA3, LFM2_VL, QWEN3_VL, QWEN25_VL, QWEN35
from desktop_app.chat.families.signs import FAMILIES
from desktop_app.chat.families.template_words import says_the_same
from desktop_app.chat.prompt import Special, prompt_parts
from tests.chat.test_families import RECORDED as PROMPTS
from tests.chat.test_families import as_text, exchanges_of
from tests.helpers.paths import DATA

RECORDED: list[dict[str, Any]] = json.loads((DATA / "templates.json").read_text(encoding="utf-8"))
BY_NAME = {family.name: family for family in FAMILIES}
CHATML = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
THINKS = (
    "{%- if enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- else %}{{- '<think>\\n' }}{%- endif %}"
)


def template_of(pieces: list[str]) -> str:
    """Return a template with these constants."""
    return "".join("{{ " + json.dumps(piece, ensure_ascii=False) + " }}" for piece in pieces)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: str(recorded["file"]))
def test_published_templates_are_known(recorded: dict[str, Any]) -> None:
    assert says_the_same(template_of(recorded["pieces"]), BY_NAME[recorded["family"]])


RENDERED = [
    (recorded, way, case) for recorded in RECORDED for way, prompts in recorded["prompts"].items() for case in prompts
]


@pytest.mark.parametrize(
    ("recorded", "way", "case"), RENDERED, ids=[f"{one['file']}-{way}-{case}" for one, way, case in RENDERED]
)
def test_prompts_are_what_published_templates_write(recorded: dict[str, Any], way: str, case: str) -> None:
    family = BY_NAME[recorded["family"]]
    spoken = family.thinking_first if way == "think" else family
    system = PROMPTS["conversations"][case]["system"] or ""  # the templates have no sentence of their own
    parts = prompt_parts(spoken, exchanges_of(case), system)
    assert as_text(parts, PROMPTS["families"][family.name]) == recorded["prompts"][way][case]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: str(recorded["file"]))
def test_without_one_of_its_own_tokens_a_template_is_another(recorded: dict[str, Any]) -> None:
    family = BY_NAME[recorded["family"]]
    for token in sorted(family.framing_tokens):
        assert not says_the_same(template_of(recorded["pieces"]).replace(token, "<other>"), family), token


def test_thinking_tells_qwen3_vl_from_qwen3_5() -> None:
    assert says_the_same(CHATML, QWEN3_VL)
    assert not says_the_same(CHATML, QWEN35)
    assert says_the_same(CHATML + THINKS, QWEN35)
    assert not says_the_same(CHATML + THINKS, QWEN3_VL)


def test_text_outside_of_blocks_counts_as_well() -> None:
    """Qwen2.5-VL's is written so."""
    told = "{% if loop.first %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    turn = "<|im_start|>{{ role }}\n{{ content }}{% if seen %}<|vision_start|><|image_pad|><|vision_end|>{% endif %}"
    turn += "<|im_end|>\n"
    asked = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    assert says_the_same(told + turn + asked, QWEN25_VL)
    assert not says_the_same(told + turn + asked, QWEN3_VL)
    assert not says_the_same(told.replace("helpful", "rude") + turn + asked, QWEN25_VL)


@pytest.mark.parametrize(
    "added",
    [
        "{{ '<|im_start|>system\\nYou are Bob.<|im_end|>\\n' }}",
        '{%- set told = "You are Bob, an assistant." %}',
        "{{- '<|im_start|>system\\n' -}}Label all learning materials in the picture.{{- '<|im_end|>\\n' }}",
        "{{ '<|im_start|>human\\n' }}",
        "{{ '<|im_end|>\\n\\n' }}",
    ],
)
def test_other_words_are_seen(added: str) -> None:
    assert not says_the_same(added + CHATML, QWEN3_VL)


@pytest.mark.parametrize(
    "added",
    [
        "{# <|im_start|>human #}",
        "{{ 'You may call a tool: <tool_call>{\"name\": }}%}</tool_call><|im_end|>\\n' }}",
        "{{ raise_exception('There is no question.') }}",
        "{% if add_vision_id %}Picture {{ count }}: {% endif %}<|vision_start|><|video_pad|><|vision_end|>",
    ],
)
def test_what_is_no_word_of_a_message_does_not_count(added: str) -> None:
    assert says_the_same(added + CHATML, QWEN3_VL)


@pytest.mark.parametrize(
    "hostile", ["{{", "{%", "{#", "{{'", '{{ "\\', "'\\'", "{{'\\'", "}}", "{{ '<|im_start|>'", "\0"]
)
def test_no_template_takes_long(hostile: str) -> None:
    started = time.monotonic()
    for family in (QWEN35, LFM2_VL, GEMMA3):
        says_the_same(hostile * (100_000 // len(hostile)), family)
        says_the_same(hostile * 1_000_000, family)
    assert time.monotonic() - started < 10


def test_the_frame_follows_the_family() -> None:
    other = replace(QWEN3_VL, answering=(*QWEN3_VL.answering[:-1], Special("<|im_end|>"), "\n\n"))
    assert says_the_same("{{ '<|im_end|>\\n\\n' }}" + CHATML, other)

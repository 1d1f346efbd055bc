"""Write tests/data/templates.json: what published chat templates write, rendered by transformers.

python -m tests.recording.templates llama.cpp/models/templates

Of the templates themselves only what frames messages is kept, in short pieces. Needs transformers.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop_app.chat.families.signs import FAMILIES
from desktop_app.chat.families.template_words import framing_pieces
from tests.helpers.paths import DATA

TEMPLATES = DATA / "templates.json"
PROMPTS = DATA / "prompts.json"


@dataclass(frozen=True)
class Published:
    """A published template, and how the picture processor of its models fills in pictures; None: it has none."""

    family: str
    picture: tuple[str, str] | None = None  # what stands in the template, and what becomes of it
    variables: Mapping[str, str] = field(default_factory=dict)
    is_rendered: bool = True


_GEMMA_4 = Published("gemma4", ("<|image|>", "<|image><picture><image|>"), {"bos_token": "<bos>"})
_LFM2 = Published("lfm2_vl", None, {"bos_token": "<|startoftext|>"})
_PUBLISHED = {
    "Qwen3.5-4B.jinja": Published("qwen3.5", ("<|image_pad|>", "<picture>")),
    "LFM2.5-Instruct.jinja": _LFM2,
    "LFM2-8B-A1B.jinja": _LFM2,
    "google-gemma-2-2b-it.jinja": Published("gemma3", is_rendered=False),  # it knows no system prompt
    "google-gemma-4-31B-it.jinja": _GEMMA_4,
    "google-gemma-4-31B-it-interleaved.jinja": _GEMMA_4,
}


def main() -> None:
    """Write the file from the folder that is named."""
    folder = Path(sys.argv[1])
    families = {family.name: family for family in FAMILIES}
    recorded = []
    for name, published in _PUBLISHED.items():
        family = families.get(published.family)
        if family is not None:
            template = (folder / name).read_text(encoding="utf-8")
            record: dict[str, Any] = {"file": name, "sha256": hashlib.sha256(template.encode()).hexdigest()}
            record |= {"family": family.name, "pieces": framing_pieces(template, family), "prompts": {}}
            for think in (False, True) if family.thinking is not None else (False,):
                record["prompts"]["think" if think else "answer"] = _rendered(template, published, think=think)
            recorded.append(record)
    TEMPLATES.write_text(json.dumps(recorded, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _rendered(template: str, published: Published, *, think: bool) -> dict[str, str]:
    from transformers.utils.chat_template_utils import render_jinja_template

    conversations = json.loads(PROMPTS.read_text(encoding="utf-8"))["conversations"]
    prompts: dict[str, str] = {}
    for case, conversation in conversations.items() if published.is_rendered else ():
        seen = any(turn["pictures"] for turn in conversation["turns"])
        if seen and published.picture is None:
            continue
        (text,), _ = render_jinja_template(
            conversations=[_messages(conversation)],
            chat_template=template,
            add_generation_prompt=True,
            enable_thinking=think,
            **published.variables,
        )
        prompts[case] = text.replace(*published.picture) if published.picture is not None else text
    return prompts


def _messages(conversation: dict[str, Any]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    if conversation["system"]:
        messages.append({"role": "system", "content": conversation["system"]})
    for turn in conversation["turns"]:
        pictures = [{"type": "image"}] * turn["pictures"]
        words = turn["question"]
        messages.append(
            {"role": "user", "content": [*pictures, {"type": "text", "text": words}] if pictures else words}
        )
        if turn["answer"] is not None:
            messages.append({"role": "assistant", "content": turn["answer"]})
    return messages


if __name__ == "__main__":
    main()

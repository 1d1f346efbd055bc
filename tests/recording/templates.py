"""Write tests/data/templates.json: what published chat templates write around messages, in short pieces.

python -m tests.recording.templates llama.cpp/models/templates
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from desktop_app.chat.families.signs import FAMILIES
from desktop_app.chat.families.template_words import framing_pieces
from tests.helpers.paths import DATA

TEMPLATES = DATA / "templates.json"
_KNOWN = {
    "Qwen3.5-4B.jinja": "qwen3.5",
    "LFM2.5-Instruct.jinja": "lfm2_vl",
    "LFM2-8B-A1B.jinja": "lfm2_vl",
    "google-gemma-2-2b-it.jinja": "gemma3",
    "google-gemma-4-31B-it.jinja": "gemma4",
    "google-gemma-4-31B-it-interleaved.jinja": "gemma4",
}


def main() -> None:
    """Write the file from the folder that is named."""
    folder = Path(sys.argv[1])
    families = {family.name: family for family in FAMILIES}
    recorded = []
    for name, family in _KNOWN.items():
        if family in families:
            template = (folder / name).read_text(encoding="utf-8")
            digest = hashlib.sha256(template.encode()).hexdigest()
            pieces = framing_pieces(template, families[family])
            recorded.append({"file": name, "sha256": digest, "family": family, "pieces": pieces})
    TEMPLATES.write_text(json.dumps(recorded, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

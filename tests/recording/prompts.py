"""Write tests/data/prompts.json: what each model's own code makes of the same conversations.

PYTHONPATH=packaging:. python -m tests.recording.prompts
"""

from __future__ import annotations

import json

from fidelity.originals import ORIGINALS, Turn, Turns

from tests.helpers.paths import DATA

PROMPTS = DATA / "prompts.json"
CONVERSATIONS: dict[str, tuple[str | None, Turns]] = {
    "no picture": (None, [Turn("What can you do?")]),
    "one picture": (None, [Turn("What is this?", 1)]),
    "two pictures": (None, [Turn("Which is larger?", 2)]),
    "two turns": (None, [Turn("What is this?", 1, "A red star."), Turn("Are you sure?")]),
    "a picture later": (None, [Turn("Hello!", 0, "Hello. Show me one."), Turn("Here it is.\nWhat is it?", 1)]),
    "three turns": (None, [Turn("a", 1, "One."), Turn("b", 0, "Two,\n\nthree."), Turn("c")]),
    "system prompt": ("Answer in rhyme.", [Turn("What is this?", 1, "A star, by far."), Turn("And its colour?")]),
}


def main() -> None:
    """Write the file."""
    families = {
        name: {
            "source": source,
            "bos": bos,
            "eos": eos,
            "prompts": {case: original(*conversation) for case, conversation in CONVERSATIONS.items()},
        }
        for name, (source, bos, eos, original) in ORIGINALS.items()
    }
    conversations = {
        case: {
            "system": system,
            "turns": [{"question": turn.question, "pictures": turn.pictures, "answer": turn.answer} for turn in turns],
        }
        for case, (system, turns) in CONVERSATIONS.items()
    }
    recorded = {"conversations": conversations, "families": families}
    PROMPTS.write_text(json.dumps(recorded, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

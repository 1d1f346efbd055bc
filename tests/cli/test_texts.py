"""The texts of the command line."""

from __future__ import annotations

import re

from desktop_app.cli import texts
from tests.helpers.imports import sources


def test_every_text_is_used() -> None:
    source = "".join(path.read_text("utf-8") for path in sources("desktop_app/cli") if path.name != "texts.py")
    used = set(re.findall(r"texts\.([A-Z][A-Z0-9_]*)", source))
    named = {name for name in vars(texts) if name.isupper()}
    assert named == used

"""Fills version, date and addresses into the AppStream file, which software centres show."""

from __future__ import annotations

from PIL import Image
from provision import paths

from release.outputs import date, home, version

NAME = "org.eyebright.Eyebright.metainfo.xml"
_SCREENSHOTS = ("answered", "looking-dark", "models")


def metainfo() -> str:
    """Return the file's text."""
    text = (paths.REPOSITORY / "packaging" / "linux" / NAME).read_text("utf-8")
    known = {"HOME": home(), "VERSION": version(), "DATE": date().date().isoformat()}
    for name in _SCREENSHOTS:
        with Image.open(paths.REPOSITORY / "docs" / "screenshots" / f"{name}.png") as picture:
            known[f"{name.upper()}_WIDTH"], known[f"{name.upper()}_HEIGHT"] = map(str, picture.size)
    for name, value in known.items():
        text = text.replace(f"@{name}@", value)
    return text.replace("<!-- Names between at-signs are put in by packaging/release/linux/metainfo.py. -->\n", "")

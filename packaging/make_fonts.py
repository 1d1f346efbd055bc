"""Makes the typeface of the window, resources/fonts, from Inter as its authors publish it.

The files are kept in the repository, so only this script needs fontTools and Brotli (`pip install fonttools brotli`),
and the archive that `npm pack inter-ui@4.1.1` fetches: `.venv/bin/python packaging/make_fonts.py inter-ui-4.1.1.tgz`.

One file for each weight that the window uses, cut out of the variable fonts: given those, Qt on Linux draws every
weight with the letters of the normal one. Left out are scripts that few write (the system's fonts have them), the forms
for headlines (the axis opsz), and all features but those that a script needs and figures of equal width. The one called
calt would show "->" as an arrow and "0x10" with a multiplication sign, which is not what was written.

The family is named "Eyebright Inter", so that it is never mixed up with another Inter on the computer. Inter's licence
reserves no font name, so a font made from it may have "Inter" in its own.
"""

from __future__ import annotations

import base64
import hashlib
import io
import sys
import tarfile
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

FONTS = Path(__file__).resolve().parent.parent / "resources" / "fonts"
VERSION = "4.1.1"
SHA512 = (  # as the registry gives it
    "451h0J29HyOmA+JXgSi/6M12tL7ZCZ8arYKZUXiOXTJpJbAKqJvFh3k5SiV3x7tKe0C0KyrKUUiQIvvZ2PQDcA=="
)
FAMILY = "Eyebright Inter"
UPRIGHT, SLANTED = "InterVariable.woff2", "InterVariable-Italic.woff2"
#: The weight of each style, and the file that it is cut from.
STYLES = {
    "Regular": (400, UPRIGHT),
    "SemiBold": (600, UPRIGHT),
    "Italic": (400, SLANTED),
    "SemiBold Italic": (600, SLANTED),
}
FEATURES = ["ccmp", "kern", "locl", "mark", "mkmk", "tnum"]
LETTERS = (
    (0x0020, 0x024F),  # Latin
    (0x02B0, 0x03FF),  # accents, Greek
    (0x0400, 0x045F), (0x048A, 0x04FF),  # Cyrillic
    (0x1E00, 0x1EFF),  # Latin with two accents: Vietnamese
    (0x2000, 0x2BFF),  # punctuation, currencies, arrows, mathematical and other signs
    (0xFB00, 0xFB06), (0xFEFF, 0xFEFF), (0xFFFD, 0xFFFD),
)  # fmt: skip


def unpacked(archive: bytes) -> dict[str, bytes]:
    """Return the files of the published archive, by their names in it; raises ValueError if it is another archive."""
    if base64.b64encode(hashlib.sha512(archive).digest()).decode() != SHA512:
        raise ValueError(f"This is not inter-ui {VERSION} as it was published.")
    files = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar.getmembers():
            if (file := tar.extractfile(member)) is not None:
                files[member.name.rpartition("/")[2]] = file.read()
    return files


def cut(variable: bytes, weight: int, style: str) -> bytes:
    """Return the font of one weight, with `LETTERS` only, under its new name."""
    font = TTFont(io.BytesIO(variable))
    font.flavor = None
    instancer.instantiateVariableFont(font, {"opsz": 14, "wght": weight}, inplace=True)
    font = TTFont(io.BytesIO(_saved(font)))  # else the subsetter misses some glyphs
    _keep_signs_proportional(font)
    options = subset.Options()
    options.layout_features = FEATURES
    options.name_IDs = ["*"]
    options.notdef_outline = True
    options.hinting = False
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[code for code in font.getBestCmap() if any(a <= code <= b for a, b in LETTERS)])
    subsetter.subset(font)
    _describe(font, weight, style)
    return _saved(font)


def _keep_signs_proportional(font: TTFont) -> None:
    """Let the feature tnum change figures only; Inter's also widens hyphens, as in "built-in"."""
    table = font["GSUB"].table
    figures = {font.getBestCmap()[ord(figure)] for figure in "0123456789"}
    for record in table.FeatureList.FeatureRecord:
        if record.FeatureTag == "tnum":
            for index in record.Feature.LookupListIndex:
                for part in table.LookupList.Lookup[index].SubTable:
                    mapping = getattr(part, "ExtSubTable", part).mapping
                    for name in set(mapping) - figures:
                        del mapping[name]


def _describe(font: TTFont, weight: int, style: str) -> None:
    names, short, slope = font["name"], FAMILY.replace(" ", ""), "Italic" if "Italic" in style else "Regular"
    for number in (1, 2, 3, 4, 6, 16, 17, 21, 22, 25):
        names.removeNames(nameID=number)
    texts = {
        1: FAMILY if weight == 400 else f"{FAMILY} SemiBold",  # 1 and 2 know four styles only
        2: slope,
        3: f"{short}-{style.replace(' ', '')} {VERSION}",
        4: f"{FAMILY} {style}",
        6: f"{short}-{style.replace(' ', '')}",
    }
    if weight != 400:
        texts |= {16: FAMILY, 17: style}
    for number, text in texts.items():
        names.setName(text, number, 3, 1, 0x409)
    font["OS/2"].usWeightClass = weight


def _saved(font: TTFont) -> bytes:
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


def main() -> int:
    """Make the fonts and copy their licence."""
    files = unpacked(Path(sys.argv[1]).read_bytes())
    FONTS.mkdir(exist_ok=True)
    for style, (weight, source) in STYLES.items():
        target = FONTS / f"eyebright-inter-{style.lower().replace(' ', '-')}.ttf"
        target.write_bytes(cut(files[source], weight, style))
        print(f"{target.name}: {target.stat().st_size // 1000} kB")
    (FONTS / "OFL.txt").write_bytes(files["LICENSE.txt"])
    return 0


if __name__ == "__main__":
    sys.exit(main())

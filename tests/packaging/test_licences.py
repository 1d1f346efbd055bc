"""The parts of the program that no Python distribution describes are listed with their licences, too."""

from __future__ import annotations

from provision import paths
from release import licences


def test_the_typeface_is_listed_with_its_version_and_licence() -> None:
    (inter,) = (part for part in licences.parts() if part.name == "Inter")
    made_from = (paths.REPOSITORY / "packaging/make_fonts.py").read_text("utf-8")
    assert f'VERSION = "{inter.version}"' in made_from
    assert inter.licence == "OFL-1.1"
    assert "SIL OPEN FONT LICENSE Version 1.1" in inter.texts[0]

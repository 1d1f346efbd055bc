"""Which of two versions of the program is newer."""

from __future__ import annotations

import pytest

from desktop_app import __version__
from desktop_app.services.versions import Version


def version(text: str) -> Version:
    parsed = Version.parse(text)
    assert parsed is not None
    return parsed


#: The oldest first.
IN_ORDER = [
    "0.0.9",
    "0.1.0-alpha",
    "0.1.0-alpha.1",
    "0.1.0-beta.2",
    "0.1.0-beta.11",
    "0.1.0-rc.1",
    "0.1.0",
    "0.1.1",
    "0.2.0",
    "0.10.0",
    "1.0.0rc1",
    "1.0.0",
    "999999999.0.0",
]


def test_versions_have_an_order() -> None:
    versions = [version(text) for text in IN_ORDER]
    mixed = versions[1::2] + versions[::2]
    assert sorted(mixed) == versions


@pytest.mark.parametrize(
    ("one", "other"),
    [("v1.2.3", "1.2.3"), ("V1.2.3 ", "1.2.3"), ("1.2.3-rc.1", "1.2.3rc1"), ("1.2.3+debian.1", "1.2.3")],
)
def test_the_same_version_is_written_in_several_ways(one: str, other: str) -> None:
    assert version(one) == version(other)
    assert str(version(one)) == str(version(other))


@pytest.mark.parametrize(
    "text",
    [
        *("", "v", "latest", "1", "1.2", "1.2.3.4", "1.2.3-", "1.2.3-final", "1.2.-3", "1,2,3", "v v1.2.3"),
        *("1.2.3\n4", "nightly-1.2.3", "١.٢.٣", "1.2.9999999999", "1.2.3-rc" + ".1" * 500, "<b>1.2.3</b>"),
    ],
)
def test_what_is_no_version(text: str) -> None:
    assert Version.parse(text) is None


@pytest.mark.parametrize(
    ("newest", "present", "suits"),
    [
        ("0.2.0", "0.1.0", True),
        ("0.1.0", "0.1.0", False),
        ("0.1.0", "0.2.0", False),
        ("0.2.0-rc.1", "0.1.0", False),
        ("0.2.0-rc.2", "0.2.0-rc.1", True),
        ("0.2.0", "0.2.0-rc.1", True),
        ("0.1.0", "0.2.0-rc.1", False),
    ],
)
def test_what_is_offered_to_whom(newest: str, present: str, suits: bool) -> None:
    assert version(newest).is_update_for(version(present)) is suits


def test_our_own_version_is_one() -> None:
    assert str(version(__version__)) == __version__

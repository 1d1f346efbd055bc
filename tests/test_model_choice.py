"""Which models come first on computers of different sizes, and for different wishes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from desktop_app.engine.planning.memory_budget import find_memory_budget
from desktop_app.memory_fit import MemoryFit, best_variant
from desktop_app.model_choice import WISHES, first_offer, in_order
from desktop_app.settings import SETTINGS
from model_store.catalogue import ModelEntry, Variant, load_catalogue
from tests.helpers.fakes.models import CATALOGUE
from tests.helpers.paths import REPOSITORY

SHIPPED = load_catalogue(REPOSITORY / "resources" / "catalogue.toml")
_GIB = 1 << 30


@dataclass(frozen=True)
class _Offer:
    entry: ModelEntry
    variant: Variant
    fit: MemoryFit


def _offers(memory: int, catalogue: object = SHIPPED) -> list[_Offer]:
    """All models on a computer with so many GiB of memory."""
    usable = find_memory_budget(memory * _GIB).usable
    return [_Offer(entry, *best_variant(entry, usable)) for entry in catalogue]  # type: ignore[attr-defined]


def _names(offers: list[_Offer]) -> list[str]:
    return [offer.entry.id for offer in offers]


@pytest.mark.parametrize(
    ("memory", "name"),
    [
        (2, ""),
        (3, "lfm2.5-vl-450m"),
        (4, "lfm2.5-vl-1.6b"),
        (6, "qwen3-vl-2b"),
        (8, "qwen3-vl-2b"),
        (16, "qwen3-vl-4b"),
        (32, "qwen3-vl-4b"),
    ],
)
def test_the_first_offer_is_made_for_the_computer(memory: int, name: str) -> None:
    found = first_offer(_offers(memory))
    assert (found.entry.id if found is not None else "") == name
    if found is not None:
        assert found.fit.verdict == "fits"  # with the usual context
        # Other programs run beside it, and nobody waits for an hour.
        assert found.fit.needed < 0.8 * found.fit.usable
        assert found.variant.size < 3e9


def test_a_catalogue_that_names_no_first_offer_offers_its_first_that_fits() -> None:
    assert _names([found for found in [first_offer(_offers(8, CATALOGUE))] if found]) == ["llava-1.5-7b"]
    # With the usual context, rather than an earlier one with a shorter.
    assert _names([found for found in [first_offer(_offers(5, CATALOGUE))] if found]) == ["smolvlm2-2.2b"]


def test_without_a_wish_the_first_offer_stands_before_llava() -> None:
    assert _names(in_order(_offers(8), ""))[:2] == ["qwen3-vl-2b", "llava-1.5-7b"]


@pytest.mark.parametrize(
    ("wish", "first"),
    [("documents", "qwen3-vl-2b"), ("photos", "qwen3-vl-4b"), ("speed", "lfm2.5-vl-450m")],
)
def test_a_wish_sorts_by_what_each_is_good_at(wish: str, first: str) -> None:
    assert in_order(_offers(8), wish)[0].entry.id == first


@pytest.mark.parametrize("wish", ["", *WISHES])
@pytest.mark.parametrize("memory", [2, 4, 8])
def test_what_fits_nowhere_comes_last_and_nothing_is_lost(wish: str, memory: int) -> None:
    offers = _offers(memory)
    ordered = in_order(offers, wish)
    lost = [offer.fit.verdict == "too-large" for offer in ordered]
    assert lost == sorted(lost)
    assert sorted(_names(ordered)) == sorted(_names(offers))


def test_what_has_no_room_on_the_disk_comes_last() -> None:
    ordered = in_order(_offers(8), "speed", lambda offer: offer.entry.id != "lfm2.5-vl-450m")
    assert ordered[0].entry.id != "lfm2.5-vl-450m"
    assert "lfm2.5-vl-450m" in _names(ordered)


def test_many_languages_and_speed_follow_from_the_data() -> None:
    spoken = [len(offer.entry.languages) for offer in in_order(_offers(64), "languages")]
    assert spoken == sorted(spoken, reverse=True)
    sizes = [offer.variant.model_files[0].size for offer in in_order(_offers(64), "speed")]
    assert sizes == sorted(sizes)


def test_each_wish_can_be_remembered() -> None:
    assert SETTINGS["model_wish"].choices == ("", *WISHES)

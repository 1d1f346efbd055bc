"""Which models of the catalogue come first: those that suit this computer, and what the person wants them for.

To whoever has said nothing the catalogue offers one model, chosen by how much memory the computer has: the rule is
data, `first_from` in resources/catalogue.toml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from desktop_app.memory_fit import MemoryFit
from model_store.catalogue import ModelEntry, Variant

#: What a person may want a model for; "": nothing in particular.
WISHES = ("photos", "documents", "languages", "speed")


class Offered(Protocol):
    """A model of the catalogue, with the files that suit this computer best."""

    @property
    def entry(self) -> ModelEntry:
        """The model."""

    @property
    def variant(self) -> Variant:
        """The files recommended for this computer."""

    @property
    def fit(self) -> MemoryFit:
        """Whether they fit."""


_O = TypeVar("_O", bound=Offered)


def first_offer(offers: Iterable[_O]) -> _O | None:
    """Return what is offered to somebody of whom nothing is known, None if nothing fits into memory.

    Of the models that are made for a computer with this much memory, it is the one for the largest. If the catalogue
    names none, it is the first that fits with the usual context, else with a shorter one.
    """
    fitting = [offer for offer in offers if offer.fit.verdict != "too-large"]
    named = [offer for offer in fitting if 0 < offer.entry.first_from <= offer.fit.usable]
    if named:
        return max(named, key=lambda offer: offer.entry.first_from)
    return min(fitting, key=lambda offer: offer.fit.verdict != "fits", default=None)


def in_order(offers: Sequence[_O], wish: str, has_room: Callable[[_O], bool] = lambda _offer: True) -> list[_O]:
    """Return all offers, the best for `wish` first: what can be used here, before what fits nowhere.

    `has_room`: whether the files fit on the disk. Without a wish it is the first offer, then the catalogue's order.
    """
    usable = [offer for offer in offers if offer.fit.verdict != "too-large" and has_room(offer)]
    rest = [offer for offer in offers if offer not in usable]
    if wish:
        return [*_sorted(usable, wish), *_sorted(rest, wish)]
    first = first_offer(usable)
    return [*([first] if first is not None else ()), *(offer for offer in usable if offer is not first), *rest]


def _sorted(offers: Iterable[_O], wish: str) -> list[_O]:
    """Return them by what each is good at.

    Among equals, the smaller comes first: it is faster. Of those that read documents, what was measured by others
    comes before what was not.
    """
    return sorted(
        offers,
        key=lambda offer: (
            -_good_at(offer, wish),
            wish == "documents" and not offer.entry.published.points,
            _read_per_word(offer),
        ),
    )


def _good_at(offer: Offered, wish: str) -> int:
    entry = offer.entry
    match wish:
        case "photos":
            return entry.photos
        case "documents":
            return entry.documents
        case "languages":
            return len(entry.languages)
        case _:
            return 0  # the smallest is the fastest


def _read_per_word(offer: Offered) -> int:
    """Return the bytes of the language model: all of them are read for each word that it writes."""
    return sum(file.size for file in offer.variant.model_files)

"""Questions whose answer can be read from the picture: colour, shape, place, number and so on."""

from __future__ import annotations

from collections.abc import Sequence

from pictures.scenes import COLOURS, DIGITS

import dialogues.phrases as ph
from dialogues.asking import ALL_PLACES, Asked, Asker, are, article, describe, listing, noun, plural


class LookUp(Asker):
    """Asks what can be seen. Every method gives None where the scene does not allow it."""

    def describe(self) -> Asked | None:
        """The whole picture."""
        assert self.scene is not None
        items = self.scene.items
        return Asked(
            "describe", self._word(ph.DESCRIBE), describe(self.scene), "describe", items[0] if len(items) == 1 else None
        )

    def colour(self, shape: str = "", wordings: Sequence[str] = ()) -> Asked | None:
        """The colour of a named shape."""
        assert self.scene is not None
        if self.scene.kind == "character":
            item = self.scene.items[0]
            word = self._word(wordings or ph.COLOUR_OF, s=self.rng.choice((noun(item), noun(item), "character")))
            return Asked("colour", word, f"The {noun(item)} is {item.colour}.", "colour", item)
        items = self._shapes()
        if not shape and not wordings and len(items) == 1 and self.rng.random() < 0.25:
            word = (
                self._word(ph.COLOUR_OF_IT)
                if self.rng.random() < 0.5
                else self._word(ph.COLOUR_OF, s=self.rng.choice(("object", "shape", "figure", "thing")))
            )
            return Asked("colour", word, f"The {items[0].shape} is {items[0].colour}.", "colour", items[0])
        if len(items) > 1 and not shape and self.rng.random() < 0.08:
            colours = list(dict.fromkeys(i.colour for i in items))
            named = f"The colors are {listing(colours)}." if len(colours) > 1 else f"The objects are {colours[0]}."
            return Asked("several", self._word(ph.COLOURS_OF_ALL), named)
        shape = shape or self._pick_shape(0.1)
        found = [i for i in items if i.shape == shape]
        if not found:
            return Asked(
                "colour",
                self._word(wordings or ph.COLOUR_OF, s=shape),
                f"There is no {shape} in the picture.",
                "colour",
            )
        if len(found) == 1:
            return Asked(
                "colour",
                self._word(wordings or ph.COLOUR_OF, s=shape),
                f"The {shape} is {found[0].colour}.",
                "colour",
                found[0],
            )
        colours = [i.colour for i in found]
        named = colours[0] if len(set(colours)) == 1 else listing(colours)
        return Asked(
            "several",
            self._word(wordings or ph.COLOUR_OF_MANY, p=plural(shape), s=plural(shape)),
            f"The {plural(shape)} are {named}.",
            "colour",
        )

    def shape(self, colour: str = "", wordings: Sequence[str] = ()) -> Asked | None:
        """The shape of what has a named colour."""
        items = self._shapes()
        if self.scene is None or self.scene.kind == "character":
            return None
        if len(items) == 1 and not colour and self.rng.random() < 0.35:
            return Asked("shape", self._word(ph.SHAPE_OF_IT), f"It is {article(items[0].shape)}.", "shape", items[0])
        colour = colour or self._pick_colour(0.1)
        found = [i for i in items if i.colour == colour]
        word = self._word(wordings or ph.SHAPE_OF, k=colour)
        if not found:
            return Asked("shape", word, f"There is nothing {colour} in the picture.", "shape")
        if len(found) == 1:
            return Asked("shape", word, f"The {colour} object is {article(found[0].shape)}.", "shape", found[0])
        if len({i.shape for i in found}) < len(found) or wordings:
            return None
        word = self._word(("What shapes are the {k} {o}s?", "Which {o}s are {k}?", "What are the {k} {o}s?"), k=colour)
        return Asked(
            "several", word, f"The {colour} objects are {listing([article(i.shape) for i in found])}.", "shape"
        )

    def where(self, shape: str = "", wordings: Sequence[str] = ()) -> Asked | None:
        """The place of a shape."""
        items = self._shapes()
        if self.scene is not None and self.scene.kind == "character" and self.rng.random() < 0.5:
            item = self.scene.items[0]
            return Asked(
                "where", self._word(ph.WHERE, s=noun(item)), f"The {noun(item)} is in the middle.", "where", item
            )
        if not shape and items and self.rng.random() < 0.15:
            item = self.rng.choice(items)
            if [i.colour for i in items].count(item.colour) == 1:
                word = self._word(ph.WHERE, s=f"{item.colour} {self.rng.choice(('object', 'thing', 'shape', 'one'))}")
                return Asked("where", word, f"The {item.colour} object is {item.place}.", "where", item)
        shape = shape or self._pick_shape(0.1)
        found = [i for i in items if i.shape == shape]
        if not found:
            name = shape if wordings or self.rng.random() < 0.7 else f"{self.rng.choice(COLOURS)} {shape}"
            return Asked(
                "where", self._word(wordings or ph.WHERE, s=name), f"There is no {name} in the picture.", "where"
            )
        if len(found) == 1:
            name = shape if wordings else self._named(found[0], True)
            return Asked(
                "where", self._word(wordings or ph.WHERE, s=name), f"The {name} is {found[0].place}.", "where", found[0]
            )
        item = self.rng.choice(found)
        if wordings or [i.colour for i in found].count(item.colour) > 1:
            return None
        name = f"{item.colour} {shape}"
        return Asked("where", self._word(ph.WHERE, s=name), f"The {name} is {item.place}.", "where", item)

    def at_place(self, place: str = "", wordings: Sequence[str] = ()) -> Asked | None:
        """What is found at a place."""
        if self.scene is None or self.scene.kind == "character":
            return None
        items = self._shapes()
        taken = {i.place: i for i in items}
        if not place:
            place = self.rng.choice(list(taken)) if taken and self.rng.random() < 0.75 else self.rng.choice(ALL_PLACES)
        word = self._word(wordings or ph.AT_PLACE, a=place)
        if place in taken:
            item = taken[place]
            return Asked("place", word, f"There is {article(item.colour)} {item.shape} {place}.", "place", item)
        edge = {"on the left": "left", "on the right": "right", "at the top": "top", "at the bottom": "bottom"}.get(
            place
        )
        if edge and any(edge in p.split() for p in taken):
            return None  # "at the top" could well mean the star at the top left
        return Asked("place", word, f"There is nothing {place}.", "place")

    def count(self) -> Asked | None:
        """How many objects there are."""
        assert self.scene is not None
        if self.scene.kind == "character":
            item = self.scene.items[0]
            return Asked("count", self._word(ph.COUNT), f"There is one {noun(item)}.", "count", item)
        n = len(self.scene.items)
        return Asked(
            "count", self._word(ph.COUNT), are(n, "object", "objects"), "count", self.scene.items[0] if n == 1 else None
        )

    def count_of(self, shape: str = "", wordings: Sequence[str] = ()) -> Asked | None:
        """How many there are of a shape, or of a colour."""
        assert self.scene is not None
        items = self._shapes()
        if not shape and self.scene.kind != "character" and self.rng.random() < 0.25:
            colour = self._pick_colour(0.25)
            n = sum(i.colour == colour for i in items)
            word = self._word(ph.COUNT_OF, p=f"{colour} {self.rng.choice(('objects', 'objects', 'shapes', 'things'))}")
            return Asked("count of", word, are(n, f"{colour} object", f"{colour} objects"))
        shape = shape or self._pick_shape(0.25)
        n = sum(i.shape == shape for i in items)
        return Asked(
            "count of", self._word(wordings or ph.COUNT_OF, p=plural(shape)), are(n, shape, plural(shape)), "count of"
        )

    def background(self) -> Asked | None:
        """The colour of the background."""
        assert self.scene is not None
        return Asked(
            "background", self._word(ph.BACKGROUND), f"The background is {self.scene.background}.", "background"
        )

    def character(self) -> Asked | None:
        """Which digit or letter there is."""
        assert self.scene is not None
        if self.scene.kind != "character":
            if self.rng.random() < 0.7:
                return None
            word = self.rng.choice(("digit", "letter"))
            return Asked("character", self._word(ph.WHICH_CHARACTER, w=word), f"There is no {word} in the picture.")
        item = self.scene.items[0]
        if self.rng.random() < 0.35:
            word = self._word(ph.READ)
        else:
            word = self._word(
                ph.WHICH_CHARACTER, w="number" if item.shape in DIGITS and self.rng.random() < 0.3 else noun(item)
            )
        return Asked("character", word, f"It is the {noun(item)} {item.shape}.", "character", item)

    def size(self) -> Asked | None:
        """Whether a shape is big or small; which of two is bigger."""
        items = self._shapes()
        if len(items) == 2 and items[0].shape != items[1].shape:
            small, big = sorted(items, key=lambda i: i.radius)
            if big.radius > 1.5 * small.radius:
                if self.rng.random() < 0.5:
                    return Asked("size", self._word(ph.BIGGER), f"The {big.shape} is bigger.", "size", big)
                return Asked("size", self._word(ph.SMALLER), f"The {small.shape} is smaller.", "size", small)
            return None
        if len(items) != 1 or not items[0].size:
            return None
        item = items[0]
        word = (
            self._word(ph.SIZE_OF_IT)
            if self.rng.random() < 0.2
            else self._word(ph.SIZE, s=self.rng.choice((item.shape, item.shape, "object")))
        )
        return Asked("size", word, f"The {item.shape} is {item.size}.", "size", item)

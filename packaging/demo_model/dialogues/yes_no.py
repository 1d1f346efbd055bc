"""Training questions that are answered with yes or no, with as many of one as of the other."""

from __future__ import annotations

from collections.abc import Callable

from pictures.scenes import BACKGROUNDS, COLOURS, DIGITS, LETTERS, SHAPES, Item

import dialogues.phrases as ph
from dialogues.asking import ALL_PLACES, NUMBERS, Asked, Asker, article, noun, plural


class YesNo(Asker):
    """Asks for yes or no."""

    def yes_no(self) -> Asked | None:
        """A question for yes or no, balanced."""
        assert self.scene is not None
        wanted = self.rng.random() < 0.5
        if self.scene.kind == "character":
            return self._yes_no_character(wanted)
        ways: tuple[Callable[[bool], Asked | None], ...] = (
            self._is_there,
            self._is_there,
            self._is_there_shape,
            self._is_there_colour,
            self._is_colour,
            self._is_colour,
            self._is_background,
            self._is_place,
            self._are_there,
            self._is_it_a,
        )
        return self.rng.choice(ways)(wanted)

    def _yes_no_character(self, wanted: bool) -> Asked | None:
        assert self.scene is not None
        item = self.scene.items[0]
        chance = self.rng.random()
        if chance < 0.2:
            return self._is_background(wanted)
        if not wanted and chance < 0.35:
            return self._is_there_shape(False) if self.rng.random() < 0.5 else self._is_there(False)
        if chance < 0.4:
            word = noun(item) if wanted else {"digit": "letter", "letter": "digit"}[noun(item)]
            question = self._word(ph.IS_CHARACTER, n=f"a {word}")
        elif chance < 0.6:
            colour = item.colour if wanted else self.rng.choice([c for c in COLOURS if c != item.colour])
            question = self._word(ph.IS_COLOUR, s=noun(item), k=colour)
            start = "Yes" if wanted else "No"
            return Asked(start.lower(), question, f"{start}, the {noun(item)} is {item.colour}.", "colour", item)
        else:
            other = self.rng.choice([c for c in (DIGITS if item.shape in DIGITS else LETTERS) if c != item.shape])
            shown = item.shape if wanted else other
            question = self._word(
                ph.IS_CHARACTER,
                n=self.rng.choice((f"the {noun(item)} {shown}", f"a {shown}", f"the {noun(item)} {shown}")),
            )
        start = "Yes" if wanted else "No"
        return Asked(start.lower(), question, f"{start}, it is the {noun(item)} {item.shape}.", "character", item)

    def _is_there(self, wanted: bool) -> Asked | None:
        items = self._shapes()
        if wanted:
            if not items:
                return None
            item = self.rng.choice(items)
            name = f"{item.colour} {item.shape}"
            return Asked(
                "yes", self._word(ph.IS_THERE, n=article(name)), f"Yes, there is {article(name)}.", "there", item
            )
        for _ in range(20):  # a near miss if possible: the right shape or the right colour
            shape = self.rng.choice(items).shape if items and self.rng.random() < 0.6 else self.rng.choice(SHAPES)
            colour = self.rng.choice(items).colour if items and self.rng.random() < 0.5 else self.rng.choice(COLOURS)
            if not any(i.shape == shape and i.colour == colour for i in items):
                name = f"{colour} {shape}"
                return Asked("no", self._word(ph.IS_THERE, n=article(name)), f"No, there is no {name}.")
        return None

    def _is_it_a(self, wanted: bool) -> Asked | None:
        items = self._shapes()
        if len(items) != 1:
            return None
        item = items[0]
        shape = item.shape if wanted else self.rng.choice([s for s in SHAPES if s != item.shape])
        start = "Yes" if wanted else "No"
        return Asked(
            start.lower(),
            self._word(ph.IS_IT_A, n=article(shape)),
            f"{start}, it is {article(item.shape)}.",
            "shape",
            item,
        )

    def _is_there_shape(self, wanted: bool) -> Asked | None:
        items = self._shapes()
        if wanted and not items:
            return None
        shape = self._pick_shape(0.0 if wanted else 1.0)
        if wanted != any(i.shape == shape for i in items):
            return None
        focus = [i for i in items if i.shape == shape]
        answer = f"Yes, there is {article(shape)}." if wanted else f"No, there is no {shape}."
        return Asked(
            "yes" if wanted else "no",
            self._word(ph.IS_THERE, n=article(shape)),
            answer,
            "there",
            focus[0] if len(focus) == 1 else None,
        )

    def _is_there_colour(self, wanted: bool) -> Asked | None:
        items = self._shapes()
        if wanted and not items:
            return None
        colour = self._pick_colour(0.0 if wanted else 1.0)
        name = f"{article(colour)} {self.rng.choice(('object', 'object', 'shape', 'thing'))}"
        if self.rng.random() < 0.3:
            name = self.rng.choice(("something ", "anything ")) + colour
        answer = f"Yes, there is {article(colour)} object." if wanted else f"No, there is no {colour} object."
        return Asked("yes" if wanted else "no", self._word(ph.IS_THERE, n=name), answer)

    def _single(self) -> Item | None:
        items = self._shapes()
        alone = [i for i in items if sum(j.shape == i.shape for j in items) == 1]
        return self.rng.choice(alone) if alone else None

    def _is_colour(self, wanted: bool) -> Asked | None:
        item = self._single()
        if item is None:
            return None
        others = [c for c in COLOURS if c != item.colour]
        near = [i.colour for i in self._shapes() if i.colour != item.colour]
        colour = item.colour if wanted else self.rng.choice(near if near and self.rng.random() < 0.5 else others)
        start = "Yes" if wanted else "No"
        return Asked(
            start.lower(),
            self._word(ph.IS_COLOUR, s=item.shape, k=colour),
            f"{start}, the {item.shape} is {item.colour}.",
            "colour",
            item,
        )

    def _is_background(self, wanted: bool) -> Asked | None:
        assert self.scene is not None
        true = self.scene.background
        used = [i.colour for i in self.scene.items if i.colour != true]
        others = [b for b in BACKGROUNDS if b != true and true not in b.split() and b not in true.split()]
        colour = true if wanted else self.rng.choice(used if used and self.rng.random() < 0.4 else others)
        if not wanted and (colour in true.split() or true in colour.split()):
            return None
        start = "Yes" if wanted else "No"
        return Asked(start.lower(), self._word(ph.IS_BACKGROUND, k=colour), f"{start}, the background is {true}.")

    def _is_place(self, wanted: bool) -> Asked | None:
        item = self._single()
        if item is None:
            return None
        edges = set(item.place.split()) & {"left", "right", "top", "bottom"}
        others = [p for p in ALL_PLACES if p != item.place and not edges & set(p.split())]
        place = item.place if wanted else self.rng.choice(others)
        start = "Yes" if wanted else "No"
        return Asked(
            start.lower(),
            self._word(ph.IS_PLACE, s=item.shape, a=place),
            f"{start}, the {item.shape} is {item.place}.",
            "where",
            item,
        )

    def _are_there(self, wanted: bool) -> Asked | None:
        items = self._shapes()
        shape = self._pick_shape(0.0) if items and self.rng.random() < 0.5 else ""
        n = sum(i.shape == shape for i in items) if shape else len(items)
        asked = n if wanted else self.rng.choice([k for k in (2, 3, 4) if k != n])
        if asked < 2:
            return None
        one, many = (shape, plural(shape)) if shape else ("object", "objects")
        start = "Yes" if wanted else "No"
        count = f"there is one {one}" if n == 1 else f"there are {NUMBERS[n]} {many}"
        return Asked(start.lower(), self._word(ph.ARE_THERE, n=f"{NUMBERS[asked]} {many}"), f"{start}, {count}.")

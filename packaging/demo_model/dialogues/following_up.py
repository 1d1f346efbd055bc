"""Questions that only make sense after the turn before: "and the other one?"."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pictures.scenes import COLOURS, SHAPES, Item

import dialogues.phrases as ph
from dialogues.asking import ALL_PLACES, Asked, article, noun
from dialogues.looking_up import LookUp
from dialogues.yes_no import YesNo


class FollowUp(LookUp, YesNo):
    """Asks about what was asked before."""

    def follow_up(self) -> Asked | None:
        """A question that only the turn before makes clear."""
        last = self.last
        if last is None or self.scene is None or self.scene.kind == "other":
            return None
        asked = self._follow_up(last)
        return None if asked is None else Asked("follow-up", asked.question, asked.answer, asked.topic, asked.focus)

    def _follow_up(self, last: Asked) -> Asked | None:
        focus, topic = last.focus, last.topic
        ways: list[Callable[[], Asked | None]] = []
        items = self._shapes()
        others = [i for i in items if i is not focus]
        if focus is not None and not focus.is_character:
            if topic != "where":
                ways.append(
                    lambda: Asked("", self._word(ph.WHERE_IT), f"The {focus.shape} is {focus.place}.", "where", focus)
                )
            if topic not in ("colour", "place", "describe", "there", "shape"):
                ways.append(
                    lambda: Asked(
                        "", self._word(ph.COLOUR_OF_IT), f"The {focus.shape} is {focus.colour}.", "colour", focus
                    )
                )
            if topic not in ("colour", "place", "describe", "there", "shape"):
                ways.append(lambda: self._is_it(focus))
            if focus.size and len(items) == 1 and topic != "size":
                ways.append(
                    lambda: Asked("", self._word(ph.SIZE_OF_IT), f"The {focus.shape} is {focus.size}.", "size", focus)
                )
            if len(others) == 1 and topic in ("colour", "where", "shape", "place", "there"):
                ways += [lambda: self._other_one(topic, others[0])] * 4
        if focus is not None and focus.is_character and topic == "character":
            ways.append(
                lambda: Asked("", self._word(ph.COLOUR_OF_IT), f"The {noun(focus)} is {focus.colour}.", "colour", focus)
            )
        if self.scene is not None and self.scene.kind == "shapes" and items:
            named = focus.shape if focus else ""
            if topic == "colour":
                ways += [lambda: self._again(self.colour, ph.AND_THE, named)] * 2
            elif topic == "where":
                ways += [lambda: self._again(self.where, ph.AND_THE, named)] * 2
            elif topic == "count of":
                ways += [lambda: self.count_of(self._pick_shape(0.4), ph.AND_MANY)] * 2
            elif topic == "place":
                ways += [
                    lambda: self.at_place(self.rng.choice([i.place for i in others or items]), ph.AND_PLACE),
                    lambda: self.at_place(self.rng.choice(ALL_PLACES), ph.AND_PLACE),
                ]
            elif topic == "shape":
                wordings = tuple(w.replace("{s}", "{k} one") for w in ph.AND_THE)
                ways += [lambda: self.shape(self._pick_colour(0.2), wordings)] * 2
        return self.rng.choice(ways)() if ways else None

    def _again(self, question: Callable[..., Asked | None], wordings: Sequence[str], but: str) -> Asked | None:
        present = [i.shape for i in self._shapes() if i.shape != but]
        absent = [s for s in SHAPES if s != but and s not in present]
        shape = self.rng.choice(present if present and self.rng.random() < 0.8 else absent)
        return question(shape, wordings) if shape != but else None

    def _is_it(self, item: Item) -> Asked:
        colour = item.colour if self.rng.random() < 0.5 else self.rng.choice([c for c in COLOURS if c != item.colour])
        start = "Yes" if colour == item.colour else "No"
        return Asked("", self._word(ph.IS_IT, k=colour), f"{start}, the {item.shape} is {item.colour}.", "colour", item)

    def _other_one(self, topic: str, other: Item) -> Asked:
        if topic in ("colour", "where") and self.rng.random() < 0.75:
            answer = f"The {other.shape} is {other.colour if topic == 'colour' else other.place}."
            return Asked("", self._word(ph.OTHER_ONE), answer, topic, other)
        wordings = ph.WHAT_OTHER if topic in ("colour", "where") or self.rng.random() < 0.4 else ph.OTHER_ONE
        return Asked(
            "", self._word(wordings), f"The other object is {article(other.colour)} {other.shape}.", "place", other
        )

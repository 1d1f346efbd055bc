"""The scenes for training and testing the built-in model: the same seed gives the same scene, labelled correctly."""

import hashlib
import math
import random
import sys

import pytest
from PIL import Image

from desktop_app.images.preprocess import CLIP_MEAN_RGB, MAX_PADDED_PIXELS, fit_square
from tests.helpers.paths import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "packaging" / "demo_model"))

from dialogues.conversations import WEIGHTS, Talk, Turn, ask, describe, next_turn
from dialogues.phrases import NO_PICTURE, OUT_OF_REACH
from held_out import FIRST_TRAINING_SEED, held_out_cases
from pictures.drawing import draw, size_of
from pictures.scenes import LEAST_CONTRAST, PLACES, SHAPES, Item, Scene, make_scene

RED_AND_BLUE = Scene(
    "shapes",
    "white",
    (255, 255, 255),
    1.0,
    (
        Item("circle", "red", (255, 0, 0), 1, 0, 0.25, 0.5, 0.2),
        Item("star", "blue", (0, 0, 255), 1, 2, 0.75, 0.5, 0.2),
    ),
)


def digest(picture: Image.Image) -> str:
    return hashlib.sha256(picture.tobytes()).hexdigest()


def shapes_of(seed: int) -> Scene:
    return make_scene(random.Random(seed), "shapes")


# ---- scenes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["shapes", "character", "other"])
def test_the_same_seed_gives_the_same_picture(kind: str) -> None:
    for seed in range(5):
        first, second = (make_scene(random.Random(seed), kind) for _ in range(2))
        assert first == second
        assert digest(draw(first, 96)) == digest(draw(second, 96))


def test_other_seeds_give_other_scenes() -> None:
    assert len({shapes_of(seed) for seed in range(200)}) == 200


@pytest.mark.parametrize("longer", [64, 112, 500])
def test_pictures_have_the_size_of_their_scene(longer: int) -> None:
    for seed in range(20):
        scene = make_scene(random.Random(seed))
        picture = draw(scene, longer)
        assert picture.size == size_of(scene, longer)
        assert max(picture.size) == longer


def test_items_lie_inside_their_third_and_apart() -> None:
    for seed in range(300):
        scene = shapes_of(seed)
        width, height = max(scene.aspect, 1.0), max(1 / scene.aspect, 1.0)
        for item in scene.items:
            assert int(item.x * 3) == item.column
            assert int(item.y * 3) == item.row
            assert item.place == PLACES[item.row][item.column]
            reach = item.radius * (0.85 if item.shape == "square" else 1.0)
            assert reach / width < item.x < 1 - reach / width
            assert reach / height < item.y < 1 - reach / height
        for one in scene.items:
            for two in scene.items:
                if one is not two:
                    apart = ((one.x - two.x) * width) ** 2 + ((one.y - two.y) * height) ** 2
                    assert apart**0.5 > one.radius + two.radius


def test_items_are_drawn_where_and_in_the_colour_they_say() -> None:
    for seed in range(200):
        scene = shapes_of(seed)
        picture = draw(scene, 400)
        for item in scene.items:
            spot = int(item.x * picture.width), int(item.y * picture.height)
            assert picture.getpixel(spot) == item.rgb


def test_items_can_be_told_from_the_background() -> None:
    for seed in range(300):
        scene = make_scene(random.Random(seed))
        for item in scene.items:
            assert math.dist(item.rgb, scene.background_rgb) > LEAST_CONTRAST


# ---- questions ---------------------------------------------------------------------------------


def asked(scene: Scene | None, kind: str, number: int = 300) -> list[Turn]:
    found = []
    for seed in range(number):
        question = ask(Talk(random.Random(seed), scene), kind)
        if question is not None:
            found.append(Turn(question.kind, question.question, question.answer))
    return found


def test_a_scene_is_described_in_reading_order() -> None:
    assert describe(RED_AND_BLUE) == (
        "The picture shows a red circle on the left and a blue star on the right on a white background."
    )


def test_answers_agree_with_the_scene() -> None:
    for turn in asked(RED_AND_BLUE, "colour"):
        for shape, answer in (("circle", "The circle is red."), ("star", "The star is blue.")):
            if shape in turn.question:
                assert turn.answer == answer
        if "heart" in turn.question:
            assert turn.answer == "There is no heart in the picture."
    assert {t.answer for t in asked(RED_AND_BLUE, "count")} == {"There are two objects."}
    assert {t.answer for t in asked(RED_AND_BLUE, "background")} == {"The background is white."}
    for turn in asked(RED_AND_BLUE, "at_place"):
        assert "circle" not in turn.answer or turn.answer.endswith("on the left.")


def test_yes_and_no_are_balanced_and_right() -> None:
    turns = [t for seed in range(150) for t in asked(shapes_of(seed), "yes_no", 6)]
    yes = [t for t in turns if t.answer.startswith("Yes,")]
    assert {t.kind for t in turns} == {"yes", "no"}
    assert all(t.kind == "yes" for t in yes)
    assert 0.4 < len(yes) / len(turns) < 0.6
    for turn in asked(RED_AND_BLUE, "yes_no"):
        if "red circle" in turn.question or "blue star" in turn.question:
            assert turn.kind == "yes"
        if "red star" in turn.question or "blue circle" in turn.question:
            assert turn.kind == "no"


def test_follow_ups_refer_to_what_was_said() -> None:
    found = set()
    for seed in range(400):
        talk = Talk(random.Random(seed), RED_AND_BLUE)
        before = ask(talk, "colour")
        after = ask(talk, "follow_up")
        if before and after and before.answer == "The circle is red." and "other one" in after.question:
            found.add(after.answer)
    assert found == {"The star is blue.", "The other object is a blue star."}


def test_both_spellings_are_asked() -> None:
    questions = " ".join(t.question for t in asked(RED_AND_BLUE, "colour") + asked(RED_AND_BLUE, "background"))
    assert "colour" in questions
    assert "color " in questions


def test_without_a_picture_there_is_one_answer() -> None:
    assert {t.answer for t in asked(None, "colour")} == {NO_PICTURE}
    other = make_scene(random.Random(1), "other")
    assert {t.answer for t in asked(other, "describe")} == {OUT_OF_REACH}


def test_all_kinds_of_questions_are_asked() -> None:
    kinds = set()
    for seed in range(400):
        rng = random.Random(seed)
        talk = Talk(rng, make_scene(rng))
        kinds |= {next_turn(talk, None, WEIGHTS).kind for _ in range(6)}
    assert kinds >= {"describe", "colour", "shape", "where", "place", "count", "count of", "yes", "no", "background"}
    assert kinds >= {"character", "size", "follow-up", "chat", "beyond", "other picture"}


def test_shapes_are_named_in_questions_without_a_typing_error() -> None:
    words = {
        w.strip("?.,").lower()
        for seed in range(60)
        for t in asked(shapes_of(seed), "where", 4)
        for w in t.question.split()
    }
    assert words >= set(SHAPES)


def test_held_out_cases_stay_off_the_training_seeds() -> None:
    cases = held_out_cases(3)
    assert cases == held_out_cases(3)
    assert all(case.seed < FIRST_TRAINING_SEED for case in cases)
    for case in cases:
        assert sum(t.picture is not None for t in case.turns) == len(case.scenes)


# ---- fitting -----------------------------------------------------------------------------------


def test_a_picture_is_padded_to_a_square_first() -> None:
    fitted = fit_square(Image.new("RGB", (224, 112), (255, 0, 0)), 112, CLIP_MEAN_RGB)
    assert fitted.size == (112, 112)
    assert fitted.getpixel((56, 5)) == CLIP_MEAN_RGB
    assert fitted.getpixel((56, 106)) == CLIP_MEAN_RGB
    assert fitted.getpixel((56, 56)) == (255, 0, 0)


@pytest.mark.parametrize("size", [(7, 4), (4, 7), (113, 337), (640, 480), (1, 1)])
def test_fitting_is_expand2square_and_bicubic(size: tuple[int, int]) -> None:
    picture = Image.frombytes("RGB", size, random.Random(1).randbytes(size[0] * size[1] * 3))
    longer = max(size)
    square = Image.new("RGB", (longer, longer), CLIP_MEAN_RGB)
    square.paste(picture, ((longer - size[0]) // 2, (longer - size[1]) // 2))
    expected = square.resize((112, 112), Image.Resampling.BICUBIC)
    assert fit_square(picture, 112, CLIP_MEAN_RGB).tobytes() == expected.tobytes()


def test_a_picture_of_the_right_size_is_copied() -> None:
    picture = Image.new("RGB", (112, 112), (1, 2, 3))
    fitted = fit_square(picture, 112, CLIP_MEAN_RGB)
    assert fitted is not picture
    assert fitted.tobytes() == picture.tobytes()


def test_other_modes_become_rgb() -> None:
    assert fit_square(Image.new("L", (10, 10), 200), 8, CLIP_MEAN_RGB).getpixel((4, 4)) == (200, 200, 200)


def test_a_long_panorama_is_reduced_before_it_is_padded(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = draw(RED_AND_BLUE, 600).resize((1200, 400))
    whole = fit_square(picture, 112, CLIP_MEAN_RGB)
    monkeypatch.setattr("desktop_app.images.preprocess.MAX_PADDED_PIXELS", 400 * 400)
    reduced = fit_square(picture, 112, CLIP_MEAN_RGB)
    difference = sum(abs(a - b) for a, b in zip(whole.tobytes(), reduced.tobytes(), strict=True)) / len(whole.tobytes())
    assert difference < 3
    assert MAX_PADDED_PIXELS == 64_000_000


@pytest.mark.parametrize("side", [0, -1])
def test_a_side_must_be_positive(side: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        fit_square(Image.new("RGB", (4, 4)), side, CLIP_MEAN_RGB)

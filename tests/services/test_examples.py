"""The example pictures of the start page exist, large and small."""

from PIL import Image

from desktop_app.services.examples import EXAMPLES


def test_every_example_has_its_picture_and_a_small_one_of_the_same_shape() -> None:
    assert EXAMPLES
    for example in EXAMPLES:
        assert example.question
        with Image.open(example.picture) as large, Image.open(example.thumbnail) as small:
            assert max(small.size) == 144
            assert abs(large.width / large.height - small.width / small.height) < 0.02

"""Random models and pictures for which the results of transformers are recorded, in tiles."""

from tests.random_models.llava import Sizes

#: Heights and widths in turn; one grid is a single tile, none is square.
_ODD_GRIDS = (42, 126, 84, 42, 42, 42, 126, 84)
MODELS = {
    "usual": Sizes(newline="model.image_newline", context=2048),
    "odd": Sizes(
        width=48,
        layers=3,
        heads=6,
        vision_width=40,
        vision_layers=3,
        vision_heads=5,
        side=42,
        newline="v.image_newline",
        pinpoints=_ODD_GRIDS,
        context=2048,
        seed=5,
    ),
}
#: Landscape, upright, exactly fitting, square, very wide, very tall, tiny, one pixel.
PICTURES = [(130, 97), (45, 61), (112, 56), (90, 90), (400, 9), (3, 250), (5, 4), (1, 1)]
SIZES = [
    *((width, height) for width in (1, 300, 336, 337, 672, 1000) for height in (1, 2, 335, 336, 500, 672, 673)),
    *((4000, 3000), (3000, 4000), (1920, 1080), (1170, 2532), (20000, 300), (7, 9000), (1008, 336), (335, 1009)),
]
#: Token ids before and after the picture.
BEFORE, AFTER = (1, 300, 310, 290), (305, 330, 301)

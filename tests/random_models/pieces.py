"""Pictures for which it is recorded how transformers' LFM2-VL and MiniCPM-V 4.6 divide them."""

from __future__ import annotations

#: Of the recorded pixels: landscape, upright, one square, wide, tall, several tiles, tiny, one pixel.
PIXELS = [(150, 90), (61, 118), (56, 56), (160, 31), (20, 90), (230, 190), (112, 300), (6, 4), (1, 1)]
SIZES = [
    *((width, height) for width in (1, 60, 300, 512, 513, 724, 1000) for height in (1, 2, 40, 335, 448, 512, 725)),
    *((4000, 3000), (3000, 4000), (1920, 1080), (1170, 2532), (7000, 6000), (7, 900), (1344, 448), (447, 1345)),
    *((860, 430), (430, 860), (633, 633), (634, 634), (1600, 1100), (700, 600), (450, 400), (1024, 900)),
    *((640, 480), (1280, 960), (600, 450), (300, 5300), (5120, 512), (512, 1024), (900, 180), (200, 8000)),
]

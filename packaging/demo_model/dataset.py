"""Draws the training pictures ahead of time, on all cores, into one memory-mapped file."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from dialogues.labels import HEADS, patch_labels
from pictures.scenes import Scene, make_scene
from pictures.variants import SIDE, training_picture

CHUNK = 500


def training_fonts() -> tuple[str, ...]:
    """Pillow's own typeface, three times, and those that come with matplotlib."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    names = (
        "DejaVuSans",
        "DejaVuSans-Bold",
        "DejaVuSerif",
        "DejaVuSerif-Bold",
        "DejaVuSansMono",
        "DejaVuSansMono-Bold",
    )
    return ("", "", "", *(str(folder / f"{n}.ttf") for n in names))


def _draw_chunk(task: tuple[int, int, tuple[str, ...]]) -> tuple[npt.NDArray[Any], list[Scene], npt.NDArray[Any]]:
    seed, first, fonts = task
    pictures, scenes, labels = [], [], []
    for i in range(first, first + CHUNK):
        rng = random.Random(seed + i)
        scene = make_scene(rng, fonts=fonts)
        pictures.append(np.asarray(training_picture(scene, rng)))
        scenes.append(scene)
        found = patch_labels(scene)
        labels.append(np.stack([found[h] for h in HEADS]).astype(np.uint8))
    return np.stack(pictures), scenes, np.stack(labels)


def draw_dataset(folder: Path, number: int, seed: int) -> None:
    """Draw ``number`` scenes into ``folder`` unless they are already there."""
    if (folder / "scenes.pickle").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    shape = (number, SIDE, SIDE, 3)
    store = np.lib.format.open_memmap(folder / "pictures.npy", "w+", np.uint8, shape)
    marks = np.lib.format.open_memmap(folder / "labels.npy", "w+", np.uint8, (number, len(HEADS), 64))
    fonts = training_fonts()
    scenes: list[Scene] = []
    tasks = [(seed, first, fonts) for first in range(0, number, CHUNK)]
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for (_, first, _), (pictures, chunk, labels) in zip(tasks, pool.imap(_draw_chunk, tasks), strict=True):
            store[first : first + CHUNK] = pictures
            marks[first : first + CHUNK] = labels
            scenes += chunk
    store.flush()
    marks.flush()
    with (folder / "scenes.pickle").open("wb") as file:
        pickle.dump(scenes, file)


class Dataset:
    """The pictures (uint8), their patch labels and their scenes."""

    def __init__(self, folder: Path) -> None:
        """Open what `draw_dataset` wrote; the pictures stay on disk."""
        self.pictures = np.load(folder / "pictures.npy", mmap_mode="r")
        self.labels = np.load(folder / "labels.npy", mmap_mode="r")
        with (folder / "scenes.pickle").open("rb") as file:
            self.scenes: list[Scene] = pickle.load(file)

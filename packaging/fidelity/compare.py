"""Holds the engine against what was recorded of the reference.

    .venv/bin/python packaging/fidelity/compare.py [--random N] [FILE]

prints a table of the figures, and ends with 1 if one of them is not good enough. The tests use the parts.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "packaging"))

import numpy as np
import numpy.typing as npt
from PIL import Image

from desktop_app.engine import clip_order
from desktop_app.engine.cache_files import cache_folders
from desktop_app.engine.embeddings import EmbeddingStore
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.messages import Ask, EngineSettings, Event, Finished, PictureRef, Sampling, Turn, TurnStats
from desktop_app.engine.model import Model
from desktop_app.engine.model_files import check_files
from desktop_app.engine.prepared_projector import with_all_layers
from desktop_app.engine.session import Session

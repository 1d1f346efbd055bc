"""The peak memory that is reported for this process."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from desktop_app.engine.planning.process_memory import peak_memory, reset_peak_memory
from tests.helpers.paths import REPOSITORY

_SIZE = 100 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can begin anew")
def test_the_peak_can_be_counted_anew() -> None:
    reset_peak_memory()
    before = peak_memory()
    with mmap.mmap(-1, _SIZE) as memory:
        memory.write(bytes(_SIZE))
    assert peak_memory() > before + _SIZE // 2
    reset_peak_memory()
    assert peak_memory() < before + _SIZE // 2


_INSPECT = """
import multiprocessing, queue, sys
from pathlib import Path
from desktop_app.engine.inspector import Inspector
from desktop_app.engine.messages import Inspect, PictureRef
from desktop_app.engine.planning.memory_estimate import PICTURES_BASE
from desktop_app.proc_files import read_sizes
from tests.helpers.waiting import wait_until
events = queue.SimpleQueue()
inspector = Inspector(events.put)
inspector.put(Inspect(1, PictureRef("1" * 64, sys.argv[1], "photo")))
assert type(events.get(timeout=60)).__name__ == "Inspected"
[process] = multiprocessing.active_children()
status = Path(f"/proc/{process.pid}/status")
# What the picture itself took it gives back right after it has answered.
wait_until(lambda: PICTURES_BASE // 2 < read_sizes(status)["RssAnon"] <= PICTURES_BASE)
inspector.close()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it of another process")
def test_the_process_for_pictures_takes_what_is_planned_for_it(tmp_path: Path) -> None:
    """Started by a process without pytest, whose modules it would import too."""
    picture = tmp_path / "photo.jpg"
    Image.effect_noise((4000, 3000), 60).convert("RGB").save(picture)
    subprocess.run([sys.executable, "-c", _INSPECT, picture], cwd=REPOSITORY, check=True)

"""Downloads models under every fault with several seeds, killing the program each time: `make test-faults`.

A run: a child process downloads a pair from a Hub that fails, is killed (SIGKILL) twice, the files on disk
are perhaps damaged, and a last process has to finish. Then both files must be in
their folder, right to the last byte, with nothing left over; and nothing wrong may ever have been there.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.fake_hub import FakeHub, fake_hub
from tests.model_store.downloads import faults_in_answers, faults_on_the_disk, faults_on_the_way
from tests.model_store.downloads.download_speed import measure
from tests.model_store.downloads.fetching import PATHS, REPOSITORY, REQUEST
from tests.model_store.downloads.trouble import Trouble
from tests.random_models.small_gguf import gguf

TROUBLES: dict[str, type[Trouble]] = {
    one.__name__: one for room in (faults_on_the_way, faults_in_answers, faults_on_the_disk) for one in room.ALL
}
SEEDS = 5
KILLS = 2
#: A kill may cost this much, measured at the server: what was on its way is in it too.
LEAST_AGAIN = 1 << 20
_PATIENCE = 60.0  # seconds for a child
_PACE = 0.002  # seconds for each 64 KiB: something has to be there to be killed in the middle of


@dataclass
class Outcome:
    """How a run ended."""

    fault: str
    seed: int
    complaint: str  # "" when all is well
    kills: int
    again: int  # bytes that the server sent more than once
    notes: tuple[str, ...]
    seconds: float


def run(fault: str, seed: int, folder: Path, kills: int = KILLS) -> Outcome:
    """Run one fault with one seed."""
    begun = time.monotonic()
    chance = random.Random(f"{fault} {seed}")
    sizes = chance.randint(2 << 20, 5 << 20), chance.randint(300_000, 1 << 20)
    files = {path: gguf(size, seed, kind) for path, size, kind in zip(PATHS, sizes, ("llama", "clip"), strict=True)}
    connections = chance.choice([1, 1, 3])
    with fake_hub() as hub:
        hub.publish(REPOSITORY, files)
        hub.shared.pace = _PACE
        trouble = TROUBLES[fault](hub, chance)
        hub.misbehave(trouble)
        killed = sum(_kill_midway(hub, folder, connections, sum(sizes), chance) for _ in range(kills))
        trouble.meanwhile(sorted(folder.glob(".downloads/*/*.part")))
        expected = {path: file.data for path, file in hub.shared.repositories[REPOSITORY].files.items()}
        complaint, notes = _bring_to_an_end(hub, folder, connections)
        if complaint in trouble.refused:
            if (folder / REQUEST.folder).exists():
                return Outcome(fault, seed, "installed although it failed", killed, 0, notes, 0)
            trouble.over()  # as the person does it
            killed += _kill_midway(hub, folder, connections, sum(sizes), chance)
            complaint, notes = _bring_to_an_end(hub, folder, connections)
        complaint = complaint or looked_at(folder, expected)
        again = hub.sent - sum(sizes)
        if not complaint and not trouble.costs_a_file and again > LEAST_AGAIN * killed + _lost(hub):
            complaint = f"{again} bytes were sent again"
    return Outcome(fault, seed, complaint, killed, again, notes, time.monotonic() - begun)


def _lost(hub: FakeHub) -> int:
    """Bytes that were of no use because of the fault itself: those do not count as fetched again."""
    return sum(request.sent for request in hub.requests if request.wasted)


def _child(hub: FakeHub, folder: Path, connections: int) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "tests.model_store.downloads.fetching",
        hub.endpoint,
        str(folder),
        str(connections),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _kill_midway(hub: FakeHub, folder: Path, connections: int, size: int, chance: random.Random) -> bool:
    """Let the program run until some bytes more have come, and kill it; False when it ended by itself."""
    wanted = hub.sent + int(size * chance.uniform(0.05, 0.4))
    asked = len(hub.requests)
    with _child(hub, folder, connections) as child:
        until = time.monotonic() + _PATIENCE
        # Some faults let nothing come: then a while after the first request is the middle.
        while hub.sent < wanted and time.monotonic() < until and child.poll() is None:
            if len(hub.requests) > asked:
                asked, until = sys.maxsize, time.monotonic() + chance.uniform(0.2, 1.5)
            time.sleep(0.002)
        child.kill()
        child.communicate()
        return child.returncode == -signal.SIGKILL


def _bring_to_an_end(hub: FakeHub, folder: Path, connections: int) -> tuple[str, tuple[str, ...]]:
    """Let the program run until it is done; return "" or why it is not, and the notes."""
    with _child(hub, folder, connections) as child:
        try:
            said, _ = child.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            return "it did not come to an end", ()
    if child.returncode:
        return f"it ended with {child.returncode}", ()
    ended = json.loads(said)
    return "" if ended["state"] == "done" else ended["error"] or ended["state"], tuple(ended["notes"])


def looked_at(folder: Path, expected: dict[str, bytes]) -> str:
    installed = folder / REQUEST.folder
    found = {path.name for path in installed.iterdir()} if installed.is_dir() else set()
    if found != {*expected, "eyebright-model.json"}:
        return f"installed: {sorted(found)}"
    for name, data in expected.items():
        if (installed / name).read_bytes() != data:
            return f"{name} is wrong"
    left = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.parent != installed]
    return "" if left == [".downloads/in-use.lock"] else f"left over: {left}"


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the result as lines of Markdown."""
    lines = [
        "| fault | runs | right at the end | kills | sent again, at most (KiB) | said |",
        "|---|---|---|---|---|---|",
    ]
    for name, kind in TROUBLES.items():
        own = [one for one in outcomes if one.fault == name]
        if own:
            right = sum(not one.complaint for one in own)
            kills, again = sum(one.kills for one in own), max(one.again for one in own)
            notes = ", ".join(sorted({note for one in own for note in one.notes}))
            title = (kind.__doc__ or name).strip()
            lines.append(f"| {title} | {len(own)} | {right} | {kills} | {max(0, again) >> 10} | {notes} |")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the matrix; 1 when anything went wrong."""
    parser = argparse.ArgumentParser(prog="make test-faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--only", default="", help="names of faults, with commas")
    parser.add_argument("--at-once", type=int, default=2, help="runs at the same time")
    parser.add_argument("--speed", action="store_true", help="measure beside curl instead")
    chosen = parser.parse_args(arguments)
    if chosen.speed:
        print("\n".join(measure()))
        return 0
    names = [name for name in chosen.only.split(",") if name] or list(TROUBLES)
    with (
        tempfile.TemporaryDirectory(prefix="eyebright-faults-") as temporary,
        ThreadPoolExecutor(chosen.at_once) as pool,
    ):

        def one(pair: tuple[str, int]) -> Outcome:
            name, seed = pair
            folder = Path(temporary) / f"{name}-{seed}"
            folder.mkdir()
            outcome = run(name, seed, folder, chosen.kills)
            if outcome.complaint:
                print(f"{name}, seed {seed}: {outcome.complaint}", file=sys.stderr, flush=True)
            return outcome

        outcomes = list(pool.map(one, [(name, seed) for name in names for seed in range(chosen.seeds)]))
    print("\n".join(table(outcomes)))
    failed = sum(bool(one.complaint) for one in outcomes)
    kills, seconds = sum(one.kills for one in outcomes), sum(one.seconds for one in outcomes)
    print(f"\n{len(names)} faults x {chosen.seeds} seeds, {kills} kills, {seconds:.0f} s of runs.")
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())

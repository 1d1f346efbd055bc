"""Fast and slow cores are counted as each operating system describes them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from desktop_app.engine.planning.cpu_cores import (
    Cores,
    find_cores,
    linux_cores,
    processor_name,
    threads_for,
    windows_cores,
)


def write(devices: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = devices / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return devices


def siblings(pairs: dict[int, str]) -> dict[str, str]:
    return {f"system/cpu/cpu{number}/topology/thread_siblings_list": group for number, group in pairs.items()}


def clocks(khz: dict[int, int]) -> dict[str, str]:
    return {f"system/cpu/cpu{number}/cpufreq/cpuinfo_max_freq": str(value) for number, value in khz.items()}


#: i5-12500H: 4 fast cores with two threads each (0-7), 8 slow ones (8-15).
_INTEL = {number: f"{number // 2 * 2}-{number // 2 * 2 + 1}" for number in range(8)}


def test_intel_lists_its_fast_cores(tmp_path: Path) -> None:
    devices = write(
        tmp_path,
        {"cpu_core/cpus": "0-7", "cpu_atom/cpus": "8-15"}
        | siblings(_INTEL | {number: str(number) for number in range(8, 16)})
        | clocks({number: 4500000 if number < 8 else 3300000 for number in range(16)}),
    )
    assert linux_cores(range(16), devices) == Cores(4, 12, 16)
    assert linux_cores(range(4, 12), devices) == Cores(2, 6, 8)
    # Where only slow ones are allowed, they are what there is.
    assert linux_cores(range(8, 16), devices) == Cores(8, 8, 8)


def test_arm_tells_capacities(tmp_path: Path) -> None:
    """RK3588: four Cortex-A55, four Cortex-A76."""
    capacities = {f"system/cpu/cpu{number}/cpu_capacity": "414" if number < 4 else "1024" for number in range(8)}
    devices = write(tmp_path, capacities | siblings({number: str(number) for number in range(8)}))
    assert linux_cores(range(8), devices) == Cores(4, 8, 8)


def test_a_prime_core_does_not_stand_alone(tmp_path: Path) -> None:
    """Snapdragon: one core at 1024, three at 860, four at 350."""
    values = [350] * 4 + [860] * 3 + [1024]
    capacities = {f"system/cpu/cpu{number}/cpu_capacity": str(value) for number, value in enumerate(values)}
    assert linux_cores(range(8), write(tmp_path, capacities)) == Cores(4, 8, 8)


def test_amd_differs_by_the_clock(tmp_path: Path) -> None:
    """Ryzen AI 9 HX 370: four Zen 5 at 5.1 GHz, eight Zen 5c at 3.3 GHz, two threads each, numbered apart."""
    pairs = siblings({number: f"{number % 12},{number % 12 + 12}" for number in range(24)})
    khz = clocks({number: 5157895 if number % 12 < 4 else 3312000 for number in range(24)})
    assert linux_cores(range(24), write(tmp_path, pairs | khz)) == Cores(4, 12, 24)


def test_favoured_cores_are_of_the_same_kind(tmp_path: Path) -> None:
    khz = clocks({number: 5000000 if number < 2 else 4700000 for number in range(8)})
    assert linux_cores(range(8), write(tmp_path, khz)) == Cores(8, 8, 8)


def test_a_container_that_tells_nothing(tmp_path: Path) -> None:
    assert linux_cores(range(3), tmp_path) == Cores(3, 3, 3)


def record(efficiency: int, mask: int, kind: int = 0) -> bytes:
    """A record of GetLogicalProcessorInformationEx, as 64-bit Windows lays it out."""
    threads = mask.bit_count()
    return struct.pack("<IIBB20xHQH6x", kind, 48, threads > 1, efficiency, 1, mask, 0)


def test_windows_tells_efficiency_classes() -> None:
    fast = [record(1, 3 << (2 * number)) for number in range(4)]
    slow = [record(0, 1 << (8 + number)) for number in range(8)]
    assert windows_cores(b"".join(fast + slow)) == Cores(4, 12, 16)
    assert windows_cores(b"".join(record(0, 3 << (2 * number)) for number in range(8))) == Cores(8, 8, 16)


@pytest.mark.parametrize("records", [b"", b"\0" * 7, struct.pack("<II", 0, 0), record(0, 1)[:40], record(0, 1, kind=3)])
def test_what_windows_should_not_give_is_not_taken(records: bytes) -> None:
    assert windows_cores(records) is None


def test_this_computer_has_cores_and_a_tiny_model_needs_one() -> None:
    here = find_cores()
    assert 1 <= here.fast <= here.physical <= here.logical
    assert threads_for(1 << 20) == 1
    assert threads_for(1 << 32) == here.fast
    assert isinstance(processor_name(), str)

"""How much memory may be used: as named, as measured, or as limited by a control group."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_app.engine.planning import memory_budget
from desktop_app.engine.planning.memory_budget import MemoryBudget, cgroup_limit, find_memory_budget, parse_size
from desktop_app.errors import UserError

GIB = 1 << 30


@pytest.mark.parametrize(
    ("text", "size"), [("8G", 8 * GIB), ("8 GiB", 8 * GIB), ("7.5gb", 15 * GIB // 2), (" 512M ", GIB // 2)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "8", "lots", "-8G", "0G", "8K", "nan G", "9" * 50 + "G"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_size(text)
    assert refused.value.code == "memory-limit-wrong"


def test_a_named_computer_is_planned_for_whatever_runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_memory_budget(8 * GIB) == MemoryBudget(int(5.75 * GIB), int(5.75 * GIB))
    assert find_memory_budget(int(7.6 * GIB)) == find_memory_budget(8 * GIB)  # what firmware keeps is counted already
    monkeypatch.setenv(memory_budget.VARIABLE, "16G")
    assert find_memory_budget() == find_memory_budget(16 * GIB)
    assert find_memory_budget(8 * GIB) == MemoryBudget(int(5.75 * GIB), int(5.75 * GIB))
    monkeypatch.setenv(memory_budget.VARIABLE, "much")
    with pytest.raises(UserError):
        find_memory_budget()


def test_this_computer_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(memory_budget.VARIABLE, raising=False)
    found = find_memory_budget()
    assert 0 < found.free <= found.usable


def computer(monkeypatch: pytest.MonkeyPatch, total: int, free: int, group: int) -> None:
    monkeypatch.delenv(memory_budget.VARIABLE, raising=False)
    monkeypatch.setattr(memory_budget, "_system_memory", lambda: (total, free))
    monkeypatch.setattr(memory_budget, "cgroup_limit", lambda: group)


def test_what_is_free_now_and_what_is_ours_already(monkeypatch: pytest.MonkeyPatch) -> None:
    computer(monkeypatch, 16 * GIB, 4 * GIB, 0)
    assert find_memory_budget(held=GIB) == MemoryBudget(int(12.75 * GIB), int(3.8 * GIB) + 1 + GIB)
    computer(monkeypatch, 16 * GIB, 0, 0)  # a system that does not tell
    assert find_memory_budget() == MemoryBudget(int(12.75 * GIB), int(12.75 * GIB))


def test_a_control_group_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    computer(monkeypatch, 32 * GIB, 30 * GIB, 6 * GIB)
    assert find_memory_budget() == MemoryBudget(int(5.75 * GIB), int(5.75 * GIB))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_control_groups_of_the_second_version(tmp_path: Path) -> None:
    write(tmp_path / "self", "0::/user.slice/app.scope\n")
    root = tmp_path / "cgroup"
    assert cgroup_limit(tmp_path / "self", root) == 0
    write(root / "user.slice" / "app.scope" / "memory.max", "max\n")
    assert cgroup_limit(tmp_path / "self", root) == 0
    write(root / "user.slice" / "memory.max", f"{6 * GIB}\n")
    assert cgroup_limit(tmp_path / "self", root) == 6 * GIB
    write(root / "user.slice" / "app.scope" / "memory.max", f"{4 * GIB}\n")
    assert cgroup_limit(tmp_path / "self", root) == 4 * GIB


def test_control_groups_of_the_first_version(tmp_path: Path) -> None:
    write(tmp_path / "self", "5:cpu,memory:/box/inner\n0::/\n")
    root = tmp_path / "cgroup"
    write(root / "memory" / "memory.limit_in_bytes", "9223372036854771712\n")
    assert cgroup_limit(tmp_path / "self", root) == 0
    write(root / "memory" / "box" / "memory.limit_in_bytes", f"{3 * GIB}\n")
    assert cgroup_limit(tmp_path / "self", root) == 3 * GIB


def test_a_system_without_control_groups(tmp_path: Path) -> None:
    assert cgroup_limit(tmp_path / "self", tmp_path) == 0

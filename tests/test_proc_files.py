"""Sizes in the files of /proc."""

from pathlib import Path

from desktop_app.proc_files import read_sizes, read_text


def test_sizes_are_read_in_bytes(tmp_path: Path) -> None:
    path = tmp_path / "status"
    path.write_bytes(b"Name:\tno \xff utf-8\nVmHWM:\t    2048 kB\nThreads:\t3\nVmRSS: 7 kB\n")
    assert read_sizes(path) == {"VmHWM": 2048 * 1024, "VmRSS": 7 * 1024}


def test_a_process_that_has_ended_says_nothing(tmp_path: Path) -> None:
    assert read_text(tmp_path / "status") == ""
    assert read_sizes(tmp_path / "status") == {}

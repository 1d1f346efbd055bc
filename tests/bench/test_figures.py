"""The benchmark's arithmetic: ratios of measured numbers, and reasons where nothing was measured."""

import json
from pathlib import Path

import pytest
from bench import plot, report
from bench.results import NotMeasuredError, Results, Sheet
from bench.targets import AIMS
from PIL import Image

#: What the founders asked for.
KEYS = {
    "ttft_follow_up_vs_floor",
    "ttft_turn5_stock_over_ours",
    "ttft_read_ahead_vs_text_only",
    "clip_encodes_after_restart",
    "ttft_after_restart_speedup",
    "writing_vs_plain",
    "writing_vs_best",
    "reading_vs_best",
    "writing_vs_bandwidth_limit",
    "peak_pss_mib",
    "stop_ms_max",
    "window_start_vs_bare",
}


@pytest.fixture
def results() -> Results:
    """A run in which nothing went wrong but the window."""
    made = Results()
    made.values = {
        "computer.read_bytes_s": 24e9,
        "computer.bytes_per_token": 4e9,
        "ours.again_encodes": 0,
        "ours.again_first_token_s": 3,
        "ours.fresh_first_token_s": 33,
        "ours.read_ahead_first_token_s": 1.1,
        "ours.text_only_first_token_s": 1,
        "ours.writing_tok_s": 4.8,
        "ours.reading_tok_s": 20,
        "plain.writing_tok_s": 5,
        "plain.reading_tok_s": 25,
        "sweep.mapped.writing_ratio": 0.9,
        "sweep.mapped, flash.writing_ratio": 1.2,
        "sweep.mapped.reading_ratio": 0.8,
        "sweep.mapped, flash.reading_ratio": 0.9,
        "stock.first_token_s.5": 72,
        "low_memory.peak_mib": 5000,
        "ours.stop_looking_ms.0": 90,
        "ours.stop_looking_ms.1": 20,
        "ours.stop_reading_ms.0": 12,
        "ours.stop_writing_ms.0": 30,
        **{f"ours.first_token_s.{turn}": 2.4 for turn in range(2, 6)},
        **{f"plain.first_token_s.{turn}": 2.0 for turn in range(2, 6)},
    }
    made.reasons = {"window": "died of SIGABRT"}
    return made


def test_ratios(results: Results) -> None:
    found, _ = report.figures(results)
    assert found["ttft_follow_up_vs_floor"] == pytest.approx(1.2)
    assert found["ttft_turn5_stock_over_ours"] == pytest.approx(30)
    assert found["ttft_read_ahead_vs_text_only"] == pytest.approx(1.1)
    assert found["clip_encodes_after_restart"] == 0
    assert found["ttft_after_restart_speedup"] == pytest.approx(11)
    assert found["writing_vs_plain"] == pytest.approx(0.96)
    assert found["writing_vs_best"] == pytest.approx(0.8)
    assert found["reading_vs_best"] == pytest.approx(0.8)
    # With flash attention: 700 tokens at 22.5 a second and 450 at 6; ours at 20 and 4.8.
    assert found["answering_vs_best"] == pytest.approx((700 / 22.5 + 450 / 6) / (700 / 20 + 450 / 4.8), abs=1e-4)
    assert found["writing_vs_bandwidth_limit"] == pytest.approx(0.8)
    assert found["stop_ms_max"] == 90


def test_what_was_not_measured_has_a_reason_and_no_number(results: Results, tmp_path: Path) -> None:
    found, reasons = report.figures(results)
    assert found["window_start_vs_bare"] is None
    assert "died of SIGABRT" in reasons["window_start_vs_bare"]
    text = report.table(results, {"computer": "a fast one"})
    assert "computer: a fast one" in text
    assert "died of SIGABRT" in text
    report.write_json(tmp_path / "latest.json", results, {}, real_shapes=True)
    written = json.loads((tmp_path / "latest.json").read_text())
    assert written.keys() >= KEYS
    assert written["window_start_vs_bare"] is None


def test_one_phase_that_could_not_be_stopped_spoils_the_whole_figure(results: Results) -> None:
    del results.values["ours.stop_reading_ms.0"]
    results.reasons["ours.stop_reading_ms.0"] = "the phase was over"
    found, reasons = report.figures(results)
    assert found["stop_ms_max"] is None
    assert "the phase was over" in reasons["stop_ms_max"]


def test_every_aim_is_met_or_not() -> None:
    for aim in AIMS:
        limit = aim.most if aim.most is not None else aim.least
        if limit is None:
            assert aim.is_met(1) is None
            continue
        assert aim.is_met(limit) is True
        assert aim.is_met(limit + 1) is (aim.least is not None)
        assert aim.is_met(limit - 1) is (aim.most is not None)


def test_a_row_that_fails_says_why_and_the_others_stay(tmp_path: Path) -> None:
    sheet = Sheet(tmp_path / "sheet.jsonl")
    sheet.put("ours.a", 1)
    with sheet.row("ours.b", "ours.c"):
        int("no picture")
    with sheet.row("ours.d"):
        sheet.put("ours.d", 2)
    results = Results()
    results.read(tmp_path / "sheet.jsonl")
    assert results.values == {"ours.a": 1, "ours.d": 2}
    with pytest.raises(NotMeasuredError, match=r"ours\.c: ValueError: .*no picture"):
        results["ours.c"]


def test_a_party_that_never_ran_is_no_number(tmp_path: Path) -> None:
    results = Results()
    results.read(tmp_path / "absent.jsonl")
    with pytest.raises(NotMeasuredError, match="not measured in this run"):
        results["stock.load_s"]


def test_the_plot_shows_bars(results: Results, tmp_path: Path) -> None:
    plot.draw(tmp_path / "all.png", results, {"date": "today"})
    plot.draw(tmp_path / "none.png", Results(), {})
    with Image.open(tmp_path / "all.png") as drawn, Image.open(tmp_path / "none.png") as empty:
        ours = (0x2F, 0x6F, 0xB0)
        count = [sum(pixel == ours for pixel in image.get_flattened_data()) for image in (drawn, empty)]
    assert count[0] > 10 * count[1] > 0, "the legend alone has that colour in an empty plot"

"""The catalogue of models that is shipped, and catalogues with errors."""

from pathlib import Path

import pytest

from desktop_app.chat.families.signs import FAMILIES
from model_store.catalogue import load_catalogue
from model_store.errors import StoreError
from model_store.hub.client import repository_name
from model_store.jobs import DownloadRequest, Role
from model_store.names import safe_name
from tests.helpers.paths import REPOSITORY

SHIPPED = REPOSITORY / "resources" / "catalogue.toml"


def test_llava_stands_first() -> None:
    entries = load_catalogue(SHIPPED).entries
    assert [one.id for one in entries][:2] == ["llava-1.5-7b", "llava-1.5-13b"]
    is_llava = ["llava" in one.id for one in entries]
    assert is_llava == sorted(is_llava, reverse=True)
    assert {one.family for one in entries} <= {family.name for family in FAMILIES}
    for one in entries:
        assert repository_name(one.repository) == one.repository
        assert one.id == safe_name(one.id).lower()
        assert one.sentence.endswith(".")
        assert one.licence_url.startswith("https://")
        for variant in one.variants:
            # What must be held in any case, with a small copy of the projector, and not twice as much.
            assert (
                variant.size - variant.projector.size // 2
                < variant.memory_2048
                <= variant.memory_4096
                < 2 * variant.size + 4e9
            )
            for file in variant.files:
                assert file.path.endswith(".gguf")
                assert file.size > 1e8


def test_memory_agrees_with_what_was_measured() -> None:
    """LLaVA-1.5-7B in Q4_K_M with 4096 tokens as planned for 8 GB: 5594 MiB, window and engine (`make test-memory`)."""
    entry = load_catalogue(SHIPPED).get("llava-1.5-7b")
    assert entry is not None
    assert abs((entry.variants[0].memory_4096 >> 20) - 5594) < 0.1 * 5594


def test_has_the_small_models_of_2026() -> None:
    """Each has the licence that its makers give."""
    catalogue = load_catalogue(SHIPPED)
    apache = ["qwen3-vl-2b", "qwen3-vl-4b", "qwen3-vl-8b", "qwen3.5-2b", "qwen3.5-4b", "minicpm-v-4.6"]
    apache += ["gemma-4-e2b", "gemma-4-e4b"]
    for name in apache:
        entry = catalogue.get(name)
        assert entry is not None
        assert (entry.licence, entry.terms) == ("Apache-2.0", False)
    for name in ("lfm2.5-vl-450m", "lfm2.5-vl-1.6b", "lfm2.5-vl-3b"):
        entry = catalogue.get(name)
        assert entry is not None
        assert entry.terms  # free only below an income


def test_ratings_agree_with_what_was_published() -> None:
    """The measure is LLaVA 1.5 7B. Who reads nine of ten documents rightly has all points, and nobody with less."""
    entries = load_catalogue(SHIPPED).entries
    measure = entries[0]
    assert (measure.photos, measure.documents, measure.published.points["DocVQA"]) == (2, 0, 28.0)
    rated = 0
    for one in entries:
        documents, text = (one.published.points.get(test) for test in ("DocVQA", "OCRBench"))
        if documents is not None:
            assert one.documents == (3 if documents >= 90 else 2 if documents >= 70 else 1 if documents >= 50 else 0)
        elif text is not None:
            assert one.documents == (3 if text >= 80 else 2 if text >= 65 else 1)
        rated += documents is not None or text is not None
        assert bool(one.published.points) == bool(one.published.source)
    assert rated >= 4


def test_finds_entries_and_variants() -> None:
    catalogue = load_catalogue(SHIPPED)
    assert [one.id for one in catalogue.search("34b chatml")] == ["llava-1.6-34b"]
    assert catalogue.search("nothing of the kind") == ()
    entry = catalogue.get("second-state/llava-v1.5-7b-gguf")
    assert entry is not None
    variant = entry.variant("q3_k_m")
    assert variant is not None
    request = DownloadRequest.of(entry, variant)
    assert [(file.role, file.path) for file in request.files] == [
        (Role.MODEL, "llava-v1.5-7b-Q3_K_M.gguf"),
        (Role.PROJECTOR, "llava-v1.5-7b-mmproj-model-f16.gguf"),
    ]
    assert (entry.variant("Q9"), entry.variant(), catalogue.get("gpt")) == (None, entry.variants[0], None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[model.projector]", "[model.projectile]"),
        ("size = 4_080_000_000", 'size = "large"'),
        ('sha256 = "2687', 'sha256 = "xyz'),
        ('id = "llava-1.5-13b"', 'id = "llava-1.5-7b"'),
        ("[[model]]", "[[model"),
        ("photos = 2", "photos = 4"),
        ("photos = 2\n", ""),
        ("DocVQA = 28.0", "DocVQA = 280.0"),
        ("DocVQA = 28.0", "MyOwnTest = 28.0"),
        ('source = "https://arxiv.org/abs/2510.24214"\n', ""),
        ("first_from = 3_500_000_000", 'first_from = "8 GB"'),
    ],
)
def test_what_does_not_hold_together_is_refused(tmp_path: Path, old: str, new: str) -> None:
    text = SHIPPED.read_text("utf-8")
    assert old in text
    path = tmp_path / "catalogue.toml"
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(StoreError, match=r"catalogue\.toml is damaged"):
        load_catalogue(path)

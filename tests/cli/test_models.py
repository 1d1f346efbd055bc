"""`eyebright models`: what each command does, prints and returns."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app import paths
from desktop_app.cli import texts
from desktop_app.cli.progress import ProgressBar
from desktop_app.settings import Settings
from model_store.catalogue import load_catalogue
from model_store.jobs import NOTES
from model_store.library import moving
from model_store.library.library import Library
from tests.cli.running import run_verb
from tests.helpers.fake_hub import FakeHub, fake_hub
from tests.helpers.paths import DATA
from tests.model_store.folders import contents, copy_built_in, write_pair
from tests.model_store.library.test_other_folders import ollama
from tests.random_models.small_gguf import gguf
from tests.random_models.splitting import split_gguf

ID = "eyebright-tiny"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "eyebright"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def built_in() -> None:
    assert run("import", str(paths.demo_model()[0].parent)) == 0


def run(*words: str) -> int:
    return run_verb("models", *words)


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert run(*words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_nothing_is_installed_at_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    assert capsys.readouterr().out.strip() == texts.MODELS_NONE
    assert answer(capsys, "list")["models"] == []
    assert answer(capsys, "where")["models"] == 0


def test_a_model_is_imported_listed_verified_and_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import", *map(str, paths.demo_model())) == 0
    said = capsys.readouterr()
    assert f"--model {ID}" in said.out
    assert "100 %" in said.err
    assert run("list") == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["ID", "SIZE"]
    assert line.split() == [ID, "11", "MB", "ok", "MIT", "never", ID]
    (listed,) = answer(capsys, "list")["models"]
    assert (listed["state"], listed["size"], [file["role"] for file in listed["files"]]) == (
        "ok",
        10628480,
        ["model", "projector"],
    )
    assert run("verify") == run("verify", ID) == 0
    where = answer(capsys, "where")
    assert (where["models"], where["size"]) == (1, listed["size"])
    assert answer(capsys, "remove", ID) == {"id": ID, "freed": listed["size"]}
    assert answer(capsys, "list")["models"] == []


class Terminal(io.StringIO):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("built_in")
def test_on_a_terminal_it_asks_before_it_deletes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for said in ("", "\n", "no\n"):
        monkeypatch.setattr(sys, "stdin", Terminal(said))
        capsys.readouterr()
        assert run("remove", ID) == 0
        asked = capsys.readouterr()
        assert f"Delete {ID}? This frees 11 MB. [y/N]" in asked.err
        assert asked.out.strip() == texts.MODELS_KEPT.format(title=ID)
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert run("remove", ID) == 0
    assert "was deleted" in capsys.readouterr().out
    assert run("import", str(paths.demo_model()[0].parent)) == 0
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    capsys.readouterr()
    assert run("remove", ID, "--yes") == 0
    assert "[y/N]" not in capsys.readouterr().err


def test_what_is_imported_again_is_here_already(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (first := tmp_path / "painter-F16.gguf").write_bytes(paths.demo_model()[0].read_bytes())
    assert run("import", str(first)) == 0
    assert "painter-F16 is installed." in (said := capsys.readouterr().out)
    assert "cannot see pictures without its projector" in said
    assert run("import", str(first.rename(tmp_path / "llava-F16.gguf"))) == 0
    assert "here already, as painter-F16." in capsys.readouterr().out


@pytest.mark.usefixtures("built_in")
def test_damage_is_told_by_verify(capsys: pytest.CaptureFixture[str]) -> None:
    model = Library(paths.models_folder()).get(ID)
    content = model.model.read_bytes()
    model.model.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert model.projector is not None
    model.projector.unlink()
    assert run("verify", ID) == 1
    said = capsys.readouterr().out
    for name, state in (("eyebright-tiny.gguf", "DAMAGED"), ("eyebright-tiny-mmproj.gguf", "MISSING")):
        assert texts.MODELS_WRONG_FILE.format(title=ID, name=name, state=state) in said
    assert run("repair", ID) == 2
    assert "does not know where" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["remove", "nobody"], "No model called “nobody” is installed."),
        (["verify", "nobody"], "No model called “nobody” is installed."),
        (["export", "nobody", "."], "No model called “nobody” is installed."),
        (["import", "nowhere.gguf"], "nowhere.gguf cannot be found."),
        (["import", "--found", "nothing"], "No other program has a model called “nothing”."),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    said = capsys.readouterr()
    assert (said.out, sentence in said.err, said.err.count("\n")) == ("", True, 1)


@pytest.mark.parametrize("words", [[], ["fly"], ["remove"], ["export", ID], ["where", "else"], ["list", "--bad"]])
def test_nonsense_is_one_sentence(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_each_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("", *texts.MODELS_COMMANDS):
        with pytest.raises(SystemExit) as ended:
            run(*command.split(), "--help")
        assert ended.value.code == 0
        assert command in capsys.readouterr().out


@pytest.mark.usefixtures("built_in")
def test_a_model_travels_on_a_stick(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = answer(capsys, "export", ID, str(tmp_path / "stick"))["folder"]
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "other computer"))
    (arrived,) = answer(capsys, "import", folder)["models"]
    assert (arrived["id"], arrived["state"]) == (ID, "ok")


@pytest.mark.usefixtures("built_in")
def test_all_models_move_and_the_setting_follows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = Library(paths.models_folder()).get(ID)
    settings = Settings.peek(paths.settings_file())
    settings.set("model", str(model.model))
    settings.set("mmproj", str(model.projector))
    settings.save()
    new = tmp_path / "new disk"
    assert answer(capsys, "move", str(new)) == {"folder": str(new)}
    settings = Settings.peek(paths.settings_file())
    assert settings.value("models_folder") == str(new)
    assert Path(settings.value("model")).read_bytes() == paths.demo_model()[0].read_bytes()
    assert Path(settings.value("mmproj")).parent == new / ID
    assert not paths.models_folder().exists()
    assert [one["state"] for one in answer(capsys, "list")["models"]] == ["ok"]

    assert run("remove", ID) == 0
    assert texts.MODELS_WAS_CHOSEN in capsys.readouterr().err
    assert Settings.peek(paths.settings_file()).value("model") == ""


def test_what_other_programs_have_is_listed_and_used(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ollama(home / ".ollama/models", write_pair(tmp_path / "made", "llava"))
    before = contents(home)
    (found,) = answer(capsys, "list", "--found")["found"]
    assert (found["program"], found["title"], found["sees"]) == ("Ollama", "llava:7b", True)
    (used,) = answer(capsys, "import", "--found", found["title"])["models"]
    assert (used["in_place"], used["frees"]) == (True, 0)
    assert answer(capsys, "list", "--found")["found"] == [], "it is used already"
    assert run("remove", used["id"]) == 0
    assert "stay where they are" in capsys.readouterr().out
    assert contents(home) == before


def test_an_installed_model_answers_by_its_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import", "--in-place", *map(str, copy_built_in(tmp_path / "here"))) == 0
    capsys.readouterr()
    assert run_verb("plan", ID, "--json") == 0
    assert json.loads(capsys.readouterr().out)["need"]["projector"] > 0
    question = ["-p", "What is in the picture?", "--greedy", "--json"]
    picture = str(DATA / "pictures" / "plain.png")
    assert run_verb("ask", picture, "--model", ID, *question) == 0
    assert json.loads(capsys.readouterr().out)["image_encodes"] == 1
    [listed] = answer(capsys, "list")["models"]
    assert listed["last_used"] > 0
    assert run_verb("ask", picture, "--model", listed["title"].upper(), *question) == 0
    assert "circle" in json.loads(capsys.readouterr().out)["answer"]
    assert run("verify", listed["title"]) == 0


@pytest.mark.parametrize("way", [[], ["--in-place"]], ids=["copy", "in place"])
def test_a_split_model_answers_whichever_file_was_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], way: list[str]
) -> None:
    _, projector = copy_built_in(tmp_path / "here")
    parts = split_gguf(paths.demo_model()[0], projector.parent, "tiny-llava", tensors=15)
    third = parts[2].rename(tmp_path / "aside")
    assert run("import", *way, str(parts[1])) == 2
    assert "tiny-llava is a model in 3 files, and its folder lacks tiny-llava-00003-of-" in capsys.readouterr().err
    third.rename(parts[2])
    (model,) = answer(capsys, "import", *way, str(parts[1]))["models"]
    assert [file["role"] for file in model["files"]] == ["model"] * 3 + ["projector"]
    assert model["size"] == sum(path.stat().st_size for path in (*parts, projector))
    assert run("verify", "tiny-llava") == 0
    picture, question = str(DATA / "pictures" / "plain.png"), ["-p", "What is in the picture?", "--greedy"]
    said = []
    for words in ([], ["--model", "tiny-llava"], ["--model", str(parts[2]), "--mmproj", str(projector)]):
        capsys.readouterr()
        assert run_verb("ask", picture, *words, *question) == 0
        said.append(capsys.readouterr().out)
    assert said[0].strip()
    assert said[0] == said[1] == said[2], "the model is the built-in one"


def test_of_a_folder_is_taken_what_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy_built_in(tmp_path / "mixed")
    (tmp_path / "mixed" / "letter.gguf").write_bytes(b"Dear")
    (model,) = answer(capsys, "import", str(tmp_path / "mixed"))["models"]
    assert model["id"] == ID
    assert run("import", str(tmp_path / "mixed" / "letter.gguf")) == 2
    assert run("import", str(tmp_path / "mixed")) == 0
    assert "letter.gguf is not a model file" in capsys.readouterr().err


@pytest.mark.parametrize("switched", [False, True])
@pytest.mark.usefixtures("built_in")
def test_a_move_that_was_killed_is_told_and_goes_on(
    switched: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new disk"

    def killed(*_arguments: object) -> None:
        raise SystemExit  # as good as a kill: `move_library` tidies up after exceptions only while it copies

    with monkeypatch.context() as patch:
        patch.setattr(*((moving, "_clear", killed) if switched else (Settings, "save", killed)))
        with pytest.raises(SystemExit):
            run("move", str(new))
    capsys.readouterr()
    assert run("list") == 0
    assert f"models move {new}" in capsys.readouterr().err
    assert answer(capsys, "move", str(new)) == {"folder": str(new)}
    assert run("verify", ID) == 0
    assert "cut short" not in capsys.readouterr().err
    assert not paths.models_folder().exists()


class _Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_and_others_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    for stream in (_Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        bar = ProgressBar()
        for done in range(0, 101_000_000, 1_000_000):
            bar.show("llava.gguf", done, 100_000_000, speed=2e6)
        bar.close()
        said = stream.getvalue()
        if stream.isatty():
            assert "█" * 30 + " llava.gguf: 100 % (100 MB of 100 MB), 2.0 MB/s" in said
            assert "\n" not in said
            assert all(len(line) < 100 for line in said.split("\r"))
        else:
            assert len(said.splitlines()) == 11, "one for each tenth"
            assert said.splitlines()[1] == "llava.gguf: 10 % (10 MB of 100 MB), 2.0 MB/s, 0:45 left"


def test_waiting_is_one_line_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    bar = ProgressBar()
    for reason in ("No network.", "Server busy.", "No network."):
        for left in (3, 2, 1):
            bar.wait(reason, left)
    said = [line.removesuffix(" Trying again in 3 s …") for line in stream.getvalue().splitlines()]
    assert said == ["No network.", "Server busy.", "No network."]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    with fake_hub() as served:
        monkeypatch.setenv("HF_ENDPOINT", served.endpoint)
        yield served


def test_a_search_without_a_word_lists_the_catalogue(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "search")
    entries = load_catalogue(paths.resources_folder() / "catalogue.toml").entries
    assert {row["id"] for row in found["models"]} == {entry.id for entry in entries}
    assert (found["repositories"], hub.requests) == ([], []), "the hub has no answer to no question"


def test_a_search_says_what_sees_and_what_could_not_be_loaded(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    seeing, *_ = answer(capsys, "search", "llava-1.5-7b")["models"]
    assert (seeing["sees"], seeing["problem"]) == (True, "")
    files = zip(("a-Q4_K_M.gguf", "mmproj.gguf"), (path.read_bytes() for path in paths.demo_model()), strict=True)
    hub.publish("someone/odd", {**dict(files), "b-Q8_0.gguf": gguf(1000, 1)})
    assert run("search", "someone/odd") == 0
    said = capsys.readouterr()
    assert re.search(r"Q4_K_M .* yes +yes ", said.out)
    assert re.search(r"Q8_0 .* cannot be loaded +no ", said.out)
    assert "eyebright: b-Q8_0.gguf cannot be loaded as a model" in said.err


def test_what_is_worth_saying_of_a_download_is_said(
    hub: FakeHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, projector = paths.demo_model()
    files = {"llava-phi-3-mini-int4.gguf": model, "llava-phi-3-mini-mmproj-f16.gguf": projector}
    served = hub.publish("xtuner/llava-phi-3-mini-gguf", {name: path.read_bytes() for name, path in files.items()})
    for file in served.files.values():
        file.told_sha256 = ""
    monkeypatch.setenv("EYEBRIGHT_MEMORY_LIMIT", "4G")
    assert run("download", "llava-phi-3-mini") == 0
    said = capsys.readouterr()
    assert "LLaVA Phi-3 mini int4 is installed" in said.out
    assert "eyebright: LLaVA Phi-3 mini needs at least 3.2 GB of memory, and 2.4 GB can be used" in said.err
    assert f"eyebright: {NOTES['unverified']}" in said.err
    assert f"eyebright: {NOTES['size-changed']}" in said.err


@pytest.mark.parametrize(("wish", "first"), [("documents", "qwen3-vl-2b"), ("speed", "lfm2.5-vl-450m")])
def test_a_search_can_be_sorted_by_what_is_wanted(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wish: str, first: str
) -> None:
    monkeypatch.setenv("EYEBRIGHT_MEMORY_LIMIT", "8G")
    found = answer(capsys, "search", "--for", wish)["models"]
    assert found[0]["id"] == first
    by_id = {one["id"]: one for one in found}
    assert by_id["qwen3-vl-2b"]["published"]["DocVQA"] == 92.7
    assert by_id["qwen3-vl-2b"]["published"]["source"].startswith("https://")
    assert by_id["bakllava-1"]["published"] == {}


def test_a_wish_that_nobody_knows_is_refused_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("search", "--for", "cooking")
    assert ended.value.code == 2
    assert "photos" in capsys.readouterr().err

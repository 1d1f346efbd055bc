"""The workflows, above all that of a release, as far as they can be checked without running them."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from provision import pythons
from release import macho, publishing
from ruamel.yaml import YAML  # which check-jsonschema brings

from tests.helpers.paths import REPOSITORY

_FOLDER = REPOSITORY / ".github" / "workflows"
_TEXT = (_FOLDER / "release.yml").read_text("utf-8")
_WORKFLOW: dict[str, Any] = YAML(typ="safe").load(_TEXT)
_JOBS: dict[str, Any] = _WORKFLOW["jobs"]
_ALL: dict[Path, dict[str, Any]] = {path: YAML(typ="safe").load(path) for path in sorted(_FOLDER.iterdir())}
_BUILDING = ("linux", "windows", "macos")


def steps(*jobs: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in jobs or _JOBS:
        for step in _JOBS[name]["steps"]:
            yield name, step


def test_they_are_what_github_understands() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, _ALL)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_every_job_ends_some_time_and_may_do_only_what_it_says() -> None:
    assert _WORKFLOW["permissions"] == {}
    for name, job in _JOBS.items():
        assert 0 < job["timeout-minutes"] <= 180, name
        writes = {right for right, kind in job["permissions"].items() if kind == "write"}
        assert writes == ({"contents", "id-token", "attestations"} if name == "draft" else set()), name


def test_actions_are_pinned_to_commits() -> None:
    used = [action for path in _ALL for action in re.findall(r"uses: (.*)", path.read_text("utf-8"))]
    assert used
    for action in used:
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_what_comes_from_outside_is_never_part_of_a_command() -> None:
    for name, step in steps():
        assert "${{" not in step.get("run", ""), (name, step["name"])


def test_the_checkout_leaves_no_key_behind() -> None:
    jobs = [job for workflow in _ALL.values() for job in workflow["jobs"].values()]
    found = [step for job in jobs for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert len(found) == len(jobs)
    assert all(step["with"]["persist-credentials"] is False for step in found)


def test_every_python_that_is_supported_is_tested() -> None:
    workflow = _ALL[_FOLDER / "tests.yml"]
    assert workflow["permissions"] == {}
    job = workflow["jobs"]["linux"]
    assert job["permissions"] == {"contents": "read"}
    minors = range(pythons.OLDEST[1], pythons.TOO_NEW[1])
    assert job["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in minors]
    assert job["steps"][-1]["run"] == "python packaging/manage.py test"


@pytest.mark.parametrize("job", _BUILDING)
def test_a_tag_that_is_not_the_version_is_refused_before_anything_is_built(job: str) -> None:
    assert _JOBS[job]["needs"] == "check"
    runs = [(step.get("run", ""), step.get("if")) for _, step in steps(job)]
    refusing = next(number for number, (run, _) in enumerate(runs) if "manage.py tagged" in run)
    assert runs[refusing][1] == "github.ref_type == 'tag'"
    making = next(number for number, (run, _) in enumerate(runs) if "manage.py packages" in run)
    trying = next(number for number, (run, _) in enumerate(runs) if "manage.py test-here" in run)
    assert refusing < making < trying
    assert "--tag=" in runs[making][0]
    assert "--home=" in runs[making][0]


def test_nothing_is_published_that_has_no_tag() -> None:
    draft = _JOBS["draft"]
    assert draft["if"] == "github.ref_type == 'tag'"
    assert set(draft["needs"]) == set(_BUILDING)
    run = next(step["run"] for _, step in steps("draft") if "gh release create" in step.get("run", ""))
    assert "--draft" in run
    assert "--verify-tag" in run


def test_secrets_are_seen_by_one_step_of_a_protected_job_each() -> None:
    seen = [name for name, step in steps() for value in step.get("env", {}).values() if "secrets." in str(value)]
    assert set(seen) == {"windows", "macos"}
    assert len(seen) == _TEXT.count("secrets.")
    for name in {*seen, "draft"}:
        assert "release" in _JOBS[name]["environment"]
    for name, step in steps():
        if "secrets." in str(step.get("env")):
            assert "echo $" not in step["run"]
            assert "set -x" not in step["run"], name


def test_every_secret_is_explained() -> None:
    guide = (REPOSITORY / "docs" / "releasing.md").read_text("utf-8")
    for secret in set(re.findall(r"secrets\.(\w+)", _TEXT)):
        assert f"`{secret}`" in guide, secret


def test_every_file_of_a_release_has_a_job() -> None:
    machines = {f"{name}-{row['machine']}" for name in ("linux", "macos") for row in rows(name)} | {"windows-x86_64"}
    listed = {re.sub(r"^eyebright-[\d.]+-|\.cdx\.json$", "", name) for name in publishing.files() if "cdx" in name}
    assert listed == machines


def rows(job: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = _JOBS[job]["strategy"]["matrix"]["include"]
    return found


def test_what_is_compiled_for_macos_runs_where_the_program_says_it_does() -> None:
    assert _JOBS["macos"]["env"]["MACOSX_DEPLOYMENT_TARGET"] == macho.FLOOR


def test_what_the_shell_runs_is_well_formed(tmp_path: Path) -> None:
    if not shutil.which("bash"):
        pytest.skip("there is no bash")
    number = 0
    for name, step in steps():
        if "run" in step and name != "windows":
            number += 1
            script = tmp_path / f"{name}-{number}.sh"
            script.write_text(step["run"])
            result = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
            assert result.returncode == 0, result.stderr
    assert number > 10

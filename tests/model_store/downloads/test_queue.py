"""The download queue with a Hub on this computer that does not fail, while people pause, resume and cancel."""

import errno
import hashlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from model_store.downloads.part_file import BLOCK
from model_store.downloads.queue import Downloads
from model_store.errors import StoreError
from model_store.hub.client import Hub
from model_store.hub.http_client import Timeouts
from model_store.jobs import DownloadJob, DownloadRequest, FileState, JobState, Role, WantedFile
from model_store.manifest import Manifest
from tests.helpers.fake_hub import FakeHub, fake_hub
from tests.helpers.waiting import wait_until
from tests.random_models.small_gguf import gguf

REPOSITORY = "someone/llava-tiny"
MODEL, PROJECTOR = gguf(5_000_000, 1), gguf(1_100_000, 2, "clip")
FILES = {"llava-tiny-Q4_K_M.gguf": MODEL, "mmproj-llava-tiny-f16.gguf": PROJECTOR}
REQUEST = DownloadRequest(
    model_id="llava-tiny",
    title="LLaVA tiny",
    repository=REPOSITORY,
    revision="main",
    files=tuple(WantedFile(role, path) for role, path in zip(Role, FILES, strict=True)),
    folder="llava-tiny-Q4_K_M",
    licence="Apache-2.0",
)
QUICK = Timeouts(connect=2, answer=2, stall=0.5, slow=0.5, first_retry=0.02, longest_retry=0.1)
Begin = Callable[..., Downloads]


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with fake_hub() as served:
        served.publish(REPOSITORY, FILES)
        yield served


@pytest.fixture
def begin(hub: FakeHub, tmp_path: Path) -> Iterator[Begin]:
    """Start downloads into the model folder, as the program does; the last ones are closed before."""
    open_ones: list[Downloads] = []

    def start(*, token: str = "", proxy: str = "none", run: bool = True, **more: object) -> Downloads:
        for one in open_ones:
            one.close()
        downloads = Downloads(
            tmp_path / "models",
            lambda: Hub(hub.endpoint, token, proxy, QUICK),
            **more,  # type: ignore[arg-type]
        )
        open_ones.append(downloads)
        if run:
            downloads.start()
        return downloads

    yield start
    for one in open_ones:
        one.close()


def fetched(downloads: Downloads, request: DownloadRequest = REQUEST) -> DownloadJob:
    return downloads.wait(downloads.add(request).id, 20)


def check_installed(models: Path, files: dict[str, bytes] = FILES) -> None:
    folder = models / REQUEST.folder
    assert {path.name for path in folder.iterdir()} == {*files, "eyebright-model.json"}
    for name, data in files.items():
        assert (folder / name).read_bytes() == data
    assert [path.name for path in (models / ".downloads").iterdir()] == ["in-use.lock"]


@pytest.mark.parametrize("connections", [1, 3])
def test_fetches_a_pair_and_says_what_it_is(begin: Begin, tmp_path: Path, connections: int) -> None:
    told: list[DownloadJob] = []
    job = fetched(begin(listener=told.append, connections=connections))
    assert (job.state, job.error, job.notes) == (JobState.DONE, None, ())
    check_installed(tmp_path / "models")
    manifest = Manifest.read(tmp_path / "models" / REQUEST.folder)
    assert [file.sha256 for file in manifest.files] == [hashlib.sha256(data).hexdigest() for data in FILES.values()]
    assert all(file.verified and file.prefixes[-1] == file.sha256 for file in manifest.files)
    assert [job.state for job in told][:2] == [JobState.QUEUED, JobState.RUNNING]
    assert (told[-1].state, told[-1].done) == (JobState.DONE, len(MODEL) + len(PROJECTOR))
    assert {file.state for file in told[-1].files} == {FileState.DONE}


def test_token_goes_to_the_hub_alone(begin: Begin, hub: FakeHub) -> None:
    hub.shared.repositories[REPOSITORY].gated = True
    hub.shared.token = "hf_secret"
    job = fetched(begin())
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error.code == "gated"
    downloads = begin(token="hf_secret")
    downloads.retry(job.id)
    assert downloads.wait(job.id, 20).state is JobState.DONE
    assert {request.authorization for request in hub.requests if request.server == "hub"} == {"", "Bearer hf_secret"}
    assert {request.authorization for request in hub.requests if request.server == "cdn"} == {""}


def test_paused_goes_on_where_it_was_after_a_restart(begin: Begin, hub: FakeHub, tmp_path: Path) -> None:
    hub.shared.pace = 0.01
    downloads = begin()
    job = downloads.add(REQUEST)
    wait_until(lambda: downloads.job(job.id).done > 1_000_000)
    downloads.pause(job.id)
    paused = downloads.wait(job.id, 5)
    assert paused.state is JobState.PAUSED
    assert 1_000_000 < paused.done < len(MODEL)
    downloads = begin()
    assert (downloads.job(job.id).state, downloads.job(job.id).done) == (JobState.PAUSED, paused.done)
    before = hub.sent
    hub.shared.pace = 0
    downloads.resume(job.id)
    assert downloads.wait(job.id, 20).state is JobState.DONE
    again = hub.sent - before - (len(MODEL) + len(PROJECTOR) - paused.done)
    assert 0 <= again <= BLOCK
    check_installed(tmp_path / "models")


def test_without_a_network_it_waits_and_begins_by_itself(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as unplugged:
        unplugged.setattr(socket, "create_connection", _unreachable)
        downloads = begin()
        job = downloads.add(REQUEST)
        wait_until(lambda: downloads.job(job.id).state is JobState.WAITING)
        assert "kept" not in str(downloads.job(job.id).error), "nothing is there yet"
        assert (error := downloads.job(job.id).error) is not None
        assert "network" in str(error)
    assert downloads.wait(job.id, 20).state is JobState.DONE
    check_installed(tmp_path / "models")


def _unreachable(*_address: object, **_options: object) -> socket.socket:
    raise OSError(errno.ENETUNREACH, "Network is unreachable")


def test_cancelled_leaves_nothing(begin: Begin, hub: FakeHub, tmp_path: Path) -> None:
    hub.shared.pace = 0.01
    told: list[DownloadJob] = []
    downloads = begin(listener=told.append)
    job = downloads.add(REQUEST)
    wait_until(lambda: downloads.job(job.id).done > 300_000)
    downloads.cancel(job.id)
    wait_until(lambda: not downloads.jobs())
    wait_until(lambda: told[-1].state is JobState.CANCELLED)
    assert [path.name for path in (tmp_path / "models" / ".downloads").iterdir()] == ["in-use.lock"]
    assert not (tmp_path / "models" / REQUEST.folder).exists()


def test_jobs_queue_and_the_same_pair_is_one_job(begin: Begin, hub: FakeHub, tmp_path: Path) -> None:
    other = DownloadRequest(**{**REQUEST.__dict__, "folder": "again"})
    downloads = begin(run=False)
    first, second = downloads.add(REQUEST), downloads.add(other)
    assert downloads.add(REQUEST).id == first.id != second.id
    downloads = begin(run=False)  # the list survives
    assert [job.id for job in downloads.jobs()] == [first.id, second.id]
    downloads.start()
    assert downloads.wait(second.id, 20).state is JobState.DONE
    assert downloads.job(first.id).state is JobState.DONE
    with pytest.raises(StoreError, match="already"):
        begin().add(REQUEST)


def test_who_adds_a_paused_download_goes_on_with_it(begin: Begin) -> None:
    downloads = begin(run=False)
    job = downloads.add(REQUEST)
    downloads.pause(job.id)
    assert downloads.add(REQUEST).state is JobState.QUEUED
    downloads.start()
    assert downloads.wait(job.id, 20).state is JobState.DONE


def test_one_program_at_a_time(begin: Begin, tmp_path: Path) -> None:
    begin()
    with pytest.raises(StoreError, match="Another Eyebright"):
        Downloads(tmp_path / "models", Hub)


def test_no_room_keeps_what_is_here(begin: Begin, hub: FakeHub, tmp_path: Path) -> None:
    job = fetched(begin(free=lambda _: 1_000_000))
    assert (job.state, job.done) == (JobState.FAILED, 0)
    assert job.error is not None
    assert job.error.sentence().endswith(
        "needs 73 MB more disk space, and 1.0 MB are free. Free some space and resume."
    )
    downloads = begin()
    downloads.resume(job.id)
    assert downloads.wait(job.id, 20).state is JobState.DONE


def test_what_is_here_is_said_to_be_kept(
    begin: Begin, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.shared.pace = 0.01
    downloads = begin()
    job = downloads.add(REQUEST)
    wait_until(lambda: downloads.job(job.id).done > 1_000_000)
    downloads.pause(job.id)
    downloads.wait(job.id, 5)
    full = begin(free=lambda _: 1_000_000)
    full.resume(job.id)
    assert "What was downloaded so far is kept." in str(full.wait(job.id, 20).error)
    monkeypatch.setattr(socket, "create_connection", _unreachable)
    unplugged = begin()
    unplugged.resume(job.id)
    wait_until(lambda: unplugged.job(job.id).state is JobState.WAITING)
    assert "What was downloaded so far is kept." in str(unplugged.job(job.id).error)


def test_names_from_the_network_stay_in_their_folder(begin: Begin, hub: FakeHub, tmp_path: Path) -> None:
    files = {"a/b\\..\\..\\evil.gguf": MODEL, "con.gguf": PROJECTOR}
    hub.publish("someone/evil", files)
    wanted = tuple(WantedFile(role, path) for role, path in zip(Role, files, strict=True))
    request = DownloadRequest("x", "X", "someone/evil", "main", wanted, "../..\\outside")
    job = fetched(begin(), request)
    assert job.state is JobState.DONE, job
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.gguf")}
    assert len(found) == 2
    assert all(name.startswith("models/") for name in found)


def test_damaged_files_are_repaired_by_what_is_wrong_alone(begin: Begin, hub: FakeHub, tmp_path: Path) -> None:
    downloads = begin()
    fetched(downloads)
    model = tmp_path / "models" / REQUEST.folder / "llava-tiny-Q4_K_M.gguf"
    with model.open("r+b") as file:
        file.seek(4_500_000)
        file.write(b"damage")
    before = hub.sent
    job = downloads.wait(downloads.repair(REQUEST.folder).id, 20)
    assert (job.state, job.notes) == (JobState.DONE, ("repaired",))
    assert hub.sent - before == len(MODEL) - (4 << 20)
    check_installed(tmp_path / "models")


def test_a_vanished_file_is_repaired(begin: Begin, tmp_path: Path) -> None:
    downloads = begin()
    fetched(downloads)
    (tmp_path / "models" / REQUEST.folder / "mmproj-llava-tiny-f16.gguf").unlink()
    assert downloads.wait(downloads.repair(REQUEST.folder).id, 20).state is JobState.DONE
    check_installed(tmp_path / "models")


@pytest.mark.parametrize("begun", ["taking in", "giving back"])
def test_a_repair_cut_short_between_two_files_fetches_no_more(
    begin: Begin, hub: FakeHub, tmp_path: Path, begun: str
) -> None:
    fetched(begin())
    folder = tmp_path / "models" / REQUEST.folder
    with (folder / "mmproj-llava-tiny-f16.gguf").open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    job = begin(run=False).repair(REQUEST.folder)
    part = tmp_path / "models" / ".downloads" / job.id / "0.part"
    part.rename(folder / "llava-tiny-Q4_K_M.gguf")
    if begun == "taking in":
        part.with_suffix(".journal").unlink()
    before = hub.sent
    assert begin().wait(job.id, 20).state is JobState.DONE
    assert hub.sent - before == len(PROJECTOR), "the model was right"
    check_installed(tmp_path / "models")


def test_another_content_than_the_catalogue_knows_is_not_fetched(begin: Begin, hub: FakeHub) -> None:
    files = tuple(WantedFile(file.role, file.path, sha256="0" * 64) for file in REQUEST.files)
    job = fetched(begin(), DownloadRequest(**{**REQUEST.__dict__, "files": files}))
    assert job.error is not None
    assert (job.error.code, hub.sent) == ("checksum-unexpected", 0)

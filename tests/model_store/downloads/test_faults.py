"""Every fault of a download once without a kill, and a few with the program killed."""

import random
from contextlib import closing
from pathlib import Path

import pytest

from model_store.downloads.queue import Downloads
from model_store.hub.client import Hub
from model_store.jobs import JobState
from tests.helpers.fake_hub import fake_hub
from tests.helpers.waiting import wait_until
from tests.model_store.downloads.fault_matrix import TROUBLES, looked_at, run, table
from tests.model_store.downloads.fetching import PATHS, QUICK, REPOSITORY, REQUEST
from tests.random_models.small_gguf import gguf

_PACE = 0.005  # seconds for each 64 KiB: on a busy computer as well all must not be here before the half is over


@pytest.mark.parametrize("fault", TROUBLES)
def test_a_pair_arrives_in_spite_of(fault: str, tmp_path: Path) -> None:
    files = {path: gguf(1_300_000, 1, kind) for path, kind in zip(PATHS, ("llama", "clip"), strict=True)}
    with fake_hub() as hub:
        hub.publish(REPOSITORY, files)
        trouble = TROUBLES[fault](hub, random.Random(1))
        hub.misbehave(trouble)
        hub.shared.pace = _PACE
        with closing(Downloads(tmp_path, lambda: Hub(hub.endpoint, proxy="none", timeouts=QUICK))) as half:
            half.start()
            job = half.add(REQUEST)
            wait_until(lambda: hub.sent > 500_000 or len(hub.requests) > 2 or half.job(job.id).error is not None)
        hub.shared.pace = 0
        trouble.meanwhile(sorted(tmp_path.glob(".downloads/*/*.part")))
        expected = {path: file.data for path, file in hub.shared.repositories[REPOSITORY].files.items()}
        with closing(Downloads(tmp_path, lambda: Hub(hub.endpoint, proxy="none", timeouts=QUICK))) as downloads:
            downloads.start()
            job = downloads.wait(downloads.add(REQUEST).id, 20)
            if job.state is JobState.FAILED:
                assert job.error is not None
                assert job.error.code in trouble.refused
                assert not (tmp_path / REQUEST.folder).exists()
                trouble.over()
                downloads.retry(job.id)
                job = downloads.wait(job.id, 20)
        assert job.state is JobState.DONE, job
    assert looked_at(tmp_path, expected) == ""


@pytest.mark.parametrize("fault", ["Reset", "WrongBytes"])
def test_a_killed_program_goes_on(fault: str, tmp_path: Path) -> None:
    outcome = run(fault, 1, tmp_path, kills=1)
    assert outcome.complaint == ""
    assert outcome.kills
    assert f"| {(TROUBLES[fault].__doc__ or '').strip()} | 1 | 1 | {outcome.kills} |" in table([outcome])[-1]

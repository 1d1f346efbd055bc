"""The child process of the fault tests: downloads one pair and prints how that ended; it gets killed meanwhile.

python -m tests.model_store.downloads.fetching ENDPOINT FOLDER CONNECTIONS
"""

import json
import sys
from pathlib import Path

from model_store.downloads.queue import Downloads
from model_store.hub.client import Hub
from model_store.hub.http_client import Timeouts
from model_store.jobs import DownloadRequest, JobState, Role, WantedFile

REPOSITORY = "someone/llava-tiny"
PATHS = ("llava-tiny-Q4_K_M.gguf", "mmproj-llava-tiny-f16.gguf")
REQUEST = DownloadRequest(
    model_id="llava-tiny",
    title="LLaVA tiny",
    repository=REPOSITORY,
    revision="main",
    files=tuple(WantedFile(role, path) for role, path in zip(Role, PATHS, strict=True)),
    folder="llava-tiny-Q4_K_M",
    licence="Apache-2.0",
)
#: As patient as a test can be.
QUICK = Timeouts(connect=2, answer=2, stall=0.5, slow=0.5, first_retry=0.02, longest_retry=0.1)


def main(endpoint: str, folder: str, connections: str) -> None:
    downloads = Downloads(
        Path(folder), lambda: Hub(endpoint, proxy="none", timeouts=QUICK), connections=int(connections)
    )
    downloads.start()
    job = downloads.add(REQUEST)
    if job.state is JobState.FAILED:
        downloads.retry(job.id)
    job = downloads.wait(job.id, 60)
    code = "" if job.error is None else job.error.code
    print(json.dumps({"state": job.state.value, "error": code, "notes": job.notes}))
    downloads.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

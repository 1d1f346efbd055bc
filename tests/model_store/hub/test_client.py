"""The Hub's client: repositories, pairs, headers, and every way in which a server can fail to tell them."""

import io
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from desktop_app import paths
from desktop_app.engine.planning.memory_budget import MemoryBudget
from desktop_app.memory_fit import MemoryFit, fit_or_reason
from model_store.downloads.file_download import FileDownload
from model_store.downloads.part_file import PartFile
from model_store.errors import StoreError
from model_store.gguf_header import read_header
from model_store.hub.addresses import origin
from model_store.hub.client import Hub, RemoteFile, repository_name
from model_store.hub.http_client import Timeouts
from model_store.jobs import DownloadRequest, Role
from model_store.library.hub_repository import candidate, pairs_of, quantisation_of, read_headers
from tests.helpers.fake_hub import Answer, FakeHub, Fault, fake_hub
from tests.model_store.downloads.faults_in_answers import (
    Compressed,
    LoginPage,
    LoginPageInDisguise,
    OtherETag,
    WrongOffset,
    WrongTotal,
)
from tests.model_store.downloads.trouble import Trouble
from tests.random_models.small_gguf import gguf
from tests.random_models.splitting import split_gguf

BUDGET = MemoryBudget(8 << 30, 8 << 30)
QUICK = Timeouts(connect=1, answer=1, stall=0.3, slow=0.3)


@pytest.fixture
def served() -> Iterator[FakeHub]:
    with fake_hub() as hub:
        yield hub


def remote(path: str, size: int = 1000) -> RemoteFile:
    return RemoteFile("someone/x", "main", path, size, "")


def test_a_repository_becomes_an_entry(served: FakeHub) -> None:
    model, projector = paths.demo_model()
    files = {"eyebright-Q4_K_M.gguf": model.read_bytes(), "mmproj-eyebright-f16.gguf": projector.read_bytes()}
    served.publish("eyebright/tiny-GGUF", {**files, "README.md": b"hello"}, licence="mit")
    hub = Hub(served.endpoint, timeouts=QUICK)
    found = candidate(hub, f"{served.endpoint}/eyebright/tiny-GGUF/tree/main")
    assert (found.entry.title, found.entry.licence, found.entry.gated) == ("tiny", "mit", False)
    assert found.entry.variants[0].quantisation == "Q4_K_M"
    assert found.entry.variants[0].size == sum(map(len, files.values()))
    headers = read_headers(hub, found.pairs[0])
    assert headers.model.metadata == read_header(model).metadata
    assert headers.projector.tensors == read_header(projector).tensors
    assert [one.name for one in hub.search("tiny")] == ["eyebright/tiny-GGUF"]


def test_reads_a_header_without_the_weights(served: FakeHub) -> None:
    served.publish("someone/large", {"large.gguf": gguf(9_000_000, 1)})
    hub = Hub(served.endpoint, timeouts=QUICK)
    (file,) = hub.repository("someone/large").files
    assert hub.read_header(file).architecture == "llama"
    assert served.sent <= 2 << 20
    with hub.open(file) as lazy:
        lazy.seek(-4, io.SEEK_END)
        assert lazy.read() == gguf(9_000_000, 1)[-4:]


def test_what_is_no_model_is_said_before_it_is_fetched(served: FakeHub) -> None:
    served.publish("someone/odd", {"a.gguf": b"MZ" + bytes(5000), "mmproj.gguf": gguf(1000, 1), "b.gguf": gguf(999, 2)})
    hub = Hub(served.endpoint, timeouts=QUICK)
    found = candidate(hub, "someone/odd")
    for pair in found.pairs:
        with pytest.raises(StoreError) as caught:
            read_headers(hub, pair)
        assert caught.value.code == ("not-a-model" if pair.model_files[0].name == "a.gguf" else "pair-incomplete")
    served.publish("someone/blind", {"a.gguf": gguf(1000, 1)})
    with pytest.raises(StoreError, match="both a language model and a projector"):
        candidate(hub, "someone/blind")
    parts = {f"q4/a-0000{number}-of-00003.gguf": gguf(1000, number) for number in (1, 3)}
    served.publish("someone/parts", {**parts, "mmproj.gguf": gguf(1000, 1, "clip")})
    with pytest.raises(
        StoreError, match=r"q4/a in someone/parts is a model in 3 files, .* lacks q4/a-00002-of-00003\."
    ):
        candidate(hub, "someone/parts")


def test_a_split_model_is_one_entry_with_the_header_of_the_whole(served: FakeHub, tmp_path: Path) -> None:
    model, projector = paths.demo_model()
    parts = split_gguf(model, tmp_path, "tiny-Q4_K_M", tensors=15)
    files = {f"q4/{path.name}": path.read_bytes() for path in parts}
    served.publish("someone/split", {**files, "mmproj-f16.gguf": projector.read_bytes()})
    hub = Hub(served.endpoint, timeouts=QUICK)
    found = candidate(hub, "someone/split")
    (variant,) = found.entry.variants
    assert (variant.name, variant.quantisation, len(variant.model_files)) == ("tiny-Q4_K_M", "Q4_K_M", 3)
    assert [file.path for file in variant.files] == [*files, "mmproj-f16.gguf"]
    assert variant.size == sum(map(len, files.values())) + projector.stat().st_size
    request = DownloadRequest.of(found.entry, variant)
    assert [file.role for file in request.files] == [Role.MODEL] * 3 + [Role.PROJECTOR]
    whole, headers = read_header(model), read_headers(hub, found.pairs[0])
    assert headers.model.tensors.keys() == whole.tensors.keys()
    assert headers.model.file_size == sum(map(len, files.values()))
    assert isinstance(fit_or_reason(variant, lambda: headers, BUDGET), MemoryFit)


def test_parts_that_do_not_belong_together_are_told_before_they_are_fetched(served: FakeHub, tmp_path: Path) -> None:
    model, projector = paths.demo_model()
    first, second, third = (path.read_bytes() for path in split_gguf(model, tmp_path, "a", tensors=15))
    names = [f"a-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    hub = Hub(served.endpoint, timeouts=QUICK)
    for contents, sentence in (
        ((first, third, second), "a-00002-of-00003.gguf is file 3 of 3 of a model, and was renamed."),
        ((gguf(1000, 1), gguf(1000, 2), gguf(1000, 3)), "The 3 files of a do not belong to one model."),
    ):
        files = dict(zip(names, contents, strict=True))
        served.publish("someone/odd", {**files, "mmproj.gguf": projector.read_bytes()})
        found = candidate(hub, "someone/odd")
        reason = fit_or_reason(found.entry.variants[0], partial(read_headers, hub, found.pairs[0]), BUDGET)
        assert isinstance(reason, StoreError)
        assert sentence in str(reason)


def test_pairs_go_by_names() -> None:
    names = [
        "x-7b-Q8_0.gguf",
        "x-7b-Q4_K_M.gguf",
        "x-13b-IQ2_XXS.gguf",
        "x-7b-f16-00001-of-00002.gguf",
        "x-7b-Q5_K_M-00001-of-00002.gguf",
        "x-7b-Q5_K_M-00002-of-00002.gguf",
        "mmproj-x-7b-Q8_0.gguf",
        "mmproj-x-7b-f16.gguf",
        "mmproj-x-13b-f16.gguf",
    ]
    pairs = pairs_of(map(remote, names))
    assert [(pair.quantisation, pair.model_files[0].name, pair.projector.name) for pair in pairs] == [
        ("Q4_K_M", "x-7b-Q4_K_M.gguf", "mmproj-x-7b-f16.gguf"),
        ("Q5_K_M", "x-7b-Q5_K_M-00001-of-00002.gguf", "mmproj-x-7b-f16.gguf"),
        ("Q8_0", "x-7b-Q8_0.gguf", "mmproj-x-7b-f16.gguf"),
        ("IQ2_XXS", "x-13b-IQ2_XXS.gguf", "mmproj-x-13b-f16.gguf"),
    ]
    assert pairs_of([remote("x.gguf")]) == ()
    assert [quantisation_of(name) for name in ("llava-phi-3-mini-int4.gguf", "ggml-model-q4_k.gguf", "q.gguf")] == [
        "INT4",
        "Q4_K",
        "",
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a/b", "a/b"),
        (" https://huggingface.co/a/b.c-d_e/ ", "a/b.c-d_e"),
        ("https://huggingface.co/a/b/blob/main/x.gguf", "a/b"),
    ],
)
def test_names_as_people_copy_them(text: str, name: str) -> None:
    assert repository_name(text) == name


@pytest.mark.parametrize("text", ["", "a", "../b", "a/..", "a b/c", "https://example.com/a/b", "a/b\0c", "a/é"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(StoreError, match="owner/name"):
        repository_name(text)


@pytest.mark.parametrize("address", ["", "http://example.com", "ftp://x", "https://", "https://u:p@x", "https://x?y"])
def test_addresses_of_hubs_are_safe(address: str) -> None:
    if not address:
        assert Hub(address).endpoint == "https://huggingface.co"
        return
    with pytest.raises(StoreError, match="https://"):
        Hub(address)


class Status(Fault):
    """One status for everything."""

    times = 100
    status = 500
    headers: dict[str, str]

    def metadata(self, answer: Answer) -> bool:
        answer.plain(self.status, b"", **self.headers)
        return True

    def api(self, answer: Answer) -> bool:
        return self.metadata(answer)


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [
        (500, {}, "server-failed"),
        (401, {}, "token-refused"),
        (403, {"X_Error_Code": "GatedRepo"}, "gated"),
        (404, {"X_Error_Code": "EntryNotFound"}, "remote-file-missing"),
        (404, {"X_Error_Code": "RepoNotFound"}, "repository-missing"),
        (404, {"X_Error_Code": "RevisionNotFound"}, "remote-file-missing"),
        (429, {"Retry_After": "7"}, "server-busy"),
        (429, {"Retry_After": "Wed, 21 Oct 2015 07:28:00 GMT"}, "server-busy"),
        (200, {}, "answer-not-understood"),
        (302, {"Location": "http://cdn.example/"}, "answer-not-understood"),
    ],
)
def test_statuses_are_explained(served: FakeHub, status: int, headers: dict[str, str], code: str) -> None:
    served.misbehave(Status(status=status, headers=headers))
    with pytest.raises(StoreError) as caught:
        Hub(served.endpoint, timeouts=QUICK).file_metadata("someone/x", "main", "x.gguf")
    assert caught.value.code == code
    assert caught.value.parameters.get("seconds") in {None, 0, 7}
    assert caught.value.sentence()


@pytest.mark.parametrize(("status", "headers"), [(503, {}), (500, {}), (429, {"Retry_After": "3600"}), (408, {})])
def test_a_search_asks_once(served: FakeHub, status: int, headers: dict[str, str]) -> None:
    """The library would ask five times, and sleep an hour in between if the server says so."""
    served.misbehave(Status(status=status, headers=headers))
    with pytest.raises(StoreError) as caught:
        Hub(served.endpoint, timeouts=QUICK).search("tiny")
    assert caught.value.code == ("server-busy" if status == 429 else "server-failed")
    assert len(served.requests) == 1


@pytest.mark.parametrize("trouble", [WrongOffset, WrongTotal, OtherETag, Compressed, LoginPage, LoginPageInDisguise])
def test_no_byte_of_a_wrong_answer_is_taken(served: FakeHub, tmp_path: Path, trouble: type[Trouble]) -> None:
    data = gguf(300_000, 1)
    served.publish("someone/x", {"x.gguf": data})
    served.misbehave(trouble(served, random.Random(1)))
    file = Hub(served.endpoint, timeouts=QUICK).file_metadata("someone/x", "main", "x.gguf")
    part = PartFile(tmp_path / "0.part", file.size, file.sha256)
    begun: list[int] = []

    def tick(download: FileDownload) -> None:
        if download.waiting_for is not None:
            begun.append(part.done)
            assert download.waiting_for.code == "answer-not-understood"

    timeouts = replace(QUICK, first_retry=0.1, longest_retry=0.1)
    download = FileDownload(Hub(served.endpoint, timeouts=timeouts), file, part, connections=1, tick=tick)
    assert download.run() == file.sha256
    assert set(begun) == {0}
    part.close()


@pytest.mark.parametrize("trouble", [WrongOffset, WrongTotal, OtherETag, Compressed, LoginPage])
def test_a_wrong_range_is_refused(served: FakeHub, trouble: type[Trouble]) -> None:
    served.publish("someone/x", {"x.gguf": gguf(30_000, 1)})
    hub = Hub(served.endpoint, timeouts=QUICK)
    (file,) = hub.repository("someone/x").files
    served.misbehave(trouble(served, random.Random(1)))
    with pytest.raises(StoreError, match="unexpected answer"):
        hub.read_range(file, 5000, 6000)
    served.misbehave(Fault())
    assert hub.read_range(file, 5000, 6000) == gguf(30_000, 1)[5000:6000]


class EndlessHead(Fault):
    """A head of an answer that never ends, and never stops coming."""

    def resolve(self, answer: Answer) -> bool:
        answer.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not answer.shared.stopping.is_set():
            answer.wfile.write(b"X-Slow: loris\r\n")
            answer.wait(0.1)
        return True


@pytest.mark.timeout(30)
def test_a_head_that_never_ends_is_not_waited_for(served: FakeHub) -> None:
    served.publish("someone/x", {"x.gguf": gguf(1000, 1)})
    hub = Hub(served.endpoint, timeouts=QUICK)
    (file,) = hub.repository("someone/x").files
    served.misbehave(EndlessHead())
    with pytest.raises(StoreError, match="cannot be reached"):
        hub.read_range(file, 0, 10)


def test_nobody_there() -> None:
    with fake_hub() as hub:
        endpoint = hub.endpoint
    with pytest.raises(StoreError, match="cannot be reached"):
        Hub(endpoint, timeouts=QUICK).repository("someone/x")


def test_certificates_are_checked(served: FakeHub) -> None:
    certificate = Path(__file__).parent / "self-signed.pem"
    with fake_hub(certificate) as hub:
        hub.publish("someone/x", {"x.gguf": gguf(1000, 1)})
        with pytest.raises(StoreError, match="not secure"):
            Hub(hub.endpoint, timeouts=QUICK).repository("someone/x")
        assert hub.requests == []


def test_speaks_tls_where_the_certificate_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = Path(__file__).parent / "self-signed.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with fake_hub(certificate) as hub:
        hub.publish("someone/x", {"x.gguf": gguf(1000, 1)})
        asking = Hub(hub.endpoint, "hf_secret", timeouts=QUICK)
        (file,) = asking.repository("someone/x").files
        assert asking.read_header(file).architecture == "llama"
        # The CDN is another origin: another port is enough.
        assert {(one.server, one.authorization) for one in hub.requests} == {("hub", "Bearer hf_secret"), ("cdn", "")}
        # Nor does anything lead from TLS to a server without it, even on this computer.
        hub.shared.origins = [hub.cdn.replace("https", "http")]
        with pytest.raises(StoreError, match="without encryption"):
            asking.read_header(file)


def test_a_token_never_leaves_its_origin() -> None:
    assert origin("https://huggingface.co/a") == origin("https://HuggingFace.co:443/b")
    others = ["http://huggingface.co", "https://huggingface.co:444", "https://hf.co", "https://huggingface.co.evil"]
    assert all(origin(other) != origin("https://huggingface.co") for other in others)


def test_closed_hub_answers_no_more(served: FakeHub) -> None:
    hub = Hub(served.endpoint, timeouts=QUICK)
    hub.close()
    with pytest.raises(StoreError, match="cannot be reached"):
        hub.repository("someone/x")

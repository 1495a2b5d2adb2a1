"""A process that used the client and then forks can use it in the child, sync and async, without a hang (H12)."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator

import pytest

import aigclens
from servers import counting_server

CREDENTIALS = aigclens.Credentials("testid", "testsecret")
URL = "https://img.example/cat.png"

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with counting_server() as (address, _):
        yield address


def in_child(work: Callable[[], object]) -> int:
    """Runs the work in a forked child that is killed when it hangs; gives its exit status."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(10)
        try:
            work()
        except BaseException as error:
            os.write(2, f"child: {error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def test_sync_and_async_in_children_and_grandchildren(url: str) -> None:
    client = aigclens.Client(endpoint=url, credentials=CREDENTIALS)
    async_client = aigclens.AsyncClient(endpoint=url, credentials=CREDENTIALS)

    def both() -> None:
        assert client.detect(URL).label == "aigc"
        assert asyncio.run(async_client.detect(URL)).label == "aigc"

    both()
    for _ in range(20):
        assert in_child(both) == 0

    def grandchild() -> None:
        both()
        assert in_child(both) == 0
        both()

    assert in_child(grandchild) == 0
    both()
    client.close()
    async_client.close()


def test_fork_while_other_threads_are_calling(url: str) -> None:
    client = aigclens.Client(endpoint=url, credentials=CREDENTIALS)
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            client.detect(URL)

    threads = [threading.Thread(target=busy) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            assert in_child(lambda: [client.detect(URL) for _ in range(3)]) == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        client.close()


def test_the_default_client_survives_a_fork(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGCLENS_ENDPOINT", url)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")
    assert aigclens.detect(URL).label == "aigc"
    assert in_child(lambda: (aigclens.detect(URL), asyncio.run(aigclens.adetect(URL)))) == 0


def _one_call(_: int) -> str | None:
    return aigclens.detect(URL).label


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_pools(url: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGCLENS_ENDPOINT", url)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")
    assert aigclens.detect(URL).label == "aigc"
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(_one_call, range(8)).get(60) == ["aigc"] * 8


def test_nonces_differ_between_children(url: str) -> None:
    """A10: a counting server answers anything; what matters is what each child would have sent."""
    from servers import RecordingServer

    with RecordingServer() as server:
        client = aigclens.Client(endpoint=server.url, credentials=CREDENTIALS)
        client.detect(URL)
        for _ in range(8):
            assert in_child(lambda: [client.detect(URL) for _ in range(5)]) == 0
        nonces = [request.header("x-acs-signature-nonce") for request in server.requests]
        assert len(nonces) == 41
        assert len(set(nonces)) == 41
        client.close()

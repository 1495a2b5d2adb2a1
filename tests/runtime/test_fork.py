"""A process that used the client and then forks can use it in the child, sync and async, without a hang (H12)."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import aigclens
from servers import Answer, Recorded, RecordingServer, counting_server

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
    """Runs the work in a forked child; gives its exit status."""
    return os.waitpid(fork(work), 0)[1]


def fork(work: Callable[[], object]) -> int:
    """Starts the work in a forked child that is killed when it hangs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        # The test runner has a handler of its own, which a hanging child would never come to.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(30)
        try:
            work()
        except BaseException as error:
            os.write(2, f"child: {error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    return child


def test_sync_and_async_in_children_and_grandchildren(url: str) -> None:
    """H12."""
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
    """H12: whatever lock or runtime another thread holds at that moment."""
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
    """H12."""
    monkeypatch.setenv("AIGCLENS_ENDPOINT", url)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")
    assert aigclens.detect(URL).label == "aigc"
    assert in_child(lambda: (aigclens.detect(URL), asyncio.run(aigclens.adetect(URL)))) == 0


def _one_call(_: int) -> str | None:
    return aigclens.detect(URL).label


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_pools(url: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """H12: as Celery and Gunicorn fork their workers, and the other ways to have some."""
    monkeypatch.setenv("AIGCLENS_ENDPOINT", url)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")
    assert aigclens.detect(URL).label == "aigc"
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(_one_call, range(8)).get(60) == ["aigc"] * 8


def test_nonces_differ_between_threads_of_children(png: bytes) -> None:
    """A10, K10: 8 children at once, of 16 threads each: no nonce and no object's name comes twice.

    A million of them, without a fork, are drawn by the core's own test.
    """

    def answer(request: Recorded) -> Answer:
        if request.method == "PUT":
            return Answer(body=b"")
        if request.header("x-acs-action") != "DescribeUploadToken":
            return Answer()
        data = {"AccessKeyId": "STS.u", "AccessKeySecret": "s", "SecurityToken": "t", "BucketName": "bucket"}
        data |= {"FileNamePrefix": "upload/", "OssInternetEndPoint": server.url}
        return Answer(body=json.dumps({"Code": 200, "Data": {**data, "Expiration": 4102444800}}).encode())

    with RecordingServer(answer) as server:
        client = aigclens.Client(endpoint=server.url, credentials=CREDENTIALS, max_retries=0)
        client.detect(png)

        def many() -> None:
            with ThreadPoolExecutor(16) as threads:
                assert list(threads.map(lambda _: client.detect(png).label, range(32))) == ["aigc"] * 32

        children = [fork(many) for _ in range(8)]
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 8
        nonces = [one.header("x-acs-signature-nonce") for one in server.requests if one.method == "POST"]
        names = [one.target for one in server.requests if one.method == "PUT"]
        assert len(names) == len(set(names)) == 1 + 8 * 32
        assert len(nonces) >= 1 + 8 * 32
        assert len(set(nonces)) == len(nonces)
        assert all(len(nonce or "") == 32 for nonce in nonces), "128 bits"
        client.close()


def test_calls_of_the_parent_are_given_up_at_once_in_a_child() -> None:
    """H12: the thread that would tell how they ended is the parent's, and is not waited for."""
    release = threading.Event()

    def answer(request: Recorded) -> Answer:
        release.wait(30)
        return Answer()

    async def work(address: str) -> int:
        client = aigclens.AsyncClient(endpoint=address, credentials=CREDENTIALS, on_event=lambda event: None, qps=None)
        calls = [client.detect(URL) for _ in range(60)]
        for call in calls:
            call.send(None)

        def give_up() -> None:
            began = time.monotonic()
            for call in calls:
                call.close()
            # Each would have been waited for a tenth of a second.
            assert time.monotonic() - began < 3

        status = in_child(give_up)
        for call in calls:
            call.close()
        client.close()
        return status

    with RecordingServer(answer) as server:
        assert asyncio.run(work(server.url)) == 0
        release.set()

"""Uploads in trouble: hosts that do not answer, storage that stops taking, processes that die, files that change."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import aigclens
import images
from aigclens.testing import Emulator
from servers import Answer, Recorded, RecordingServer

CREDENTIALS = aigclens.Credentials("testid", "testsecret")
MIB = 1024 * 1024


def token(storage: str, internal: str | None = None) -> Answer:
    """An upload token for a storage host, and another for clients inside of a VPC."""
    data = {
        "AccessKeyId": "STS.u",
        "AccessKeySecret": "s",
        "SecurityToken": "t",
        "BucketName": "bucket",
        "FileNamePrefix": "upload/",
        "Expiration": 4102444800,
        "OssInternetEndPoint": storage,
        "OssInternalEndPoint": internal or storage,
    }
    return Answer(body=json.dumps({"Code": 200, "RequestId": "T", "Data": data}).encode())


def is_token(request: Recorded) -> bool:
    return request.header("x-acs-action") == "DescribeUploadToken"


@contextlib.contextmanager
def full_listener() -> Iterator[int]:
    """A port whose queue is full, so that a further connection waits for an answer that never comes."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(listener.getsockname())
        time.sleep(0.05)
        yield int(listener.getsockname()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="a full queue is silent on Linux")
def test_the_internal_storage_outside_of_its_network_fails_fast(png: bytes) -> None:
    """K08: within the connect time-out, free of charge and before anything is asked; the public one is the default."""
    with full_listener() as silent, RecordingServer() as server:
        internal = f"http://127.0.0.1:{silent}"

        def answer(request: Recorded) -> Answer:
            if request.method == "PUT":
                return Answer(body=b"")
            return token(server.url, internal) if is_token(request) else Answer()

        server.answer = answer
        options: dict[str, Any] = {"endpoint": server.url, "credentials": CREDENTIALS, "max_retries": 0}
        with aigclens.Client(**options) as client:
            assert client.detect(png).label == "aigc"
        assert [request.method for request in server.requests] == ["POST", "PUT", "POST"]
        server.requests.clear()
        started = time.monotonic()
        with aigclens.Client(**options, vpc=True, connect_timeout=0.3) as client:
            with pytest.raises(aigclens.ConnectTimeout, match="PutObject") as refused:
                client.detect(png)
        assert time.monotonic() - started < 10, "and not the 15 s of an attempt"
        error = refused.value
        assert (error.billing, error.retryable) == ("not_billed", True)
        assert [(one.operation, one.outcome) for one in error.attempts] == [
            ("DescribeUploadToken", "ok"),
            ("PutObject", "ConnectTimeout"),
        ]
        assert [is_token(request) for request in server.requests] == [True], "nothing was paid for"


def test_storage_that_stops_taking_is_given_up(tmp_path: Path) -> None:
    """K09: after 5 s in which not a byte was taken, on a real socket; worth another try, and free of charge."""
    puts = []

    def serve(listener: socket.socket) -> None:
        """Takes the head of each upload and the beginning of its body, and then no more."""
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            puts.append(connection)
            connection.recv(1000)

    with socket.socket() as listener, RecordingServer() as server:
        # A small window, inherited by what is accepted, so that few bytes are on their way.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        storage = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.answer = lambda request: token(storage)
        path = tmp_path / "large.png"
        path.write_bytes(images.png(300, 300).ljust(20 * MIB, b"\0"))
        started = time.monotonic()
        options: dict[str, Any] = {"endpoint": server.url, "credentials": CREDENTIALS, "timeout": 60}
        with aigclens.Client(**options, total_timeout=90, max_retries=0) as client:
            with pytest.raises(aigclens.DetectTimeout, match="no byte") as caught:
                client.detect(path)
        took = time.monotonic() - started
        # And not the 60 s of an attempt.
        assert 5 <= took < 40, took
        error = caught.value
        assert (error.billing, error.retryable) == ("not_billed", True)
        assert [one.operation for one in error.attempts] == ["DescribeUploadToken", "PutObject"]
        assert len(puts) == 1
        for connection in puts:
            connection.close()


class Held:
    """Stands between client and emulator, and keeps the paid calls back while it is told to."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.is_holding = True
        self.asked = threading.Event()
        self.released = threading.Event()

    def __call__(self, request: Recorded) -> Answer | None:
        if request.header("x-acs-action") == "ImageModeration" and self.is_holding:
            self.asked.set()
            self.released.wait(30)
            return None
        connection = http.client.HTTPConnection("127.0.0.1", self.emulator.port)
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers:
            connection.putheader(name, value)
        connection.endheaders(request.body)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return Answer(response.status, body, {"server-of": "the emulator"})


CALL = """
    import sys
    import aigclens
    credentials = aigclens.Credentials(sys.argv[2], sys.argv[3])
    with aigclens.Client(endpoint=sys.argv[1], credentials=credentials, max_retries=0) as client:
        print(client.detect(sys.argv[4]).billing)
"""


def test_a_process_that_dies_between_upload_and_question_has_paid_nothing(
    emulator: Emulator, png: bytes, tmp_path: Path
) -> None:
    """K12: nothing is charged, and a new run uploads again."""
    (tmp_path / "a.png").write_bytes(png)
    held = Held(emulator)
    with RecordingServer(held) as between:
        command = [sys.executable, "-c", textwrap.dedent(CALL), between.url, emulator.access_key_id]
        command += [emulator.access_key_secret, str(tmp_path / "a.png")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert held.asked.wait(30)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
        assert process.returncode == -signal.SIGKILL
        held.released.set()

        def uploads() -> list[str]:
            return [one["path"] for one in emulator.requests() if one["action"] == "PutObject" and one["status"] == 200]

        assert (emulator.ledger().billed, len(uploads())) == (0, 1)
        held.is_holding = False
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout == "billed\n"
        assert (emulator.ledger().billed, len(uploads()), len(set(uploads()))) == (1, 2, 2)


def test_a_file_that_changes_during_its_upload_is_sent_as_it_was(tmp_path: Path) -> None:
    """I18: read once; what is tried again is what was checked, and not what is there now."""
    path = tmp_path / "a.png"
    first, second = images.png(256, 256, seed=1), images.png(256, 256, seed=2)
    path.write_bytes(first)

    def answer(request: Recorded) -> Answer:
        if request.method != "PUT":
            return token(server.url) if is_token(request) else Answer()
        if path.read_bytes() == first:
            path.write_bytes(second)
            return Answer(503, b"<Error><Code>ServiceUnavailable</Code></Error>")
        return Answer(body=b"")

    with RecordingServer(answer) as server:
        with aigclens.Client(endpoint=server.url, credentials=CREDENTIALS, max_retries=2) as client:
            assert client.detect(path).label == "aigc"
        bodies = [request.body for request in server.requests if request.method == "PUT"]
    assert bodies == [first, first]


MANY = """
    import asyncio, sys
    import aigclens

    async def main():
        credentials = aigclens.Credentials("testid", "testsecret")
        async with aigclens.AsyncClient(
            endpoint=sys.argv[1], credentials=credentials, max_retries=0, timeout=600, total_timeout=600
        ) as client:
            calls = [asyncio.ensure_future(client.detect(sys.argv[2])) for _ in range(1000)]
            await asyncio.to_thread(sys.stdin.readline)
            status = open("/proc/self/status").read()
            print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            done, waiting = await asyncio.wait(calls, timeout=0.5)
            print(len(done), len(waiting), flush=True)
            for call in calls:
                call.cancel()

    asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_thousand_images_at_once_are_not_in_memory_at_once(tmp_path: Path) -> None:
    """I23: 1,000 calls on files of 4 MiB, of which 256 MiB may be under way."""
    path = tmp_path / "a.png"
    path.write_bytes(images.png(300, 300).ljust(4 * MIB, b"\0"))
    release = threading.Event()
    lock, puts = threading.Lock(), []

    def answer(request: Recorded) -> Answer | None:
        if request.method == "PUT":
            with lock:
                puts.append(len(request.body))
            request.body = b""  # Not this process's memory is measured.
            release.wait(60)
            return None
        return token(server.url)

    def settled(count: Callable[[], int]) -> int:
        """What a count has come to when it no longer grows."""
        last, since = -1, time.monotonic()
        while time.monotonic() - since < 1:
            if count() != last:
                last, since = count(), time.monotonic()
            time.sleep(0.02)
        return last

    with RecordingServer(answer) as server:
        command = [sys.executable, "-c", textwrap.dedent(MANY), server.url, str(path)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                while not puts:
                    assert process.poll() is None
                    time.sleep(0.02)
                assert settled(lambda: len(puts)) == 64, "64 times 4 MiB are 256"
                process.stdin.write("\n")
                process.stdin.flush()
                peak = int(process.stdout.readline()) * 1024
                assert peak < (256 + 150) * MIB, f"{peak / MIB:.0f} MiB"
                release.set()
                # Those that have ended, if not well, gave their memory to others.
                for _ in range(3000):
                    if len(puts) > 64:
                        break
                    time.sleep(0.02)
                assert len(puts) > 64
                process.stdin.write("\n")
                process.stdin.flush()
                done, waiting = map(int, process.stdout.readline().split())
                assert (done > 0, done + waiting) == (True, 1000)
            finally:
                release.set()
                process.kill()
    assert set(puts[:64]) == {4 * MIB}


async def test_waiting_for_memory_ends_with_the_call(tmp_path: Path) -> None:
    """I23: also on the asynchronous door, where a hundred calls share what others hold."""
    path = tmp_path / "a.png"
    path.write_bytes(images.png(300, 300).ljust(20 * MIB, b"\0"))
    release = threading.Event()

    def answer(request: Recorded) -> Answer | None:
        if request.method == "PUT":
            request.body = b""
            release.wait(60)
            return Answer(body=b"")
        return token(server.url) if is_token(request) else Answer()

    with RecordingServer(answer) as server:
        async with aigclens.AsyncClient(endpoint=server.url, credentials=CREDENTIALS, max_retries=0) as client:
            holding = [asyncio.ensure_future(client.detect(path)) for _ in range(12)]
            for _ in range(3000):
                if sum(request.method == "PUT" for request in server.requests) == 12:
                    break
                await asyncio.sleep(0.01)
            with pytest.raises(aigclens.DetectTimeout, match="256 MiB") as late:
                await client.detect(path, total_timeout=0.2)
            assert (late.value.billing, late.value.attempts) == ("not_billed", ())
            release.set()
            found = await asyncio.gather(*holding)
            assert [one.label for one in found] == ["aigc"] * 12
            assert (await client.detect(path)).label == "aigc", "what was held came back"

"""A process that is stopped for a while and goes on, and one that ends while calls are under way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import pytest

from servers import Answer, Recorded, RecordingServer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals that stop a process")


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    release = threading.Event()

    def answer(request: Recorded) -> Answer:
        if b"slow" in request.body:
            release.wait(60)
        return Answer()

    with RecordingServer(answer) as running:
        yield running
        release.set()


def wait_for_requests(server: RecordingServer, count: int, process: subprocess.Popen[str]) -> None:
    for _ in range(3000):
        if len(server.requests) >= count:
            return
        assert process.poll() is None
        time.sleep(0.01)
    raise AssertionError("the requests never came")


STOPPED = """
    import asyncio, sys, time
    import aigclens
    options = dict(endpoint=sys.argv[1], credentials=aigclens.Credentials("i", "s"), max_retries=0, timeout=1.5)
    url = "https://img.example/slow.png"

    def tell(error):
        print(type(error).__name__, error.billing, len(error.attempts), flush=True)

    async def main():
        async with aigclens.AsyncClient(**options) as client:
            try:
                await client.detect(url)
            except aigclens.AigcError as error:
                tell(error)

    if sys.argv[2] == "async":
        asyncio.run(main())
    else:
        with aigclens.Client(**options) as client:
            try:
                client.detect(url)
            except aigclens.AigcError as error:
                tell(error)
            # And it goes on as if nothing had been.
            print(client.detect("https://img.example/fast.png").billing)
"""


@pytest.mark.parametrize("door", ["sync", "async"])
def test_a_deadline_that_passed_while_stopped_is_met_on_waking(server: RecordingServer, door: str) -> None:
    """H20: the time-out counts while the process stands still; what was sent may have been charged."""
    command = [sys.executable, "-c", textwrap.dedent(STOPPED), server.url, door]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for_requests(server, 1, process)
        process.send_signal(signal.SIGSTOP)
        time.sleep(3)
        woken = time.monotonic()
        process.send_signal(signal.SIGCONT)
        assert process.stdout is not None
        told = process.stdout.readline().split()
        # At once, and not after another 1.5 s; the bound is for a machine with much else to do.
        assert time.monotonic() - woken < 1.4
        # Not communicate(): what readline() has read ahead would be lost.
        assert process.stderr is not None
        out, err = process.stdout.read(), process.stderr.read()
        process.wait(timeout=60)
    assert told == ["DetectTimeout", "possibly_billed", "1"]
    assert (process.returncode, err) == (0, "")
    assert out == ("" if door == "async" else "billed\n")


PACED = """
    import asyncio, sys
    import aigclens

    async def main():
        async with aigclens.AsyncClient(
            endpoint=sys.argv[1], credentials=aigclens.Credentials("i", "s"), max_retries=0, qps=20, total_timeout=600
        ) as client:
            await asyncio.gather(*(client.detect("https://img.example/fast.png") for _ in range(400)))

    asyncio.run(main())
"""


def test_no_burst_makes_up_for_the_time_stopped(server: RecordingServer) -> None:
    """H20: at 20 a second, three seconds of standing still save no sixty calls for the moment of waking."""
    arrived: list[float] = []

    def answer(request: Recorded) -> Answer:
        arrived.append(time.monotonic())
        return Answer()

    server.answer = answer
    command = [sys.executable, "-c", textwrap.dedent(PACED), server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for_requests(server, 10, process)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        before = len(arrived)
        time.sleep(3)
        assert len(arrived) == before, "it really stood still"
        process.send_signal(signal.SIGCONT)
        time.sleep(0.5)
        woken = len(arrived) - before
        process.kill()
    # 10 of half a second and a burst of 5, with room for a busy machine; made up for, it would be 60 and more.
    assert 1 <= woken <= 40, woken


ENDING = {
    "threads that nobody waits for": """
        for _ in range(4):
            threading.Thread(target=client.detect, args=(SLOW,), daemon=True).start()
        time.sleep(0.5)
    """,
    "tasks of a loop in a thread that nobody waits for": """
        async def many():
            await asyncio.gather(*(async_client.detect(SLOW) for _ in range(50)))
        threading.Thread(target=lambda: asyncio.run(many()), daemon=True).start()
        time.sleep(0.5)
    """,
    "a loop that is left behind": """
        loop = asyncio.new_event_loop()
        task = loop.create_task(async_client.detect(SLOW))
        loop.run_until_complete(asyncio.sleep(0.3))
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    """,
    "an exit in the middle": """
        threading.Thread(target=client.detect, args=(SLOW,), daemon=True).start()
        time.sleep(0.3)
        sys.exit(0)
    """,
    "handlers that run at exit, before and after the package's own": """
        early.append(client)
        atexit.register(lambda: print(client.detect(FAST).label))
    """,
    "globals whose end is the module's": """
        class Keeper:
            def __init__(self, client):
                self.client = client
            def __del__(self):
                self.client.close()
        keeper = Keeper(client)
        client.detect(FAST)
        threading.Thread(target=keeper.client.detect, args=(SLOW,), daemon=True).start()
        time.sleep(0.3)
    """,
}
FRAME = """
import asyncio, atexit, sys, threading, time
early = []
# Registered before the package is loaded, so that it runs after everything that the package could have registered.
atexit.register(lambda: [print(one.detect(FAST).label) for one in early])
import aigclens
SLOW, FAST = "https://img.example/slow.png", "https://img.example/fast.png"
options = dict(endpoint=sys.argv[1], credentials=aigclens.Credentials("i", "s"), max_retries=0, timeout=60)
client, async_client = aigclens.Client(**options), aigclens.AsyncClient(**options)
"""


@pytest.mark.parametrize("way", ENDING)
def test_a_process_ends_quietly_with_calls_under_way(server: RecordingServer, way: str) -> None:
    """H15: neither a hang nor a crash nor a word on the standard error."""
    program = FRAME + textwrap.dedent(ENDING[way])
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore", "-c", program, server.url],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "PYTHONASYNCIODEBUG": "0"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("aigc\naigc\n" if "handlers" in way else "")


def test_threads_that_nobody_waits_for_never_come_back_too_late(server: RecordingServer) -> None:
    """H15: whenever the end comes between two looks after signals. One in two of these crashed once."""
    program = FRAME + textwrap.dedent(ENDING["threads that nobody waits for"])
    command = [sys.executable, "-X", "dev", "-W", "ignore", "-c", program, server.url]
    environment = {**os.environ, "PYTHONASYNCIODEBUG": "0"}
    for _ in range(6):
        running = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
            for _ in range(4)
        ]
        ends = [(*one.communicate(timeout=60), one.returncode) for one in running]
        assert ends == [("", "", 0)] * 4

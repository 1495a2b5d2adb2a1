"""The pace over real processes: how evenly, how fully and how fairly they use one account's rate (C07, C08).

Eight processes call a server as fast as they may, first sharing this host, then sharing a Redis server that is started
here. The server notes when each call arrives, which is what an account is measured by. Exits with 1 if any sliding
second holds more than 100 calls, if less than 93 % of the rate is used, or if a process gets less than 80 % of its fair
share.

    python tests/load/pace.py [--seconds 20] [--processes 8] [--busy 0] [--only host|redis]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import heapq
import json
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

QPS = 95.0
LIMIT = 100
TASKS = 16
LATENCY = 0.05
BODY = json.dumps(
    {"Msg": "OK", "Code": 200, "RequestId": "R", "Data": {"Result": [{"Label": "aigc", "Confidence": 81.88}]}}
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)


# Linux: the time at which the kernel took the bytes in (`socket` has no name for it).
SO_TIMESTAMPNS = 35


class Server:
    """Notes when a call arrived, and whose it is, and answers a little later.

    The time is the kernel's, so that a server that is kept waiting for a processor itself does not see calls together
    that came apart.
    """

    def __init__(self) -> None:
        self.noted: list[tuple[int, int]] = []
        self.due: list[tuple[float, int, socket.socket]] = []
        self.buffers: dict[socket.socket, bytes] = {}
        self.selector = selectors.DefaultSelector()

    def run(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        if sys.platform == "linux":
            listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # Inherited by its connections.
        self.selector.register(listener, selectors.EVENT_READ)
        print(listener.getsockname()[1], flush=True)
        while True:
            wait = max(self.due[0][0] - time.monotonic(), 0) if self.due else None
            for key, _ in self.selector.select(wait):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                if connection is listener:
                    accepted = listener.accept()[0]
                    self.buffers[accepted] = b""
                    self.selector.register(accepted, selectors.EVENT_READ)
                else:
                    self.read(connection)
            while self.due and self.due[0][0] <= time.monotonic():
                with contextlib.suppress(OSError):
                    heapq.heappop(self.due)[2].sendall(ANSWER)

    def read(self, connection: socket.socket) -> None:
        try:
            data, notes, _, _ = connection.recvmsg(1 << 16, 256)
        except OSError:
            data, notes = b"", []
        if not data:
            self.selector.unregister(connection)
            connection.close()
            return
        now = time.time_ns()
        for level, kind, note in notes:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanos = struct.unpack("qq", note[:16])
                now = seconds * 1_000_000_000 + nanos
        self.buffers[connection] += data
        head, found, rest = self.buffers[connection].partition(b"\r\n\r\n")
        if not found:
            return
        lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if len(rest) < int(lines.get(b"content-length", b"0")):
            return
        self.buffers[connection] = b""
        if head.startswith(b"GET /arrivals"):
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(self.noted).encode())
            connection.shutdown(socket.SHUT_WR)
            return
        self.noted.append((now, int(lines[b"user-agent"].rpartition(b"worker/")[2])))
        heapq.heappush(self.due, (time.monotonic() + LATENCY, len(self.noted), connection))


async def work(number: int, url: str, pace: str, seconds: float) -> None:
    """One process: tasks that call without a pause, each with a connection of its own."""
    import aigclens

    credentials = aigclens.Credentials("load-test", "secret")
    client = aigclens.AsyncClient(
        endpoint=url, credentials=credentials, qps=QPS, pace=pace, user_agent=f"worker/{number}", total_timeout=120
    )
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    end = time.monotonic() + seconds

    async def caller() -> None:
        while time.monotonic() < end:
            await client.detect("https://img.example/cat.png")

    async with client:
        await asyncio.gather(*(caller() for _ in range(TASKS)))


@contextlib.contextmanager
def program(*arguments: str, silent: bool = False) -> Iterator[subprocess.Popen[str]]:
    output = subprocess.DEVNULL if silent else subprocess.PIPE
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=output, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def redis_server() -> Iterator[str | None]:
    binary = shutil.which("redis-server")
    if binary is None:
        yield None
        return
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder)
        with program(binary, *options, silent=True):
            for _ in range(500):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.01)
            yield f"redis://127.0.0.1:{port}/0"


def measure(pace: str, processes: int, seconds: float) -> list[tuple[int, int]]:
    """The arrivals of one run: time in nanoseconds by this machine's clock, and process."""
    me = str(Path(__file__).resolve())
    with contextlib.ExitStack() as running:
        server = running.enter_context(program(sys.executable, me, "serve"))
        assert server.stdout is not None
        port = int(server.stdout.readline())
        url = f"http://127.0.0.1:{port}"
        workers = [
            running.enter_context(program(sys.executable, me, "work", str(number), url, pace, str(seconds)))
            for number in range(processes)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        for worker in workers:
            assert worker.wait(seconds + 60) == 0
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET /arrivals HTTP/1.0\r\n\r\n")
            text = b"".join(iter(lambda: connection.recv(1 << 20), b""))
    arrivals: list[tuple[int, int]] = [(at, who) for at, who in json.loads(text.partition(b"\r\n\r\n")[2])]
    return sorted(arrivals)


def busiest(times: list[int]) -> int:
    """The most arrivals in any sliding second."""
    oldest = most = 0
    for index, now in enumerate(times):
        while now - times[oldest] >= 1_000_000_000:
            oldest += 1
        most = max(most, index + 1 - oldest)
    return most


def judge(name: str, arrivals: list[tuple[int, int]], processes: int, seconds: float) -> bool:
    begin = arrivals[0][0]
    within = [(at, who) for at, who in arrivals if at - begin < seconds * 1e9]
    rate, most = len(within) / seconds, busiest([at for at, _ in arrivals])
    served = Counter(dict.fromkeys(range(processes), 0))
    served.update(who for _, who in within)
    fair = len(within) / processes
    least, best = min(served.values()) / fair, max(served.values()) / fair
    is_good = most <= LIMIT and rate >= 0.93 * QPS and least >= 0.8
    print(
        f"{name:6} {processes} processes, {seconds:g} s: {rate:.2f} calls/s ({rate / QPS:.1%} of {QPS:g}), "
        f"busiest second {most}, served {least:.0%} to {best:.0%} of the fair share: {'ok' if is_good else 'FAILED'}",
        flush=True,
    )
    return is_good


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--busy", type=int, default=0, help="programs that keep the processors busy meanwhile")
    parser.add_argument("--only", choices=["host", "redis"])
    options = parser.parse_args()
    results = []
    with contextlib.ExitStack() as running:
        for _ in range(options.busy):
            running.enter_context(program(sys.executable, "-c", "while True: pass", silent=True))
        if options.only != "redis":
            arrivals = measure("host", options.processes, options.seconds)
            results.append(judge("host", arrivals, options.processes, options.seconds))
        if options.only != "host":
            url = running.enter_context(redis_server())
            if url is None:
                print("redis  SKIPPED: redis-server is not installed (Debian: apt install redis-server)")
            else:
                arrivals = measure(url, options.processes, options.seconds)
                results.append(judge("redis", arrivals, options.processes, options.seconds))
    return 0 if all(results) else 1


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            Server().run()
        case ["work", number, url, pace, seconds]:
            asyncio.run(work(int(number), url, pace, float(seconds)))
        case _:
            sys.exit(main())

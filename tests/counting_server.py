"""Counts connections and calls: run as a program, prints its port. The only argument is the latency in seconds."""

from __future__ import annotations

import asyncio
import json
import sys

BODY = json.dumps(
    {"Msg": "OK", "Code": 200, "RequestId": "R", "Data": {"Result": [{"Label": "aigc", "Confidence": 81.88}]}}
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Counts:
    connections = 0
    calls = 0
    open = 0
    most_open = 0


class Connection(asyncio.Protocol):
    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.buffer = b""
        self.counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.counted:
            Counts.open -= 1

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            length = 0
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            self.request(head)

    def request(self, head: bytes) -> None:
        if head.startswith(b"GET /counts"):
            counts = {name: getattr(Counts, name) for name in ("connections", "calls", "most_open")}
            self.transport.write(b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps(counts).encode())
            self.transport.close()
            return
        if not self.counted:
            self.counted = True
            Counts.connections += 1
            Counts.open += 1
            Counts.most_open = max(Counts.most_open, Counts.open)
        Counts.calls += 1
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, ANSWER)
        else:
            self.transport.write(ANSWER)


async def main() -> None:
    loop = asyncio.get_running_loop()
    delay = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    server = await loop.create_server(lambda: Connection(delay), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

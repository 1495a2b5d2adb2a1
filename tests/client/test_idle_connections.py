"""What happens to a kept connection while nobody looks at it must be seen before the next request is written."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import Any

import pytest

import aigclens
from servers import SUCCESS

URL = "https://img.example/cat.png"
PATIENCE = 60.0


def answer(label: str) -> bytes:
    result = {"Label": label, "Confidence": 81.88, "Description": ""}
    body = json.dumps({**SUCCESS, "Data": {"Result": [result]}}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body


class LateServer:
    """Answers each request on each connection, and does something to the connection once it is told to."""

    def __init__(self, late: str) -> None:
        self.late = late
        self.requests = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.latest: socket.socket | None = None
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.latest = connection
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        # A client that lets go of a connection with unread bytes resets it.
        with connection, contextlib.suppress(ConnectionResetError):
            found = b""
            while piece := connection.recv(65_536):
                found += piece
                head, _, body = found.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
                if len(body) >= length:
                    found = b""
                    self.requests += 1
                    connection.sendall(answer("ugc"))

    def act(self) -> None:
        """By the time that this returns, the client's system has received it."""
        assert self.latest is not None
        if self.late == "bytes":
            self.latest.sendall(answer("aigc"))
        else:
            self.latest.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("late", ["bytes", "end"])
def test_a_connection_that_changed_while_nobody_looked_is_not_used(late: str) -> None:
    """E14, F09: a second answer is never taken for that of the next call, and an end costs no attempt."""
    server = LateServer(late)
    options: Any = {"endpoint": f"http://127.0.0.1:{server.listener.getsockname()[1]}", "max_retries": 0, "qps": None}
    credentials = aigclens.Credentials("testid", "testsecret")
    with server.listener, aigclens.Client(credentials=credentials, **options) as client:
        for number in range(1, 201):
            found = client.detect(URL)
            assert (found.label, len(found.attempts), found.billing) == ("ugc", 1, "billed")
            assert server.requests == number
            server.act()

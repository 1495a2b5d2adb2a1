"""A server that plays one script for each connection, byte by byte: what an HTTP library would not let a test send."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence

from servers import SUCCESS

OK = b"HTTP/1.1 200 OK"
BODY = json.dumps(SUCCESS).encode()


def answer(body: bytes = BODY, status: bytes = OK, *headers: bytes, length: int | None = None) -> bytes:
    """The bytes of an answer; `length` may lie."""
    size = b"content-length: %d" % (len(body) if length is None else length)
    return b"\r\n".join([status, b"content-type: application/json", size, *headers, b"", body])


class Peer:
    """One accepted connection, as a script sees it."""

    def __init__(self, server: RawServer, connection: socket.socket) -> None:
        self.server = server
        self.connection = connection

    def head(self) -> bytes:
        """Reads the head of a request and not a byte of its body; empty if the client has gone."""
        head = b""
        while b"\r\n\r\n" not in head:
            part = self.connection.recv(1)
            if not part:
                return b""
            head += part
        return head

    def request(self) -> bytes:
        """Reads one whole request and notes it; empty if the client has gone."""
        head = self.head()
        return self.rest(head) if head else b""

    def rest(self, head: bytes) -> bytes:
        """Reads the body that belongs to a head, and notes the request."""
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        request = head + self.read(length)
        self.server.requests.append(request)
        return request

    def read(self, count: int) -> bytes:
        """Reads so many bytes, fewer if the client ends before."""
        found = b""
        while len(found) < count:
            part = self.connection.recv(min(65536, count - len(found)))
            if not part:
                break
            found += part
        return found

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def flood(self, data: bytes, most: int) -> None:
        """Sends the same again and again, until the client goes or so many bytes are out."""
        for _ in range(most // len(data)):
            self.connection.sendall(data)

    def finish(self) -> None:
        """Says that nothing more will come (FIN)."""
        self.connection.shutdown(socket.SHUT_WR)

    def secure(self, context: ssl.SSLContext) -> None:
        """Speaks TLS from here on."""
        self.connection = context.wrap_socket(self.connection, server_side=True)

    def reset(self) -> None:
        """Breaks the connection (RST)."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def hang(self) -> None:
        """Does nothing until the client goes or the test ends. What the client sends stays unread."""
        watch = select.poll()
        watch.register(self.connection, select.POLLRDHUP)
        while not self.server.stopping.is_set():
            if any(event & (select.POLLRDHUP | select.POLLHUP | select.POLLERR) for _, event in watch.poll(20)):
                return


Script = Callable[[Peer], None]


def serve(peer: Peer) -> None:
    """Answers every request of a connection as it should."""
    while peer.request():
        peer.send(answer())


class RawServer:
    """Plays the first script for the first connection and so on; the last one for all that follow.

    Its port is taken at once, and refuses connections until the server is entered.

    Attributes:
        requests: Every whole request that was read, in order.
        connections: How many were accepted.
    """

    def __init__(self, *scripts: Script, window: int = 0) -> None:
        self.scripts: Sequence[Script] = scripts or (serve,)
        self.requests: list[bytes] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._peers: list[Peer] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if window:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self._listener.bind(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            script = self.scripts[min(self.connections, len(self.scripts) - 1)]
            self.connections += 1
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._play, args=(script, connection), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _play(self, script: Script, connection: socket.socket) -> None:
        peer = Peer(self, connection)
        self._peers.append(peer)
        with contextlib.suppress(OSError):
            script(peer)
        with contextlib.suppress(OSError):
            peer.connection.close()

    def __enter__(self) -> RawServer:
        self._listener.listen(128)
        thread = threading.Thread(target=self._accept, daemon=True)
        self._threads.append(thread)
        thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for each in (self._listener, *(peer.connection for peer in self._peers)):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        # Whoever plays a script closes its connection.
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

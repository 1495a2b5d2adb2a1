"""TLS, proxies and time-outs, against servers of the tests' own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import aigclens
import certificates
from servers import Answer, RecordingServer

URL = "https://img.example/cat.png"
CREDENTIALS = aigclens.Credentials("testid", "testsecret")


@pytest.fixture(autouse=True)
def _no_network_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority of our own (`ca.pem`) and a certificate by it for localhost."""
    return certificates.authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def secure(authority: Path) -> Iterator[RecordingServer]:
    server = RecordingServer()
    context = certificates.context(authority)
    server._server.socket = context.wrap_socket(server._server.socket, server_side=True, do_handshake_on_connect=False)
    with server as running:
        yield running


def ask(port: int, host: str = "localhost", **options: object) -> aigclens.Detection:
    with aigclens.Client(endpoint=f"https://{host}:{port}", credentials=CREDENTIALS, **options) as client:  # type: ignore[arg-type]
        return client.detect(URL)


def test_an_authority_of_one_s_own_is_trusted_where_it_is_named(
    secure: RecordingServer, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G04: `ca_file=` and the variables of other tools."""
    pem = authority / "ca.pem"
    assert ask(secure.port, ca_file=pem).label == "aigc"
    assert ask(secure.port, host="127.0.0.1", ca_file=str(pem)).label == "aigc"
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        with monkeypatch.context() as here:
            here.setenv(name, str(pem))
            assert ask(secure.port).label == "aigc", name
    folder = authority / "hashed"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(pem.read_bytes())
    certificates.openssl("rehash", folder)
    with monkeypatch.context() as here:
        here.setenv("SSL_CERT_DIR", str(folder))
        assert ask(secure.port).label == "aigc"


def test_a_stranger_s_certificate_is_refused_before_anything_is_sent(secure: RecordingServer, authority: Path) -> None:
    """G01."""
    with pytest.raises(aigclens.TlsError) as refused:
        ask(secure.port)
    assert refused.value.billing == "not_billed"
    assert isinstance(refused.value, aigclens.ConnectError)
    assert "certificate" in str(refused.value).lower()
    assert secure.requests == []


def test_a_bad_ca_file_is_a_configuration_error(tmp_path: Path) -> None:
    """G04."""
    (tmp_path / "bad.pem").write_text("no certificate")
    for path in (tmp_path / "bad.pem", tmp_path / "missing.pem"):
        with pytest.raises(aigclens.ConfigError, match="ca_file"):
            aigclens.Client(ca_file=path)


class Proxy:
    """An HTTP proxy that notes what it was asked, and tunnels to one port of this machine or refuses."""

    def __init__(self, refuse: bytes | None = None, port: int = 0) -> None:
        self.target = port
        self.asked: list[bytes] = []
        self.refuse = refuse
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._tunnel, args=(client,), daemon=True).start()

    def _tunnel(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            part = client.recv(4096)
            if not part:
                return
            head += part
        self.asked.append(head)
        if self.refuse is not None:
            client.sendall(self.refuse)
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", self.target))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

        def pump(source: socket.socket, target: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while part := source.recv(65536):
                    target.sendall(part)
                target.shutdown(socket.SHUT_WR)

        other = threading.Thread(target=pump, args=(server, client), daemon=True)
        other.start()
        pump(client, server)
        other.join(5)
        client.close()
        server.close()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()


CLOUD = "green-cip.us-east-1.aliyuncs.com"


def to_the_cloud(**options: object) -> aigclens.Detection:
    made = aigclens.Client(endpoint=CLOUD, credentials=CREDENTIALS, connect_timeout=2, timeout=5, **options)  # type: ignore[arg-type]
    with made as client:
        return client.detect(URL)


def test_the_proxy_is_asked_for_a_tunnel_and_a_refusal_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """G07: by `proxy=` and by the environment; the password goes to the proxy and nowhere else."""
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
    with Proxy(refusal) as proxy:
        address = f"http://me:hunter2@127.0.0.1:{proxy.port}"
        monkeypatch.setenv("HTTPS_PROXY", address)
        for options in ({}, {"proxy": address, "trust_env": False}):
            with pytest.raises(aigclens.ProxyAuthenticationError) as refused:
                to_the_cloud(**options)
            assert "hunter2" not in str(refused.value)
            assert refused.value.billing == "not_billed"
        assert [head.split(b"\r\n")[0] for head in proxy.asked] == [f"CONNECT {CLOUD}:443 HTTP/1.1".encode()] * 2
        assert all(b"proxy-authorization: basic bwu6ahvudgvymg==" in head.lower() for head in proxy.asked)
        monkeypatch.setenv("NO_PROXY", "example.com, .aliyuncs.com")
        with pytest.raises(aigclens.TransportError):
            to_the_cloud()
        assert len(proxy.asked) == 2, "NO_PROXY is honoured (G12)"


def test_a_call_through_the_tunnel(authority: Path, secure: RecordingServer) -> None:
    """TLS is spoken with the server, not with the proxy: it sees the host's name and nothing else."""
    named = "service.example"
    with Proxy(port=secure.port) as proxy:
        with aigclens.Client(
            endpoint=named,
            credentials=CREDENTIALS,
            proxy=f"http://127.0.0.1:{proxy.port}",
            ca_file=authority / "ca.pem",
        ) as client:
            assert client.detect(URL).label == "aigc"
            assert client.detect(URL).label == "aigc"
        (head,) = proxy.asked
        assert head.startswith(b"CONNECT service.example:443 HTTP/1.1")
        assert b"proxy-authorization" not in head.lower()
    assert {request.header("host") for request in secure.requests} == {named}


def test_loopback_never_has_a_proxy(monkeypatch: pytest.MonkeyPatch, png: bytes) -> None:
    """G10."""
    with Proxy(b"HTTP/1.1 500 No\r\n\r\n") as proxy, aigclens.testing.Emulator() as emulator:
        address = f"http://127.0.0.1:{proxy.port}"
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, address)
        with emulator.client(proxy=address) as client:
            assert client.detect(png).engine == "emulator"
        assert proxy.asked == []


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "no proxy", "http://", "ftp://x:1"])
def test_a_proxy_that_is_none_is_a_configuration_error(proxy: str) -> None:
    """G11."""
    with aigclens.Client(credentials=CREDENTIALS, proxy=proxy) as client, pytest.raises(aigclens.ConfigError):
        client.detect(URL)


def test_no_connection_means_nothing_was_sent() -> None:
    """F01, F03."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with aigclens.Client(endpoint=f"127.0.0.1:{port}", credentials=CREDENTIALS, max_retries=0) as client:
        with pytest.raises(aigclens.ConnectError) as refused:
            client.detect(URL)
    assert refused.value.billing == "not_billed"
    assert [attempt.outcome for attempt in refused.value.attempts] == ["ConnectError"]
    with aigclens.Client(endpoint="no-such-host.invalid", credentials=CREDENTIALS, max_retries=0) as client:
        with pytest.raises(aigclens.DnsError) as unknown:
            client.detect(URL)
    assert [(one.outcome, one.billing) for one in unknown.value.attempts] == [("DnsError", "not_billed")]


def test_time_outs_of_request_and_call() -> None:
    """H01: sent, and not answered."""
    release = threading.Event()

    def answer(_: object) -> Answer:
        release.wait(20)
        return Answer()

    with RecordingServer(answer) as server:
        with aigclens.Client(endpoint=server.url, credentials=CREDENTIALS, max_retries=0) as client:
            for options in ({"timeout": 0.2}, {"total_timeout": 0.2}):
                with pytest.raises(aigclens.DetectTimeout) as late:
                    client.detect(URL, **options)  # type: ignore[arg-type]
                assert isinstance(late.value, TimeoutError)
                assert (late.value.billing, late.value.retryable) == ("possibly_billed", True)
        release.set()


@pytest.mark.parametrize(
    "options",
    [
        {"region": "mars-1"},
        {"region": "us-west-1", "vpc": True},
        {"endpoint": "http://green-cip.us-east-1.aliyuncs.com"},
        {"endpoint": "https://me:hunter2@x.example"},
        {"endpoint": "https://x.example/path"},
        {"endpoint": ""},
        {"signature": "md5"},
        {"upload_signature": "v2"},
        {"service": "a b"},
        {"timeout": 0},
        {"total_timeout": float("nan")},
        {"connect_timeout": -1},
        {"idle_timeout": float("inf")},
        {"check_image": "maybe"},
        {"user_agent": "a\r\nb"},
    ],
    ids=repr,
)
def test_wrong_options_are_refused_at_once(options: dict[str, object]) -> None:
    """G06, H04, J17."""
    with pytest.raises(aigclens.ConfigError) as refused:
        aigclens.Client(**options)  # type: ignore[arg-type]
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "endpoint"),
    [
        ({}, "https://green-cip.ap-southeast-1.aliyuncs.com"),
        ({"region": "us-east-1"}, "https://green-cip.us-east-1.aliyuncs.com"),
        ({"region": "us-east-1", "vpc": True}, "https://green-cip-vpc.us-east-1.aliyuncs.com"),
        ({"endpoint": "https://green-cip.eu-west-1.aliyuncs.com/"}, "https://green-cip.eu-west-1.aliyuncs.com"),
        ({"endpoint": "GREEN-CIP.eu-central-1.aliyuncs.com."}, "https://green-cip.eu-central-1.aliyuncs.com"),
        ({"endpoint": "127.0.0.1:8080"}, "http://127.0.0.1:8080"),
    ],
    ids=repr,
)
def test_endpoints(options: dict[str, object], endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with aigclens.Client(**options) as client:  # type: ignore[arg-type]
        assert client.endpoint == endpoint
    monkeypatch.setenv("AIGCLENS_ENDPOINT", "https://evil.example")
    if "endpoint" not in options:
        with pytest.raises(aigclens.ConfigError, match="AIGCLENS_ENDPOINT"):
            aigclens.Client(**options)  # type: ignore[arg-type]

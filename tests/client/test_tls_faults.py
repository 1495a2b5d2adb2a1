"""Faults on the way to a secure connection: certificates, handshakes, old versions, proxies that lie or repeat."""

from __future__ import annotations

import inspect
import re
import socket
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aigclens
import certificates
from aigclens.testing import Emulator
from raw_server import Peer, RawServer, answer, serve

URL = "https://img.example/cat.png"
CREDENTIALS = aigclens.Credentials("testid", "testsecret")
SUCCEEDED = [("ok", "billed")]
HTML = answer(b"<html>Please log in</html>").replace(b"application/json", b"text/html")
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

Script = Callable[[Peer], None]


@pytest.fixture(autouse=True)
def _no_network_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.authority(tmp_path_factory.mktemp("authority"))


def client(server: RawServer, authority: Path, max_retries: int = 0, **options: object) -> aigclens.Client:
    made: dict[str, Any] = {"qps": None, "timeout": 10.0, "ca_file": authority / "ca.pem", **options}
    endpoint = f"https://localhost:{server.port}"
    return aigclens.Client(endpoint=endpoint, credentials=CREDENTIALS, max_retries=max_retries, **made)


def trail(outcome: aigclens.Detection | aigclens.AigcError) -> list[tuple[str, str]]:
    return [(one.outcome, one.billing) for one in outcome.attempts]


def secure(context: ssl.SSLContext, then: Script = serve) -> Script:
    def script(peer: Peer) -> None:
        peer.secure(context)
        then(peer)

    return script


@pytest.mark.parametrize(
    ("certificate", "word"),
    [
        ({"ends": -1, "begins": -3}, "expired"),
        ({"begins": 1}, "not valid yet"),
        ({"names": "DNS:other.example"}, "another host name"),
    ],
    ids=["expired", "not yet valid", "another name"],
)
def test_a_certificate_that_does_not_hold(authority: Path, certificate: dict[str, int], word: str) -> None:
    """G01: the reason is named, with a word on the clock where it may be that, and nothing was sent."""
    certificates.issue(authority, "wrong", **certificate)  # type: ignore[arg-type]
    with RawServer(secure(certificates.context(authority, "wrong"))) as server:
        with client(server, authority, max_retries=2) as made, pytest.raises(aigclens.TlsError, match=word) as refused:
            made.detect(URL)
        assert trail(refused.value) == [("TlsError", "not_billed")], "it would end the same way"
        assert ("clock" in str(refused.value)) == ("name" not in word)
        assert server.requests == []


@pytest.mark.parametrize(
    ("is_authority", "subject"), [("TRUE", "localhost"), ("FALSE", "localhost"), ("FALSE", "Our CA")]
)
def test_a_certificate_that_signs_itself(authority: Path, tmp_path: Path, is_authority: str, subject: str) -> None:
    """G01: whether or not it calls itself an authority, or by the name of one that is trusted."""
    (tmp_path / "settings").write_text(
        f"[req]\ndistinguished_name=name\nx509_extensions=own\n[name]\n[own]\nbasicConstraints=CA:{is_authority}\n"
        f"subjectAltName={certificates.NAMES}\n"
    )
    files = ("-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem", "-config", tmp_path / "settings")
    certificates.openssl("req", "-x509", *certificates.KEY, *files, "-subj", f"/CN={subject}", "-days", "2")
    with RawServer(secure(certificates.context(tmp_path))) as server, client(server, authority) as made:
        with pytest.raises(aigclens.TlsError, match="ca_file") as refused:
            made.detect(URL)
        assert not re.search(r"[\[{(]", str(refused.value)), "no dump of somebody's insides"
        assert server.requests == []


def hello_then(act: Script) -> Script:
    """Reads the client's greeting and acts instead of answering it."""

    def script(peer: Peer) -> None:
        assert peer.connection.recv(65536)[:1] == b"\x16"
        act(peer)

    return script


def alert(peer: Peer) -> None:
    peer.send(b"\x15\x03\x03\x00\x02\x02\x28")  # fatal, handshake_failure
    peer.hang()


def plain_http(peer: Peer) -> None:
    peer.send(HTML)
    peer.hang()


def end(peer: Peer) -> None:
    peer.finish()
    peer.hang()


@pytest.mark.parametrize(
    ("act", "kind", "passes"),
    [
        (Peer.hang, aigclens.ConnectTimeout, True),
        (Peer.reset, aigclens.ConnectError, True),
        (end, aigclens.ConnectError, True),
        (alert, aigclens.TlsError, False),
        (plain_http, aigclens.TlsError, False),
    ],
    ids=["stall", "reset", "end", "alert", "no TLS"],
)
def test_trouble_within_the_handshake(
    authority: Path, act: Script, kind: type[aigclens.ConnectError], passes: bool
) -> None:
    """G02: nothing was sent. What may pass is tried again, a server's refusal is not."""
    good = secure(certificates.context(authority))
    failed = (kind.__name__, "not_billed")
    with RawServer(hello_then(act), good) as server, client(server, authority, connect_timeout=1.0) as made:
        with pytest.raises(kind) as refused:
            made.detect(URL)
        assert type(refused.value) is kind
        assert (trail(refused.value), refused.value.billing) == ([failed], "not_billed")
        assert server.requests == []
        assert trail(made.detect(URL)) == SUCCEEDED
    with RawServer(hello_then(act), good) as server, client(server, authority, 2, connect_timeout=1.0) as made:
        try:
            seen = trail(made.detect(URL))
        except aigclens.TlsError as error:
            seen = trail(error)
        assert seen == ([failed, *SUCCEEDED] if passes else [failed])
        assert len(server.requests) == passes


def test_a_server_of_tls_1_1(authority: Path) -> None:
    """G03: one of Python's, where this machine's OpenSSL still can."""
    old = certificates.context(authority)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with RawServer(secure(old)) as server, client(server, authority, max_retries=2) as made:
        with pytest.raises(aigclens.TlsError) as refused:
            made.detect(URL)
        assert trail(refused.value) == [("TlsError", "not_billed")]
        assert server.requests == []


@pytest.mark.parametrize("version", [b"\x03\x02", b"\x03\x01", b"\x03\x00"], ids=["TLS 1.1", "TLS 1.0", "SSL 3"])
def test_a_greeting_of_an_old_version(authority: Path, version: bytes) -> None:
    """G03: byte by byte, whatever OpenSSL can: the server's choice is refused."""
    body = version + bytes(range(32)) + b"\0" + b"\xc0\x13" + b"\0"
    greeting = b"\x02" + len(body).to_bytes(3, "big") + body
    record = b"\x16" + version + len(greeting).to_bytes(2, "big") + greeting

    def old(peer: Peer) -> None:
        peer.send(record)
        peer.hang()

    with RawServer(hello_then(old)) as server, client(server, authority) as made:
        with pytest.raises(aigclens.TlsError) as refused:
            made.detect(URL)
        assert trail(refused.value) == [("TlsError", "not_billed")]


def test_http_2_is_not_offered(authority: Path) -> None:
    """F23: a server that would rather speak HTTP/2 finds no offer of it, and its frames are no answer."""
    chosen: list[str | None] = []

    def frames(peer: Peer) -> None:
        assert isinstance(peer.connection, ssl.SSLSocket)
        chosen.append(peer.connection.selected_alpn_protocol())
        peer.request()
        peer.send(b"\0\0\0\4\0\0\0\0\0")
        peer.hang()

    context = certificates.context(authority)
    context.set_alpn_protocols(["h2"])
    with RawServer(secure(context, frames)) as server, client(server, authority, timeout=3.0) as made:
        with pytest.raises(aigclens.AmbiguousOutcomeError) as lost:
            made.detect(URL)
        assert lost.value.billing == "possibly_billed"
        assert chosen == [None]


SWITCHES = ["verify", "verify_ssl", "verify_tls", "ssl_verify", "tls_verify", "insecure", "check_hostname", "cert_reqs"]


def test_the_checks_cannot_be_switched_off(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """G05: neither an option nor a variable of the environment does it, whatever other programs take it for."""
    for kind in (aigclens.Client, aigclens.AsyncClient):
        for name in [*SWITCHES, "dangerous_disable_tls_verification", "allow_insecure_http"]:
            switch: dict[str, Any] = {name: False}
            with pytest.raises(TypeError, match=name):
                kind(**switch)
    names = [name for kind in (aigclens.Client, aigclens.AsyncClient) for name in inspect.signature(kind).parameters]
    assert "ca_file" in names
    assert [name for name in names if re.search("verif|insecure|unsafe|danger|hostname", name)] == []
    for value in ("", "0", "false", "1", "none"):
        for name in (
            *("PYTHONHTTPSVERIFY", "NODE_TLS_REJECT_UNAUTHORIZED", "CURL_INSECURE", "GIT_SSL_NO_VERIFY", "SSL_VERIFY"),
            *("AIGCLENS_VERIFY", "AIGCLENS_INSECURE", "ALIBABA_CLOUD_IGNORE_SSL", "HTTPS_INSECURE", "SSL_NO_VERIFY"),
        ):
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CURL_CA_BUNDLE", "")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
        with RawServer(secure(certificates.context(authority))) as server:
            for trust_env in (True, False):
                with client(server, authority, ca_file=None, trust_env=trust_env) as made:
                    with pytest.raises(aigclens.TlsError, match="not trusted"):
                        made.detect(URL)
            assert server.requests == []


def through(proxy: RawServer | int, authority: Path, max_retries: int = 0, **options: object) -> aigclens.Client:
    port = proxy if isinstance(proxy, int) else proxy.port
    made: dict[str, Any] = {"qps": None, "timeout": 10.0, "connect_timeout": 2.0, **options}
    made |= {"ca_file": authority / "ca.pem", "proxy": f"http://me:hunter2@127.0.0.1:{port}"}
    return aigclens.Client(endpoint="service.example", credentials=CREDENTIALS, max_retries=max_retries, **made)


def tunnel(then: Script) -> Script:
    """A proxy that is its own far end."""

    def script(peer: Peer) -> None:
        assert peer.head().startswith(b"CONNECT service.example:443 ")
        peer.send(ESTABLISHED)
        then(peer)

    return script


def refuses(status: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.head()
        peer.send(answer(b"<html>no</html>", status))
        end(peer)

    return script


def instead_of_a_tunnel(act: Script) -> Script:
    def script(peer: Peer) -> None:
        peer.head()
        act(peer)

    return script


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (refuses(b"HTTP/1.1 403 Forbidden"), aigclens.ProxyError),
        (refuses(b"HTTP/1.1 502 Bad Gateway"), aigclens.ProxyError),
        (instead_of_a_tunnel(Peer.reset), aigclens.ProxyError),
        (instead_of_a_tunnel(end), aigclens.ProxyError),
        (instead_of_a_tunnel(Peer.hang), aigclens.ConnectTimeout),
        (tunnel(hello_then(Peer.reset)), aigclens.ConnectError),
    ],
    ids=["403", "502", "reset", "end", "silence", "reset in the handshake"],
)
def test_a_proxy_that_refuses_or_dies_before_the_request(
    authority: Path, script: Script, kind: type[aigclens.ConnectError]
) -> None:
    """G07: unsent and tried again, and its password stays out of every text."""
    good = tunnel(secure(certificates.context(authority)))
    failed = (kind.__name__, "not_billed")
    with RawServer(script, good) as proxy, through(proxy, authority) as made:
        with pytest.raises(kind) as refused:
            made.detect(URL)
        assert type(refused.value) is kind
        assert trail(refused.value) == [failed]
        assert "hunter2" not in f"{refused.value} {refused.value!r}"
        assert trail(made.detect(URL)) == SUCCEEDED
    with RawServer(script, good) as proxy, through(proxy, authority, max_retries=2) as made:
        assert trail(made.detect(URL)) == [failed, *SUCCEEDED]
        assert len(proxy.requests) == 1


def test_a_proxy_that_is_not_there(authority: Path) -> None:
    """G07."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    with through(port, authority) as made, pytest.raises(aigclens.ProxyError) as refused:
        made.detect(URL)
    assert trail(refused.value) == [("ProxyError", "not_billed")]


def test_a_proxy_that_dies_after_the_request(authority: Path) -> None:
    """G07: the far end may have had it."""

    def dies(peer: Peer) -> None:
        peer.request()
        peer.reset()

    context = certificates.context(authority)
    with RawServer(tunnel(secure(context, dies)), tunnel(secure(context))) as proxy, through(proxy, authority) as made:
        with pytest.raises(aigclens.AmbiguousOutcomeError) as lost:
            made.detect(URL)
        assert trail(lost.value) == [("AmbiguousOutcomeError", "possibly_billed")]
        assert trail(made.detect(URL)) == SUCCEEDED


def test_a_web_page_in_place_of_a_tunnel(authority: Path) -> None:
    """G08: HTTP 200 to the wish for a tunnel, and a page behind it. Nothing was sent; the message names the proxy."""
    good = tunnel(secure(certificates.context(authority)))
    with RawServer(instead_of_a_tunnel(plain_http), good) as proxy, through(proxy, authority) as made:
        with pytest.raises(aigclens.TlsError, match=r"does not speak TLS.*proxy") as refused:
            made.detect(URL)
        assert trail(refused.value) == [("TlsError", "not_billed")]
        assert proxy.requests == []
        assert trail(made.detect(URL)) == SUCCEEDED


def test_a_web_page_in_place_of_the_service_s_answer(authority: Path) -> None:
    """G08: by a proxy that opens the connection with an authority that is trusted. The call may have been passed on."""

    def page(peer: Peer) -> None:
        while peer.request():
            peer.send(HTML)

    context = certificates.context(authority)
    doubt = ("ResponseDecodeError", "possibly_billed")
    with RawServer(tunnel(secure(context, page))) as proxy, through(proxy, authority, max_retries=5) as made:
        with pytest.raises(aigclens.ResponseDecodeError, match=r"text/html.*Please log in") as lost:
            made.detect(URL)
        assert trail(lost.value) == [doubt, doubt]
        with pytest.raises(aigclens.ResponseDecodeError) as lost:
            made.detect(URL, on_ambiguous="raise")
        assert trail(lost.value) == [doubt]
        assert len(proxy.requests) == 3


def test_a_proxy_that_sends_a_request_twice(emulator: Emulator) -> None:
    """G09, A09: the service serves the first copy and refuses the second by its nonce; the refusal comes back."""
    emulator.answer(url=URL, label="aigc")
    port = int(emulator.url.rpartition(":")[2])

    def forward(request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(request.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def repeat(peer: Peer) -> None:
        while request := peer.request():
            forward(request)
            peer.send(forward(request))

    doubt = ("NonceUsedError", "possibly_billed")
    keys = aigclens.Credentials(emulator.access_key_id, emulator.access_key_secret)
    with RawServer(repeat) as proxy:
        options: dict[str, Any] = {"endpoint": proxy.url, "credentials": keys, "qps": None}
        with aigclens.Client(max_retries=0, **options) as made, pytest.raises(aigclens.NonceUsedError) as twice:
            made.detect(URL)
        assert (trail(twice.value), twice.value.code) == ([doubt], "SignatureNonceUsed")
        assert (emulator.ledger().billed, len(proxy.requests)) == (1, 1)
        with aigclens.Client(max_retries=5, **options) as made, pytest.raises(aigclens.NonceUsedError) as twice:
            made.detect(URL)
        assert trail(twice.value) == [doubt, doubt], "one further attempt at most, with a nonce of its own"
        assert (emulator.ledger().billed, len(proxy.requests)) == (3, 3)

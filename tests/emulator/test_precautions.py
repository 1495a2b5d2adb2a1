"""The emulator and the world: other hosts and web pages are turned away, and no secret is kept or wanted."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import aigclens
from aigclens.testing import Emulator

SECRET = "canary-emulator-secret-4f6a"
TOKEN = "canary-emulator-token-77c1"


def ask(emulator: Emulator, method: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.putheader("content-length", "0")
    connection.endheaders()
    response = connection.getresponse()
    found = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    connection.close()
    return found


PAGES = ["/_emulator/", "/_emulator/ledger", "/_emulator/requests", "/_emulator/settings"]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:{port}", "192.0.2.1:{port}", "", "a b", "[::2]"],
)
def test_a_foreign_host_is_turned_away(emulator: Emulator, host: str) -> None:
    """N07: a name that an attacker lets resolve to this machine, on every page and on the service itself."""
    steering = [("POST", "/_emulator/reset"), ("POST", "/"), ("PUT", "/b/k")]
    for method, path in [*(("GET", page) for page in PAGES), *steering]:
        status, headers, body = ask(emulator, method, path, host=host.format(port=emulator.port))
        assert status == 403, (method, path)
        assert b"ledger" not in body
        assert b"access_key" not in body
        assert not [name for name in headers if name.startswith("access-control")]
    assert emulator.requests() == [], "not even noted"


def test_this_machine_s_names_are_let_in(emulator: Emulator) -> None:
    """N07."""
    for host in ("127.0.0.1", "localhost", "LOCALHOST:{port}", "127.0.0.9", "[::1]:{port}", "emulator.localhost"):
        status, _, body = ask(emulator, "GET", "/_emulator/ledger", host=host.format(port=emulator.port))
        assert (status, json.loads(body)["billed"]) == (200, 0), host


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:{port}", "http://localhost"])
def test_web_pages_are_turned_away(emulator: Emulator, png: bytes, origin: str) -> None:
    """N07: whatever page a browser shows, it neither reads nor steers an emulator, and is told of no right to."""
    with emulator.client() as client:
        client.detect(png)
    own = f"127.0.0.1:{emulator.port}"
    origin = origin.format(port=emulator.port)
    steering = [("POST", "/_emulator/reset"), ("DELETE", "/_emulator/answers")]
    for method, path in [*(("GET", page) for page in PAGES), *steering]:
        status, headers, body = ask(emulator, method, path, host=own, origin=origin)
        assert status == 403
        assert b"billed" not in body
        assert not [name for name in headers if name.startswith("access-control")]
    # Asking for permission first gets none.
    for path in ("/", "/_emulator/reset"):
        status, headers, _ = ask(
            emulator, "OPTIONS", path, host=own, origin=origin, access_control_request_method="POST"
        )
        assert status >= 400
        assert not [name for name in headers if name.startswith("access-control")]
    assert emulator.ledger().billed == 1, "nothing was reset"


def test_it_keeps_and_prints_no_header_of_a_request(png: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """N08: neither key, token nor signature, in what it lists and in what it prints; in both signatures."""
    with Emulator(access_key_id="canary-key-id", access_key_secret=SECRET, security_token=TOKEN) as emulator:
        for signature in ("acs3-hmac-sha256", "hmac-sha1"):
            with emulator.client(signature=signature) as client:
                client.detect(png)
            wrong = aigclens.Credentials("canary-key-id", "another-" + SECRET, "another-" + TOKEN)
            with emulator.client(credentials=wrong, signature=signature, max_retries=0) as client:
                with pytest.raises(aigclens.AuthenticationError):
                    client.detect("https://img.example/a.png")
        noted = emulator.requests()
        assert {one["status"] for one in noted} >= {200}
        assert len(noted) >= 7
        assert {key for one in noted for key in one} <= {
            *("method", "path", "action", "service", "parameters", "user_agent", "bytes", "status", "code"),
            *("request_id", "time", "seq", "faults"),
        }
        listed = json.dumps(noted)
    printed = capfd.readouterr()
    for text in (listed, printed.out, printed.err):
        for kept in (SECRET, TOKEN, "Signature=", "authorization", "ACS3-HMAC", "OSS4-HMAC", "x-oss-security-token"):
            assert kept.lower() not in text.lower(), kept


PROGRAM = """
    import sys, warnings
    import aigclens
    endpoint = sys.argv[1]
    real = aigclens.Credentials("LTAI5tSomethingThatLooksReal", "s")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        aigclens.Client(endpoint=endpoint, credentials=aigclens.Credentials("testid", "s"))
        aigclens.Client(region="us-east-1", credentials=real)
        assert not caught, "neither a key that opens nothing, nor the service itself"
        for _ in range(3):
            aigclens.Client(endpoint=endpoint, credentials=real)
            aigclens.AsyncClient(endpoint=endpoint, credentials=real)
    (one,) = caught
    assert one.category is UserWarning, one
    assert "looks like a real one" in str(one.message)
    assert "LTAI5" not in str(one.message)
    print(one.filename, one.lineno)
"""


def test_a_client_warns_once_where_a_real_key_would_go_to_an_emulator(emulator: Emulator) -> None:
    """N08: at the line that makes the client, and never for the service itself."""
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), emulator.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = textwrap.dedent(PROGRAM).splitlines()
    expected = 1 + lines.index("        aigclens.Client(endpoint=endpoint, credentials=real)")
    assert done.stdout == f"<string> {expected}\n"


def test_it_warns_for_a_key_of_the_environment_too(emulator: Emulator, tmp_path: Path) -> None:
    """N08."""
    text = f"import aigclens; aigclens.Client(endpoint={emulator.url!r})"
    environment = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI5tLooksReal", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"}
    command = [sys.executable, "-W", "always", "-c", text]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment | _path())
    assert done.stderr.count("looks like a real one") == 1


def _path() -> dict[str, str]:
    kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "HOME")
    return {name: value for name, value in os.environ.items() if name in kept}


def test_the_emulator_takes_no_real_key() -> None:
    """N08: not even if it is told to."""
    with pytest.raises(aigclens.ConfigError, match="real access key") as refused:
        Emulator(access_key_id="LTAI5tSomethingThatLooksReal", access_key_secret=SECRET)
    assert "LTAI5" not in str(refused.value)

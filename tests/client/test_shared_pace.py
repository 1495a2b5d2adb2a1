"""The pace that real processes share: one host's file, and a Redis server that is started here."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import aigclens
from aigclens import events
from aigclens.testing import Emulator

URL = "https://example.com/cat.png"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the host's file is shared on Linux alone")

# A process that calls as often as it is told and prints a line after each.
CALLER = """
import sys
import aigclens
endpoint, pace, qps, calls = sys.argv[1:]
client = aigclens.Client(
    endpoint=endpoint, credentials=aigclens.Credentials("testid", "testsecret"), qps=float(qps), pace=pace
)
for _ in range(int(calls)):
    client.detect("https://example.com/cat.png")
    print("called", flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, of this test alone and its processes."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
    return tmp_path


@pytest.fixture
def service() -> Iterator[Emulator]:
    with Emulator(qps=0) as emulator:
        emulator.answer(url=URL, label="ugc")
        yield emulator


def own(folder: Path) -> Path:
    return folder / f"aigclens-{os.geteuid()}"


def client(
    emulator: Emulator, pace: str = "host", qps: float = 1.0, on_event: events.Observer | None = None
) -> aigclens.Client:
    return emulator.client(qps=qps, pace=pace, max_retries=0, on_event=on_event)


@contextlib.contextmanager
def caller(emulator: Emulator, pace: str, qps: float, calls: int) -> Iterator[subprocess.Popen[str]]:
    options = emulator.options()
    endpoint = str(options["endpoint"])
    key = options["credentials"]
    assert isinstance(key, aigclens.Credentials)
    script = CALLER.replace('"testid", "testsecret"', f"*{key._parts()!r}")
    arguments = [sys.executable, "-c", script, endpoint, pace, str(qps), str(calls)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    assert process.wait(60) == 0
    return len(lines)


def used_up(emulator: Emulator, pace: str = "host", qps: float = 0.1) -> None:
    """Asserts that no turn is left in the next second, without waiting for one."""
    with client(emulator, pace, qps) as late, pytest.raises(aigclens.PaceTimeout):
        late.detect(URL, total_timeout=1.0)


def test_processes_share_the_host_and_so_do_clients_of_a_process(folder: Path, service: Emulator) -> None:
    """C08: five calls of another process use up what this one could have started at once."""
    with caller(service, "host", 0.1, 5) as other:
        assert finish(other) == 5
    used_up(service)
    # `process` knows nothing of that, and is shared by the clients of one process.
    for _ in range(5):
        with client(service, "process", 0.1) as one:
            one.detect(URL)
    used_up(service, "process")
    assert service.ledger().billed == 10


def test_the_file_is_private_and_holds_no_key(folder: Path, service: Emulator) -> None:
    with client(service, qps=95.0) as one:
        one.detect(URL)
    assert stat.S_IMODE(own(folder).stat().st_mode) == 0o700
    (file,) = own(folder).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = service.options()["credentials"]
    assert isinstance(key, aigclens.Credentials)
    assert key.access_key_id not in file.name
    assert key.access_key_id.encode() not in file.read_bytes()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_shares_the_host_and_has_a_process_pace_of_its_own(folder: Path, service: Emulator) -> None:
    """H12: with a client that both use, whatever the parent's threads were doing."""
    with client(service, "host", 0.1) as shared, client(service, "process", 0.1) as alone:
        for _ in range(4):
            shared.detect(URL)
            alone.detect(URL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            signal.alarm(20)
            status = 1
            with contextlib.suppress(BaseException):
                shared.detect(URL)
                for _ in range(5):
                    alone.detect(URL)
                status = 0
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        with pytest.raises(aigclens.PaceTimeout):
            shared.detect(URL, total_timeout=1.0)
        alone.detect(URL)


def _call(endpoint: str, parts: tuple[str, str, str | None], calls: int) -> int:
    credentials = aigclens.Credentials(*parts)
    with aigclens.Client(endpoint=endpoint, credentials=credentials, qps=0.1, pace="host") as one:
        for _ in range(calls):
            one.detect(URL)
    return calls


def test_spawned_processes_share_the_host(folder: Path, service: Emulator) -> None:
    """C08."""
    options = service.options()
    key = options["credentials"]
    assert isinstance(key, aigclens.Credentials)
    arguments = (str(options["endpoint"]), key._parts(), 1)
    with multiprocessing.get_context("spawn").Pool(5) as pool:
        assert pool.starmap(_call, [arguments] * 5) == [1] * 5
    used_up(service)


HOLDER = """
import fcntl, sys, time
with open(sys.argv[1], "r+b") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_process_that_is_stopped_or_killed_while_it_holds_the_lock(folder: Path, service: Emulator) -> None:
    """H03, H20: stopped, it costs others a second, or their turn; killed, its lock is gone with it."""
    with client(service, qps=95.0) as one:
        one.detect(URL)
        (file,) = own(folder).iterdir()
        with subprocess.Popen([sys.executable, "-c", HOLDER, str(file)], stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            holder.send_signal(signal.SIGSTOP)
            begin = time.monotonic()
            with pytest.raises(aigclens.PaceTimeout, match="stopped") as late:
                one.detect(URL, total_timeout=0.7)
            assert late.value.billing == "not_billed"
            assert 0.6 < time.monotonic() - begin < 30
            kept = file.stat().st_ino
            one.detect(URL, total_timeout=60.0)
            assert file.stat().st_ino != kept, "the others go on with a file of their own"
            holder.kill()
        one.detect(URL)
    assert service.ledger().billed == 3


def test_a_process_that_is_stopped_takes_no_turns_with_it_and_saves_none_up(folder: Path, service: Emulator) -> None:
    """H20: others go on while it stands still, and it does not catch up."""
    with caller(service, "host", 20.0, 30) as stopped:
        assert stopped.stdout is not None
        for _ in range(8):
            assert stopped.stdout.readline() == "called\n"
        stopped.send_signal(signal.SIGSTOP)
        with client(service, qps=20.0) as one:
            for _ in range(20):
                one.detect(URL, total_timeout=20.0)
        time.sleep(1)
        stopped.send_signal(signal.SIGCONT)
        begin = time.monotonic()
        assert finish(stopped) >= 20
        # At least twenty calls at twenty a second, six of them at once.
        assert time.monotonic() - begin > 0.6


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x00" * 4096, b"\xff" * 300_000])
def test_a_corrupted_file_is_replaced(folder: Path, service: Emulator, content: bytes) -> None:
    with client(service, qps=95.0) as one:
        one.detect(URL)
        (file,) = own(folder).iterdir()
        file.write_bytes(content)
        for _ in range(10):
            one.detect(URL, total_timeout=10.0)
        assert file.read_bytes().startswith(b"aigpace1")


def test_a_planted_link_is_left_alone(folder: Path, service: Emulator) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    own(folder).symlink_to(elsewhere)
    with client(service, qps=95.0) as one:
        one.detect(URL)
    assert list(elsewhere.iterdir()) == []


def test_where_no_file_can_be_had_the_process_keeps_its_pace(
    folder: Path, service: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container whose file systems are read-only. It is said once."""
    monkeypatch.setenv("TMPDIR", "/proc/self")
    heard: list[events.Event] = []
    with client(service, qps=0.1, on_event=heard.append) as one:
        for _ in range(5):
            one.detect(URL)
        with pytest.raises(aigclens.PaceTimeout):
            one.detect(URL, total_timeout=1.0)
    (warned,) = (event for event in heard if isinstance(event, events.Warned))
    assert "in this process alone" in warned.message


def test_a_slow_client_takes_no_turns_from_a_fast_one(folder: Path, service: Emulator) -> None:
    with client(service, qps=0.01) as slow, client(service, qps=95.0) as fast:
        for _ in range(5):
            slow.detect(URL)
        for _ in range(20):
            fast.detect(URL, total_timeout=20.0)
        with pytest.raises(aigclens.PaceTimeout):
            slow.detect(URL, total_timeout=1.0)


def test_keys_that_change_leave_no_descriptors(folder: Path, service: Emulator) -> None:
    """As where sessions of a role come and go, and clients with them."""

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    with aigclens.Client(endpoint=service.url, credentials=service.temporary_credentials, qps=95.0) as one:
        one.detect(URL)
        before = descriptors()
    for _ in range(40):
        credentials = service.temporary_credentials()
        with aigclens.Client(endpoint=service.url, credentials=credentials, qps=95.0) as one:
            one.detect(URL, total_timeout=20.0)
    assert len(list(own(folder).iterdir())) > 40
    assert descriptors() < before + 10


@pytest.mark.parametrize("pace", ["", "hosts", "http://127.0.0.1", "redis://u:hunter2@h:port/0"])
def test_a_wrong_pace_is_refused(pace: str) -> None:
    """M10."""
    with pytest.raises(aigclens.ConfigError, match="pace") as refused:
        aigclens.Client(pace=pace)
    assert "hunter2" not in str(refused.value)


def test_a_client_whose_pace_has_a_password_does_not_pickle() -> None:
    with pytest.raises(TypeError, match="password") as refused:
        pickle.dumps(aigclens.Client(pace="redis://u:hunter2@127.0.0.1/0"))
    assert "hunter2" not in str(refused.value)
    assert pickle.loads(pickle.dumps(aigclens.Client(pace="redis://127.0.0.1/0"))).endpoint


@contextlib.contextmanager
def redis_server(folder: Path, port: str, *options: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A server of the test's own; `port` names the option for it."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed (Debian: apt install redis-server)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    always = ["--bind", "127.0.0.1", "--save", "", "--dir", str(folder), "--requirepass", "hunter2"]
    arguments = [binary, *always, port, str(number), *options]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL) as server:
        try:
            for _ in range(500):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number)):
                    break
                time.sleep(0.01)
            yield number, server
        finally:
            server.kill()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with redis_server(tmp_path, "--port") as (port, server):
        yield f"redis://:hunter2@127.0.0.1:{port}/0", server


def test_redis_over_tls_trusts_what_the_system_trusts(
    service: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("the command openssl is not there")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    leaf = ["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate]
    subprocess.run([*new, *name, *leaf], check=True, capture_output=True)
    options = ["--port", "0", "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no"]
    with redis_server(tmp_path, "--tls-port", *options) as (port, server):
        if server.poll() is not None:
            pytest.skip("this redis-server was built without TLS")
        url = f"rediss://:hunter2@localhost:{port}/0"
        with client(service, url, 95.0) as one:
            with pytest.raises(aigclens.PaceUnavailable) as refused:
                one.detect(URL)
            assert "hunter2" not in str(refused.value)
            monkeypatch.setenv("SSL_CERT_FILE", certificate)
            one.detect(URL)


def test_processes_share_a_redis_server(service: Emulator, redis: tuple[str, subprocess.Popen[bytes]]) -> None:
    """C08: also with a child of a fork, which has a connection of its own."""
    url, _ = redis
    with caller(service, url, 0.5, 1) as other:
        assert finish(other) == 1
    with client(service, url, 0.5) as one:
        with pytest.raises(aigclens.PaceTimeout):
            one.detect(URL, total_timeout=0.5)
        begin = time.monotonic()
        one.detect(URL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            signal.alarm(30)
            status = 1
            with contextlib.suppress(BaseException):
                one.detect(URL)
                status = 0
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert time.monotonic() - begin > 2


def test_a_redis_server_that_ends_is_a_clear_error_and_nothing_is_sent(
    service: Emulator, redis: tuple[str, subprocess.Popen[bytes]]
) -> None:
    url, server = redis
    with client(service, url, 95.0) as one:
        one.detect(URL)
        server.kill()
        server.wait()
        with pytest.raises(aigclens.PaceUnavailable, match="nothing was sent") as gone:
            one.detect(URL)
    assert isinstance(gone.value, ConnectionError)
    assert (gone.value.billing, gone.value.attempts, gone.value.retryable) == ("not_billed", (), True)
    assert "hunter2" not in str(gone.value)
    assert service.ledger().billed == 1

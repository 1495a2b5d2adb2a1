"""The program's own functions as credentials, plain and async: on a thread of their own, in bounded time."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest

import aigclens
from aigclens.testing import Emulator
from places import UriServer
from servers import RecordingServer

URL = "https://img.example/cat.png"
SECRET = "hunter2hunter2hunter2"


def from_module() -> aigclens.Credentials:
    return aigclens.Credentials("LTAI-module", "module-secret")


def test_a_function_signs_on_another_thread_and_is_asked_once(emulator: Emulator, declared_png: bytes) -> None:
    threads: list[str] = []

    def give() -> aigclens.Credentials:
        threads.append(threading.current_thread().name)
        return emulator.credentials

    with aigclens.Client(endpoint=emulator.url, credentials=give) as client:
        for _ in range(3):
            assert client.detect(declared_png).is_aigc
    assert len(threads) == 1
    assert threads[0] != threading.current_thread().name


async def test_an_async_function_has_a_loop_of_its_own(emulator: Emulator, declared_png: bytes) -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def give() -> aigclens.Credentials:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())
        return emulator.credentials

    async with aigclens.AsyncClient(endpoint=emulator.url, credentials=give) as client:
        assert (await client.detect(declared_png)).is_aigc
    assert loops[0] is not asyncio.get_running_loop()
    client_of_threads = aigclens.Client(endpoint=emulator.url, credentials=give)
    assert (await asyncio.to_thread(client_of_threads.detect, declared_png)).is_aigc
    client_of_threads.close()


async def test_the_event_loop_goes_on_while_a_function_works(emulator: Emulator, declared_png: bytes) -> None:
    release = threading.Event()

    def give() -> aigclens.Credentials:
        assert release.wait(4)
        return emulator.credentials

    async with aigclens.AsyncClient(endpoint=emulator.url, credentials=give) as client:
        calls = [asyncio.create_task(client.detect(declared_png)) for _ in range(4)]
        await asyncio.sleep(0)
        release.set()
        assert all(found.is_aigc for found in await asyncio.gather(*calls))


def test_what_a_function_raises_is_named_and_what_may_be_a_secret_is_not() -> None:
    """A12."""

    def fail() -> aigclens.Credentials:
        raise LookupError(f"the vault has no {SECRET} today")

    client = aigclens.Client(endpoint="127.0.0.1:9", credentials=fail)
    with pytest.raises(aigclens.CredentialsError, match="LookupError: the vault has no") as failed:
        client.detect(URL)
    assert SECRET not in str(failed.value)
    for given, name in [("a string", "str"), (None, "NoneType"), (("id", SECRET), "tuple")]:
        wrong = aigclens.Client(endpoint="127.0.0.1:9", credentials=lambda given=given: given)
        with pytest.raises(aigclens.CredentialsError, match=f"TypeError: it returned {name}"):
            wrong.detect(URL)


def test_what_a_function_gives_is_checked() -> None:
    """A02, A03, A13."""
    for bad in (f" {SECRET}", f"{SECRET}\n", f"{SECRET}\r\nx: y", "é"):
        client = aigclens.Client(endpoint="127.0.0.1:9", credentials=lambda bad=bad: aigclens.Credentials("id", bad))
        with pytest.raises(aigclens.CredentialsError, match="ConfigError") as refused:
            client.detect(URL)
        assert SECRET not in str(refused.value)
    old = datetime.now(timezone.utc) - timedelta(seconds=5)
    client = aigclens.Client(
        endpoint="127.0.0.1:9", credentials=lambda: aigclens.Credentials("id", SECRET, "token", expiration=old)
    )
    with pytest.raises(aigclens.CredentialsExpired):
        client.detect(URL)


def test_a_function_that_hangs_is_not_waited_for() -> None:
    """A12."""
    release = threading.Event()
    asked: list[float] = []

    def hang() -> aigclens.Credentials:
        asked.append(time.monotonic())
        release.wait(30)
        return from_module()

    started = time.monotonic()
    with RecordingServer() as service, aigclens.Client(endpoint=service.url, credentials=hang) as client:
        with pytest.raises(aigclens.CredentialsError, match="within 5 s"):
            client.detect(URL)
        with pytest.raises(aigclens.DetectTimeout):
            client.detect(URL, total_timeout=0.1)
        assert time.monotonic() - started < 15
        release.set()
        deadline = time.monotonic() + 10
        while True:
            try:
                assert client.detect(URL).is_aigc
                break
            except aigclens.CredentialsError:
                assert time.monotonic() < deadline
        assert len(asked) <= 2, "it is not called again while it hangs"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_the_wait_for_a_function() -> None:
    program = f"""
import threading, aigclens
def hang():
    print("hangs", flush=True)
    threading.Event().wait(60)
try:
    aigclens.Client(endpoint="127.0.0.1:9", credentials=hang).detect({URL!r})
except KeyboardInterrupt:
    print("interrupted", flush=True)
    import os
    os._exit(0)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == "hangs\n"
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert time.monotonic() - started < 4
        assert process.wait(10) == 0


def test_an_expiration_is_a_time_with_a_zone() -> None:
    end = datetime.now(timezone.utc) + timedelta(hours=1)
    assert aigclens.Credentials("id", SECRET, expiration=end).expiration == pytest.approx(end.timestamp())
    assert aigclens.Credentials("id", SECRET, expiration=1_900_000_000).expiration == 1_900_000_000.0
    assert "expiration=1900000000.0" in repr(aigclens.Credentials("id", SECRET, expiration=1_900_000_000))
    for bad in (datetime.now(), -1, True, float("nan"), "soon", 1e12):
        with pytest.raises(aigclens.ConfigError, match="expiration"):
            aigclens.Credentials("id", SECRET, expiration=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [aigclens.Client, aigclens.AsyncClient])
@pytest.mark.parametrize(
    "credentials",
    [
        aigclens.CredentialChain(),
        aigclens.EnvironmentCredentials(),
        aigclens.ProfileCredentials("one", "/a/file"),
        aigclens.EcsRole("role"),
        aigclens.AssumeRole("acs:ram::1:role/x", aigclens.EnvironmentCredentials(), duration=900),
        aigclens.OidcRole(token_file="/a/token"),
        aigclens.UriCredentials("http://127.0.0.1:1/x"),
        os.getpid,  # Importable, whatever it returns.
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_client_pickles_with_its_provider(kind: type[aigclens.Client], credentials: aigclens.UriCredentials) -> None:
    """N13."""
    client = kind(credentials=credentials, timeout=7.5)
    again = pickle.loads(pickle.dumps(client))
    assert type(again) is kind
    assert again._options == client._options
    assert again._options["credentials"] == credentials
    assert hash(credentials) == hash(pickle.loads(pickle.dumps(credentials)))


def test_no_secret_pickles_under_any_wrapping() -> None:
    """N13."""
    literal = aigclens.Credentials("id", SECRET)
    for credentials in (
        literal,
        aigclens.AssumeRole("acs:ram::1:role/x", literal),
        aigclens.AssumeRole("a", aigclens.AssumeRole("b", literal)),
        partial(aigclens.Credentials, "id", SECRET),
        lambda: literal,
    ):
        with pytest.raises(TypeError, match=r"does not pickle; use a provider instead.*EnvironmentCredentials"):
            pickle.dumps(aigclens.Client(credentials=credentials))
    assert SECRET not in repr(aigclens.AssumeRole("acs:ram::1:role/x", literal))


def test_what_is_no_source_is_refused_when_the_client_is_made() -> None:
    for wrong, says in [
        (("id", SECRET), "tuple"),
        (aigclens.EnvironmentCredentials, "make one of it"),
        (aigclens.AssumeRole(duration=60), "900 to 43200"),
        (aigclens.AssumeRole(region="evil.example/#"), "region id"),
        (aigclens.AssumeRole(endpoint="http://sts.example"), "https"),
        (aigclens.AssumeRole(duration="long"), "wrong type"),  # type: ignore[arg-type]
    ]:
        with pytest.raises(aigclens.ConfigError, match=says) as refused:
            aigclens.Client(credentials=wrong)  # type: ignore[arg-type]
        assert SECRET not in str(refused.value)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_the_child_of_a_fork_asks_anew() -> None:
    """H12."""
    with UriServer() as place, RecordingServer() as service:
        client = aigclens.Client(endpoint=service.url, credentials=aigclens.UriCredentials(place.url))
        client.detect(URL)
        client.detect(URL)
        assert len(place.requests) == 1
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            try:
                client.detect(URL)
            except BaseException as error:
                os.write(2, f"child: {error!r}\n".encode())
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert len(place.requests) == 2


BUSY_AT_EXIT = """
import gc, time
import aigclens
from aigclens.testing import Emulator

def busy() -> aigclens.Credentials:
    while True:
        time.sleep(0.0002)

class Late:
    def __del__(self) -> None:
        for _ in range(20):
            time.sleep(0.01)

emulator = Emulator()
client = aigclens.Client(endpoint=emulator.url, credentials=busy)
try:
    client.detect("https://img.example/cat.png", total_timeout=0.3)
except aigclens.DetectTimeout:
    late = Late()
    late.itself = late
    gc.disable()
    print("left")
"""


def test_a_function_that_is_still_at_work_at_exit_does_not_take_the_process_with_it() -> None:
    """A12, H15: the interpreter ends threads that want it back while it ends."""
    for _ in range(3):
        ended = subprocess.run([sys.executable, "-c", BUSY_AT_EXIT], capture_output=True, text=True, timeout=60)
        assert (ended.returncode, ended.stdout) == (0, "left\n"), ended.stderr

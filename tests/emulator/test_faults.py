"""Faults on purpose: each does what its name says on a bare socket, and the client makes the right thing of it."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import socket
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import aigclens
from aigclens.cli import STOPPED
from aigclens.testing import Emulator, FaultPlan
from aigclens.testing.faults import FaultAction, FaultStage
from servers import RecordingServer

URL = "https://img.example/cat.png"
PATIENCE = 60.0
SILENCE = 0.2
POSSIBLY, BILLED, NOT_BILLED = "possibly_billed", "billed", "not_billed"
STAGES = typing.get_args(FaultStage)
BEFORE: Final = "before_billing"
AFTER: Final = "after_billing"

# stage, action, details; how the raw connection ends and what is on it; the client's error class (None: an answer) and
# its verdict. What was charged follows from the stage alone: nothing before the charge, one call after it.
Row = tuple[str, str, dict[str, Any], str, bytes, "type[aigclens.AigcError] | None", str]


def ends() -> Iterator[Row]:
    """The ways in which a connection ends, at every stage."""
    broken, sent = aigclens.AmbiguousOutcomeError, rb"HTTP/1\.1 200 OK\r\n"
    for stage in STAGES:
        begun = sent if stage in {"mid_headers", "mid_body", "after_body"} else b""
        is_whole = stage == "after_body"
        error: type[aigclens.AigcError] | None = None if is_whole else broken
        verdict = BILLED if is_whole else POSSIBLY
        late = None if is_whole else aigclens.DetectTimeout
        yield stage, "delay", {"seconds": 0.01}, "open", sent, None, BILLED
        yield stage, "stall", {}, "open", begun, late, verdict
        if stage == "accept":
            # A connection that ends at once may do so before the request is written: then nothing was sent for certain.
            error, verdict = aigclens.TransportError, "any"
        yield stage, "fin", {}, "fin", begun, error, verdict
        yield stage, "rst", {}, "rst", begun, error, verdict
        kept = "open" if is_whole else "fin"
        yield stage, "garbage", {"text": "\x7f\x00nonsense"}, kept, b".*nonsense$", error, verdict
        yield stage, "banner", {}, kept, rb".*SSH-2\.0-\S+\r\n$", error, verdict


def spoiled() -> Iterator[Row]:
    """Answers that are spoiled, before and after the charge. Before it, a readable one says that it cost nothing."""
    decode, broken = aigclens.ResponseDecodeError, aigclens.AmbiguousOutcomeError
    for stage in (BEFORE, AFTER):
        fine: tuple[type[aigclens.AigcError] | None, str] = (
            (None, BILLED) if stage == AFTER else (aigclens.ServerError, NOT_BILLED)
        )
        yield stage, "content_length", {"by": 5}, "fin", rb".*content-length: \d+\r\n", broken, POSSIBLY
        yield stage, "content_length", {"by": -5}, "open", rb".*content-length: \d+\r\n", decode, POSSIBLY
        yield stage, "two_lengths", {}, "open", b".*content-length: 5\r\ntransfer-encoding: chunked\r\n", *fine
        yield stage, "gzip", {}, "open", b".*content-encoding: gzip\r\n", decode, POSSIBLY
        yield stage, "gzip", {"bytes": 8 << 20}, "open", b".*content-encoding: gzip\r\n", decode, POSSIBLY
        yield stage, "endless", {}, "open", b".*transfer-encoding: chunked\r\n", decode, POSSIBLY
        slow = {"bytes": 1, "interval": 0.05}
        yield stage, "endless", slow, "any", b".*transfer-encoding: chunked\r\n", aigclens.DetectTimeout, POSSIBLY
        yield stage, "trickle", {}, "open", rb"HTTP/1\.1 200 OK\r\n", *fine
        yield stage, "trickle", {"interval": 0.1}, "any", rb"HT", aigclens.DetectTimeout, POSSIBLY
        yield stage, "truncate", {"keep": 0.4}, "open", rb".*\r\n\r\n\{", decode, POSSIBLY
        yield stage, "truncate", {"keep": 0}, "open", rb".*content-length: 0\r\n", decode, POSSIBLY
        yield stage, "headers", {}, "open", rb".*x-more-99999: v+\r\n", broken, POSSIBLY
        yield stage, "headers", {"bytes": 1 << 20}, "open", rb".*x-more-0: v{1048576}\r\n", broken, POSSIBLY
        twice = rb'.*"Code".*"Code"'
        yield stage, "duplicate_keys", {}, "open", twice, aigclens.ResponseSchemaError, POSSIBLY
        yield stage, "deep_nesting", {}, "open", rb".*\[{1000}", decode, POSSIBLY
        # The code is readable although the rest is not: then the charge is certain.
        verdict = BILLED if stage == AFTER else POSSIBLY
        yield stage, "invalid_utf8", {}, "open", b".*\xff\xfe", decode, verdict
        yield stage, "informational", {}, "open", rb"(HTTP/1\.1 103 [^\0]*?\r\n\r\n){1000}HTTP/1\.1 200 OK", *fine
        yield stage, "no_content", {}, "open", rb"HTTP/1\.1 204 .*\r\n\r\n\{", decode, POSSIBLY
        yield stage, "http10", {}, "fin", rb"HTTP/1\.0 200 OK\r\n", *fine
        yield stage, "html", {}, "open", rb"HTTP/1\.1 200 OK\r\n.*text/html.*<html>", decode, POSSIBLY
        yield stage, "status", {"status": 200, "body": "null"}, "open", rb".*null$", decode, POSSIBLY
        yield stage, "nonce_used", {}, "open", rb".*SignatureNonceUsed", aigclens.NonceUsedError, POSSIBLY


def refused() -> Iterator[Row]:
    """Answers that say that nothing was charged, and stand where nothing was."""
    throttled, server, redirect = aigclens.ThrottledError, aigclens.ServerError, aigclens.UnexpectedRedirect
    for stage in ("mid_request", BEFORE):
        yield (
            stage,
            "throttle",
            {"retry_after_ms": "9"},
            "any",
            rb"HTTP/1\.1 200 .*after: 9\r.*:403",
            throttled,
            NOT_BILLED,
        )
        yield (
            stage,
            "throttle",
            {"shape": "gateway"},
            "any",
            rb"HTTP/1\.1 400 .*Throttling\.User",
            throttled,
            NOT_BILLED,
        )
        yield stage, "throttle", {"shape": "http"}, "any", rb"HTTP/1\.1 429 ", throttled, NOT_BILLED
        yield stage, "html", {"status": 502}, "any", rb"HTTP/1\.1 502 .*<html>", server, NOT_BILLED
        yield stage, "html", {"status": 503}, "any", rb"HTTP/1\.1 503 .*<html>", server, NOT_BILLED
        yield stage, "status", {}, "any", rb"HTTP/1\.1 503 ", server, NOT_BILLED
        yield stage, "status", {"status": 413}, "any", rb"HTTP/1\.1 413 ", aigclens.UnknownServiceError, NOT_BILLED
        for status in (301, 302, 307, 308):
            want = rb"HTTP/1\.1 %d .*location: http://127\.0\.0\.1:9/elsewhere\r\n" % status
            yield stage, "redirect", {"status": status}, "any", want, redirect, NOT_BILLED
    expired = aigclens.CredentialsExpired
    yield BEFORE, "expired_token", {}, "open", rb".*InvalidSecurityToken\.Expired", expired, NOT_BILLED
    inactive = {"code": "InvalidAccessKeyId.Inactive", "status": 400}
    yield BEFORE, "refuse", inactive, "open", rb"HTTP/1\.1 400 ", aigclens.AuthenticationError, NOT_BILLED
    yield BEFORE, "clock", {}, "open", rb".*InvalidTimeStamp\.Expired", aigclens.ClockSkewError, NOT_BILLED


ROWS = [*ends(), *spoiled(), *refused()]
NAMES = [" ".join([row[0], row[1], *(f"{key}={value!r:.20}" for key, value in row[2].items())]) for row in ROWS]


def raw(emulator: Emulator, ending: str, wanted: re.Pattern[bytes]) -> tuple[str, bytes]:
    """Sends one signed request over a bare socket: how the connection ended, and all that came."""
    with RecordingServer() as recorder:
        options: Any = {"endpoint": recorder.url, "credentials": emulator.credentials, "qps": None}
        with aigclens.Client(**options) as client:
            client.detect(URL)
        (request,) = recorder.requests
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers)
    message = f"POST {request.target} HTTP/1.1\r\n{head}\r\n".encode() + request.body
    found, told = b"", "fin"
    try:
        with socket.create_connection(("127.0.0.1", emulator.port), PATIENCE) as connection:
            try:
                connection.sendall(message)
            except ConnectionResetError:  # The system tells it once: what is read after that looks like an orderly end.
                told = "rst"
            except OSError:  # Gone already, which the answer shows.
                pass
            while True:
                # What must come is waited for; once it has, a moment of silence is enough.
                must_come = ending in {"fin", "rst"} or not wanted.match(found)
                connection.settimeout(PATIENCE if must_come else SILENCE)
                piece = connection.recv(1 << 20)
                if not piece:
                    return told, found
                found += piece
                if len(found) > 4 << 20 or (ending == "any" and wanted.match(found)):
                    return "open", found
    except ConnectionResetError:
        return "rst", found
    except TimeoutError:
        return "open", found


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_a_fault_is_what_it_says_and_the_client_makes_the_right_thing_of_it(emulator: Emulator, row: Row) -> None:
    """On the wire, and as exception, attempts, verdict and ledger.

    C01, C02, C10, D05, E12, E13, E14, E15, E16, E17, E18, E19, E20, E21, E22, F05, F06, F07, F14, F15, F16, H01.
    """
    stage, action, details, ending, pattern, error, verdict = row
    emulator.answer(url=URL, label="ugc")
    wanted = re.compile(pattern, re.DOTALL)
    rule: Any = {"stage": stage, "action": action, **details}
    charged = 1 if error is None or stage not in {"accept", "mid_request", BEFORE} else 0
    name = f"{stage}:{action}"

    emulator.faults({"rules": [rule]})
    end, found = raw(emulator, ending, wanted)
    if not (
        stage == "accept" and action in {"garbage", "banner"} and end == "rst"
    ):  # Unread bytes turn a FIN into one.
        assert wanted.match(found), found[:300]
        assert ending in {end, "any"}
    assert emulator.ledger().billed == charged
    if charged and stage in {AFTER, "mid_headers", "mid_body", "after_body"}:
        assert emulator.ledger().entries[0].fault == name
    if stage != "accept":
        assert emulator.requests()[0]["faults"] == [name]
    assert emulator.faults()["acted"] == {name: 1}

    emulator.reset()
    emulator.answer(url=URL, label="ugc")
    emulator.faults({"rules": [rule]})
    # Short only where the time-out is the point: elsewhere a busy machine may need its time.
    timeout = 0.5 if error is aigclens.DetectTimeout else PATIENCE
    options: Any = {"max_retries": 0, "qps": None, "timeout": timeout, "total_timeout": PATIENCE}
    with emulator.client(**options) as client:
        try:
            answered: aigclens.Detection | aigclens.AigcError = client.detect(URL)
        except aigclens.AigcError as raised:
            answered = raised
        if error is None:
            assert isinstance(answered, aigclens.Detection), repr(answered)
            assert answered.label == "ugc"
        else:
            assert isinstance(answered, error), repr(answered)
            assert "\n" not in str(answered)
        (attempt,) = answered.attempts
        assert attempt.billing == answered.billing
        assert verdict in {answered.billing, "any"}
        assert emulator.ledger().billed == charged
        least, most = (attempt.billing == BILLED), (attempt.billing != NOT_BILLED)
        assert least <= charged <= most
        # Whatever came, the next answer is that of the next call.
        emulator.clear_faults()
        emulator.answer(data_id="next", label="aigc", confidence=71.25)
        if action != "clock" and not (stage == "after_body" and action in {"delay", "stall", "fin", "rst"}):
            after = client.detect(URL, data_id="next", on_ambiguous="raise")
            assert (after.confidence, after.data_id, len(after.attempts)) == (71.25, "next", 1)


def test_the_names_of_stages_and_actions_are_those_of_the_core(emulator: Emulator) -> None:
    for field, names in (("stage", STAGES), ("action", typing.get_args(FaultAction))):
        wrong: Any = {"stage": "accept", "action": "fin", field: "?"}
        with pytest.raises(aigclens.ConfigError) as refused:
            emulator.fault(**wrong)
        listed = str(refused.value).split(f"{field} is one of ")[1].split(", not '?'")[0]
        assert tuple(listed.split(", ")) == names
    assert {(row[0], row[1]) for row in ROWS} >= {(stage, "fin") for stage in STAGES}
    untested = set(typing.get_args(FaultAction)) - {row[1] for row in ROWS}
    assert untested == {"crc", "object_lost"}, "which test_fault_recovery.py has"


def test_a_packed_answer_is_the_answer(emulator: Emulator) -> None:
    """E19: a bomb is one: some kilobytes that become megabytes."""
    emulator.answer(url=URL, label="ugc")
    emulator.fault(stage=AFTER, action="gzip", bytes=8 << 20)
    _, found = raw(emulator, "open", re.compile(rb".*\r\n\r\n.", re.DOTALL))
    body = found.partition(b"\r\n\r\n")[2]
    unpacked = gzip.decompress(body)
    assert len(body) < 100_000 < 8 << 20 < len(unpacked)
    assert json.loads(unpacked)["Data"]["Result"][0]["Label"] == "ugc"


def peak() -> int:
    """The most memory that this process had since it was last asked, in KiB."""
    status = Path("/proc/self/status").read_text()
    Path("/proc/self/clear_refs").write_text("5")
    return int(status.partition("VmHWM:")[2].split()[0])


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize(
    "rule",
    [
        {"action": "endless"},
        {"action": "gzip", "bytes": 32 << 20},
        {"action": "deep_nesting", "count": 400_000},
        {"action": "headers", "bytes": 8 << 20},
    ],
)
def test_a_hostile_answer_takes_no_memory(rule: dict[str, Any]) -> None:
    """E17, E18, E19, E20: less than 16 MiB, whatever comes. The emulator is another process here."""
    plan = {"rules": [{"stage": AFTER, **rule}]}
    command = [sys.executable, "-W", "error", "-m", "aigclens", "emulator", "--qps=0", "--judge=hash", "--faults=-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(plan).encode())
        process.stdin.close()
        ready = json.loads(process.stdout.readline())
        credentials = aigclens.Credentials(ready["access_key_id"], ready["access_key_secret"])
        with aigclens.Client(endpoint=ready["url"], credentials=credentials, max_retries=0, qps=None) as client:
            for number in range(5):
                with pytest.raises(aigclens.AmbiguousOutcomeError):
                    client.detect(URL)
                if number == 0:
                    peak()
                    start = peak()
        assert peak() - start < 16 << 10
        process.terminate()


def test_the_same_seed_and_order_have_the_same_outcome(emulator: Emulator) -> None:
    emulator.answer(url=URL, label="ugc")
    rules: Any = [
        {"stage": AFTER, "action": "fin", "rate": 0.3},
        {"stage": BEFORE, "action": "throttle", "rate": 0.3},
        {"stage": "mid_body", "action": "garbage", "rate": 0.3, "data_id": "odd"},
    ]

    def outcomes(seed: int) -> list[str]:
        emulator.faults({"seed": seed, "rules": rules})
        found = []
        with emulator.client(max_retries=0, qps=None) as client:
            for number in range(60):
                try:
                    client.detect(URL, data_id="odd" if number % 2 else "even")
                    found.append("ok")
                except aigclens.AigcError as error:
                    found.append(type(error).__name__)
        return found

    first = outcomes(5)
    assert first == outcomes(5) != outcomes(6)
    assert set(first) == {"ok", "AmbiguousOutcomeError", "ThrottledError"}


def test_plans_over_http_and_from_a_file(emulator: Emulator, tmp_path: Path) -> None:
    plan: FaultPlan = {"seed": 3, "rules": [{"stage": BEFORE, "action": "throttle", "rate": 0.5, "times": 9}]}

    def page(port: int, method: str, body: object = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request(method, "/_emulator/faults", None if body is None else json.dumps(body))
        answer = connection.getresponse()
        status, found = answer.status, json.loads(answer.read())
        connection.close()
        return status, found

    status, report = page(emulator.port, "POST", plan)
    assert (status, report) == (200, emulator.faults())
    assert report["rules"] == [{**plan["rules"][0], "seen": 0, "acted": 0}]
    status, refused = page(emulator.port, "POST", {"rules": [{"stage": "?", "action": "fin"}]})
    assert status == 400
    assert "rule 1: stage is one of" in refused["error"]
    assert page(emulator.port, "GET")[1] == report
    assert page(emulator.port, "DELETE")[1] == {"seed": 0, "rules": [], "acted": {}}

    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan))
    command = [sys.executable, "-W", "error", "-m", "aigclens", "emulator", "--faults"]
    with subprocess.Popen([*command, str(file)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert page(int(ready["url"].rpartition(":")[2]), "GET")[1]["rules"] == report["rules"]
        process.terminate()
        assert process.wait(PATIENCE) == 0
    for wrong in ("{", "[]", '{"rules": [{"stage": "?"}]}'):
        file.write_text(wrong)
        done = subprocess.run([*command, str(file)], capture_output=True, timeout=PATIENCE, check=False)
        assert (done.returncode, done.stdout) == (STOPPED, b"")
        assert done.stderr.startswith(b"aigclens: --faults ")
        assert done.stderr.count(b"\n") == 1

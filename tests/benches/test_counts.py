"""What `make bench-count` reads of callgrind, and when it fails."""

from __future__ import annotations

from typing import Any

import pytest

from programs import BENCHES, load

MICRO = BENCHES / "micro"

callgrind, verdicts, loopback = (load(name, MICRO) for name in ("callgrind", "verdicts", "loopback"))

FILE = """# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 4711
cmd:  count sign 200
part: 1

desc: Trigger: Program termination

positions: line
events: Ir
summary: 1710

ob=(1) /opt/count
fl=(1) src/main.rs
fn=(1) main
16 10
cfn=(2) sign::authorize
calls=2 40
+1 1700

fn=(2)
40 100
fi=(2) core/str.rs
* 50
fe=(1)
cob=(2) /lib/libc.so.6
cfi=(3) ???
cfn=(3) sha2::sha256::soft::compress'2
calls=4 0
-3 1500
+2 50

ob=(2)
fl=(3)
fn=(3)
0 1500

totals: 1710
"""
MADE_BY = {
    "compiler": "1.95.0",
    "target": "x86_64-unknown-linux-gnu",
    "python": "3.11.7",
    "valgrind": "valgrind-3.19.0",
}


def problems(counts: dict[str, int], known: dict[str, int], *, is_whole: bool = True, **other: str) -> list[str]:
    baseline = {"made_by": MADE_BY, "counts": known}
    lines = verdicts.compare(counts, MADE_BY | other, baseline, is_whole)
    assert len(verdicts.table(lines).splitlines()) == 1 + len(lines)
    return [line.problem for line in lines if line.problem]


def test_a_file_of_callgrind_is_read_into_functions() -> None:
    profile = callgrind.parse(FILE)
    assert profile.total == 1710
    assert profile.own == {"main": 10, "sign::authorize": 200, "sha2::sha256::soft::compress'2": 1500}
    assert profile.own_of(r"^sha2::.*compress") == 1500
    assert profile.called(r"^sign::") == 1700
    assert profile.called("nobody") == 0


@pytest.mark.parametrize("spoiled", [FILE.replace("totals: 1710\n", ""), FILE.replace("totals: 1710", "totals: 1711")])
def test_a_file_without_its_end_is_refused(spoiled: str) -> None:
    with pytest.raises(callgrind.Unreadable):
        callgrind.parse(spoiled)


def test_other_events_are_refused() -> None:
    with pytest.raises(callgrind.Unreadable, match="Dr"):
        callgrind.parse(FILE.replace("events: Ir", "events: Ir Dr"))


@pytest.mark.parametrize(("count", "fails"), [(500, False), (1000, False), (1100, False), (1101, True)])
def test_more_than_a_tenth_above_the_baseline_fails(count: int, fails: bool) -> None:
    found = problems({"sign": count}, {"sign": 1000})
    assert bool(found) == fails
    for problem in found:
        assert problem.startswith("sign takes 1,101 instructions, 10.1% more")
        assert problem.endswith("make bench-count RECORD=1")
        assert "\n" not in problem


def test_far_fewer_are_worth_recording() -> None:
    (line,) = verdicts.compare({"sign": 899}, MADE_BY, {"made_by": MADE_BY, "counts": {"sign": 1000}}, True)
    assert line.note == "fewer: worth recording"
    assert line.problem is None


def test_a_case_that_cannot_be_compared_fails_for_it() -> None:
    assert len(problems({"sign": 1, "new": 1}, {"sign": 1, "gone": 1})) == 2
    assert problems({"sign": 1}, {"sign": 1, "gone": 1}, is_whole=False) == []
    lines = verdicts.compare({"sign": 1}, MADE_BY, {}, True)
    assert [line.note for line in lines] == ["no baseline"]


def test_another_compiler_is_told_and_compared_all_the_same() -> None:
    assert len(problems({"sign": 1200}, {"sign": 1000}, compiler="1.99.0")) == 1
    (told,) = verdicts.differences(MADE_BY | {"compiler": "1.99.0"}, {"made_by": MADE_BY})
    assert "compiler: 1.95.0; here it is 1.99.0" in told
    assert verdicts.differences(MADE_BY, {"made_by": MADE_BY}) == []


def test_other_processors_and_interpreters_have_other_counts() -> None:
    counts: dict[str, Any] = {"sign": 1200, "wall-call": 1200}
    known = {"sign": 1000, "wall-call": 1000, "wall-gone": 1}
    assert problems(counts, known, target="aarch64-unknown-linux-gnu") == []
    assert len(problems(counts, known, python="3.13.1")) == 1
    assert len(problems(counts, known, python="3.11.9")) == 3


def test_the_baseline_has_every_case_once() -> None:
    import json

    baseline = json.loads((MICRO / "baseline.json").read_text())
    assert set(baseline["made_by"]) == set(MADE_BY)
    assert all(count > 0 for count in baseline["counts"].values())
    cases = (MICRO / "src" / "lib.rs").read_text().split('Case::new("')[1:]
    named = {case.split('"')[0] for case in cases}
    assert named <= set(baseline["counts"])


def test_the_server_answers_each_request_of_a_connection() -> None:
    import http.client

    with loopback.Loopback() as server:
        line = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=5)
        for body in (b"", b"x" * 100_000):
            line.request("POST", "/", body)
            assert b'"Label":"aigc"' in line.getresponse().read()
        line.close()

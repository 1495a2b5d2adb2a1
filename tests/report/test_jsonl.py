"""JSONL that grows, is continued, and holds every row once, whatever happened."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import resource
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from aigclens import ConfigError
from aigclens.report import Writer
from aigclens.scanning.rows import COLUMNS, ScanRow
from scan_rows import again, answered, failed


def lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_bytes()
    assert text == b"" or text.endswith(b"\n")
    return [json.loads(line) for line in text.splitlines()]


def run(path: Path, *rows: ScanRow, complete: bool = True) -> None:
    writer = Writer(path, resume=True)
    for row in rows:
        writer.write(row)
    writer.close(complete=complete)


def keys(path: Path) -> list[str]:
    return [one["key"] for one in lines(path)]


def test_it_grows_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    writer = Writer(path, resume=True)
    for number in range(3):
        writer.write(answered(f"{number}.png", extra={"split": "train"}))
        assert keys(path) == [f"{one}.png" for one in range(number + 1)], "what was written can be read at once"
    writer.close()
    first = lines(path)[0]
    assert tuple(first) == (*COLUMNS, "split")
    assert (first["ok"], first["evidence"], first["confidence"], first["error"]) == (True, [], 97.25, None)


def test_a_second_run_writes_nothing_again_and_keeps_what_was_paid(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    rows = [answered(f"{number}.png") for number in range(5)]
    run(path, *rows[:3], complete=False)
    before = path.read_bytes()
    run(path, *map(again, rows[:3]), *rows[3:])
    assert path.read_bytes().startswith(before), "continued, not written anew"
    assert keys(path) == [row.key for row in rows]
    assert {one["billing"] for one in lines(path)} == {"billed"}


def test_an_input_that_stands_twice_stands_twice(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    row = answered("a.png")
    second = dataclasses.replace(again(row), cached=False, duplicate_of="a.png")
    for _ in range(3):
        run(path, row, second, answered("b.png"))
        assert Counter(keys(path)) == {"a.png": 2, "b.png": 1}
    # One of them is gone from the input.
    run(path, row, answered("b.png"))
    assert Counter(keys(path)) == {"a.png": 1, "b.png": 1}


def test_many_rows_of_one_key(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    same = [answered("a.png")] * 3000
    run(path, *same)
    run(path, *same[:2000], complete=False)
    assert len(keys(path)) == 3000
    run(path, *[answered("a.png", request_id="new")] * 5, *same[:1000])
    assert Counter(one["request_id"] for one in lines(path)) == {"R-a.png": 1000, "new": 5}


def test_what_a_later_run_says_otherwise_takes_the_place(tmp_path: Path) -> None:
    """A failure that was asked again, and a file that has changed; others stay where they are."""
    path = tmp_path / "out.jsonl"
    run(path, failed("a.png"), answered("b.png"), failed("c.png"), answered("other.png"))
    run(path, answered("a.png"), answered("b.png", blake3="cd" * 32, request_id="R-2"), failed("c.png"))
    found = {one["key"]: (one["ok"], one["request_id"]) for one in lines(path)}
    assert len(lines(path)) == len(found)
    assert found == {
        "a.png": (True, "R-a.png"),
        "b.png": (True, "R-2"),
        "c.png": (False, "R-c.png"),
        "other.png": (True, "R-other.png"),
    }


def test_what_a_stopped_run_did_not_come_to_stays(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    run(path, answered("a.png"), answered("a.png"), failed("b.png"))
    run(path, again(answered("a.png")), complete=False)
    assert Counter(keys(path)) == {"a.png": 2, "b.png": 1}


def test_what_a_stopped_run_said_otherwise_takes_the_place_too(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    run(path, failed("a.png"), *[failed("b.png")] * 20, answered("c.png"))
    run(path, answered("a.png"), *[answered("b.png")] * 12, complete=False)
    assert Counter((one["key"], one["ok"]) for one in lines(path)) == {
        ("a.png", True): 1, ("b.png", True): 12, ("b.png", False): 8, ("c.png", True): 1,
    }  # fmt: skip


def test_a_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    """At every byte, and with a tail of zeros, as a power failure leaves them."""
    path = tmp_path / "out.jsonl"
    rows = [answered("a.png"), answered("b.png")]
    run(path, *rows)
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        run(path, *rows)
        assert path.read_bytes() == whole, end
    for tail in (b"\0" * 100, b'{"key": "c.p\0\0'):
        path.write_bytes(whole + tail)
        run(path, *rows)
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "theirs", [b"hello", b"hello\n", b'{"key": 1}\n', b'{"key": "mine"}', b"[1]\n", b"\xff\xfe\n", b"key,source\n"]
)
def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path, theirs: bytes) -> None:
    """N05."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(theirs)
    with pytest.raises(ConfigError, match="force"):
        Writer(path, resume=True)
    assert path.read_bytes() == theirs
    Writer(path, resume=True, force=True).close()
    assert path.read_bytes() == b""


def test_a_line_in_the_middle_that_is_not_ours_is_named(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    run(path, answered("a.png"))
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(ConfigError, match="line 2 "):
        Writer(path, resume=True)


def test_two_writers_do_not_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    first = Writer(path, resume=True)
    with pytest.raises(ConfigError, match="another process"):
        Writer(path, resume=True)
    first.close()
    first.close()
    Writer(path, resume=True).close()


def test_values_that_json_has_no_word_for(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    row = answered("a\udcff.png", extra={"x": float("nan"), "deep": [{"y": float("inf")}], "z": Path("p"), "k": {1: 2}})
    for _ in range(2):
        run(path, row)
        (line,) = path.read_text("ascii").splitlines()
        found = json.loads(line, parse_constant=pytest.fail)
        assert (found["key"], found["x"], found["deep"], found["z"]) == ("a\udcff.png", None, [{"y": None}], "p")


KILLED = """
import sys
from pathlib import Path
from aigclens.report import Writer
from scan_rows import again, answered, failed
path, cached = Path(sys.argv[1]), int(sys.argv[2])
writer = Writer(path, resume=True)
print("open", flush=True)
for number in range(400):
    row = answered(f"{number % 350}.png")
    # Each seventh fails until it has been asked three times.
    if number % 7 == 0 and cached < 3:
        row = failed(row.key, request_id=f"R-{cached}")
    writer.write(again(row) if cached else row)
    sys.stdin.read(1)
writer.close()
print("closed", flush=True)
"""


def test_any_number_of_kills_and_one_whole_run(tmp_path: Path) -> None:
    """Each occurrence of a (key, source) stands there once, and what was paid for at first says so."""
    path = tmp_path / "out.jsonl"
    dice = random.Random(4)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for attempt in range(12):
        command = [sys.executable, "-c", KILLED, str(path), str(attempt)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdin is not None and process.stdout is not None
            assert process.stdout.readline() == b"open\n"
            last = attempt == 11
            process.stdin.write(b"." * (400 if last else dice.randrange(400)))
            process.stdin.flush()
            if last:
                assert process.stdout.readline() == b"closed\n"
            else:
                process.send_signal(signal.SIGKILL)
            process.wait(30)
            process.stdin.close() if last else None
    found = Counter(keys(path))
    assert found == Counter(f"{number % 350}.png" for number in range(400))
    assert all(one["ok"] for one in lines(path))
    assert [one.name for one in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    """Here a limit of the file's size, which the system enforces at the same place."""
    path = tmp_path / "out.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    rows = [answered(f"{number}.png") for number in range(20)]
    writer = Writer(path, resume=True)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
        with pytest.raises(OSError, match="large"):
            for row in rows:
                writer.write(row)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert 0 < len(lines(path)) < 20
    writer.discard()
    run(path, *rows)
    assert keys(path) == [row.key for row in rows]


def test_a_million_lines_take_little_memory() -> None:
    """The index of a file's lines, in bytes a line."""
    import tracemalloc

    from aigclens.report.index import Index, of_facts, of_row

    count = 50_000

    def row(number: int) -> ScanRow:
        return dataclasses.replace(answered("x"), key=f"https://images.example/{number}.jpg")

    assert of_row(row(1)) == of_facts(row(1).to_dict()) == of_facts(json.loads(json.dumps(row(1).to_dict())))
    tracemalloc.start()
    try:
        index = Index(count)
        for number in range(count):
            index.add(number, of_row(row(number)))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / count < 64
    assert index.meets(of_row(row(77)))
    assert not index.meets(of_row(row(77)))
    assert not index.meets(of_row(row(77_777_777)))


@pytest.mark.parametrize("theirs", [b'{"url": "a"}\n{"url": "b"}', b"SQLite format 3\0\n\0\0\n\1\2\3", b"a\nb"])
def test_the_end_of_a_file_that_is_not_ours_is_not_cut(tmp_path: Path, theirs: bytes) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(theirs)
    with pytest.raises(ConfigError, match="line 1 is no row of a scan; --force"):
        Writer(path, resume=True)
    assert path.read_bytes() == theirs


def test_a_file_of_an_earlier_version_is_refused_by_name(tmp_path: Path) -> None:
    """Its rows have no column `disagrees`; nothing of it is touched."""
    path = tmp_path / "out.jsonl"
    facts = answered("a.png").to_dict()
    del facts["disagrees"]
    path.write_text(json.dumps(facts) + "\n")
    before = path.read_bytes()
    with pytest.raises(
        ConfigError, match="line 1 is a row of an earlier version, which had no column 'disagrees'; --force"
    ):
        Writer(path, resume=True)
    assert path.read_bytes() == before
    with Writer(path, resume=True, force=True) as writer:
        writer.write(answered("a.png", is_aigc=False, evidence=("c2pa:generated:x",)))
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["disagrees"] is True

"""A store as others read it: this package's own reader, and any SQLite in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import aigclens
import images
from aigclens.scanning.rows import COLUMNS
from aigclens.store import Store
from aigclens.testing import Emulator

ELSEWHERE = """
import json, sqlite3, sys
connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
found = connection.execute("SELECT * FROM rows")
names = [column[0] for column in found.description]
json.dump([dict(zip(names, row)) for row in found], sys.stdout)
"""


@pytest.fixture
def store(tmp_path: Path, emulator: Emulator) -> Path:
    """Three images of two contents, scanned."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name, number in (("a", 0), ("b", 1), ("c", 0)):
        (folder / f"{name}.png").write_bytes(images.png(64, 64, text={"number": str(number)}))
    path = tmp_path / "run.sqlite"
    with (
        emulator.client(qps=None, check_image="off") as client,
        aigclens.scan(folder, store=path, client=client) as scan,
    ):
        assert len(list(scan)) == 3
    return path


def test_another_program_finds_the_rows_that_we_tell(store: Path) -> None:
    """The view `rows` has the documented columns and what `Store.rows()` gives, but for what is reckoned."""
    done = subprocess.run([sys.executable, "-c", ELSEWHERE, str(store)], capture_output=True, check=True, text=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    for row in found:
        assert tuple(row) == tuple(name for name in COLUMNS if name != "disagrees")
        for name in ("ok", "is_aigc", "cached"):
            row[name] = None if row[name] is None else bool(row[name])
        row["evidence"] = json.loads(row["evidence"])
    with Store(store) as reader:
        rows = list(reader.rows())
    told = [row.to_dict() for row in rows]
    assert [facts.pop("disagrees") for facts in told] == [False] * 3
    assert found == told
    assert sorted(row.billing for row in rows) == ["billed", "billed", "not_billed"]
    assert all(row.raw and row.raw["Code"] == 200 and row.labels for row in rows)


def test_a_closed_reader_and_a_missing_file_are_told(store: Path) -> None:
    reader = Store(store)
    assert reader.info().items == 3 and reader.info().emulator_spend.billed == 1200 and reader.unresolved() == []
    reader.close()
    reader.close()
    with pytest.raises(aigclens.StoreError, match="closed"):
        reader.info()
    with pytest.raises(aigclens.StoreError, match="no such file"):
        Store(store.with_name("missing.sqlite"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_of_a_fork_opens_its_own(store: Path) -> None:
    """The parent's reader says so in the child, and hangs nobody; a new one works there."""
    with Store(store) as reader:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                try:
                    reader.info()
                except aigclens.StoreError as error:
                    with Store(store) as own:
                        code = 0 if "forked" in str(error) and own.info().items == 3 else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert reader.info().items == 3

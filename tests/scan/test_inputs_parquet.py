"""Parquet files: columns of texts, of bytes and of Hugging Face's structure, and files that are damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aigclens.errors import ConfigError, InputError, InvalidParameter, InvalidUrl
from aigclens.scanning import inputs
from aigclens.scanning.inputs import Item


def table(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def read(source: Any, **options: Any) -> list[Item]:
    with inputs.items(source, **options) as stream:
        return list(stream)


URLS = ["https://a/1", None, "  ", "https://a/4"]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()], ids=str
)
def test_a_column_of_urls(tmp_path: Path, kind: Any) -> None:
    path = table(tmp_path / "t.parquet", {"URL": pa.array(URLS).cast(kind), "id": [1, 2, None, 4], "w": [0.5] * 4})
    found = read(path, key_column="id", carry="*")
    assert found[0] == Item("1", "https://a/1", "https://a/1", {"w": 0.5})
    assert found[3].key == "4"
    assert isinstance(found[1].source, InvalidParameter)
    assert str(found[1].source) == "row 2: the column 'URL' is empty"
    assert found[2].key == found[2].shown == f"{path}:3"
    assert [item.extra for item in read(path)] == [None] * 4
    assert inputs.total(path) == 4


def test_paths_begin_at_the_file_or_at_the_root(tmp_path: Path) -> None:
    path = table(tmp_path / "t.parquet", {"file_name": ["a.png", "/b.png"]})
    assert [item.source for item in read(path)] == [f"{tmp_path}/a.png", "/b.png"]
    assert [item.source for item in read(path, root="r")] == ["r/a.png", "/b.png"]
    assert isinstance(read(path, url_column="file_name")[0].source, InvalidUrl)


def test_images_inside_of_the_table(tmp_path: Path) -> None:
    images = [{"bytes": b"one", "path": "1.png"}, {"bytes": None, "path": "2.png"}, {"bytes": b"three", "path": None}]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = [*images, None, {"bytes": None, "path": None}]
    path = table(tmp_path / "hf.parquet", {"image": pa.array(rows, kind), "label": range(5)})
    found = read(path, carry="label")
    assert found[0] == Item("1.png", b"one", f"{path}:1", {"label": 0})
    assert found[1].source == found[1].shown == f"{tmp_path}/2.png"
    assert (found[2].key, found[2].source) == (f"{path}:3", b"three")
    assert all(isinstance(item.source, InputError) for item in found[3:])
    assert len(found) == 5
    for kind in (pa.binary(), pa.large_binary(), pa.binary(3)):
        columns = {"jpg": pa.array([b"abc", None], kind), "url_of": ["x", "y"], "thumbnail": [b"t", b"u"]}
        path = table(tmp_path / "b.parquet", columns)
        assert read(path, binary_column="jpg")[0].source == b"abc"
        assert read(path)[0].source == b"abc"
        assert read(path, carry="*")[0].extra == {"url_of": "x"}


def test_columns_that_cannot_be_meant(tmp_path: Path) -> None:
    path = table(tmp_path / "t.parquet", {"url": ["a"], "jpg": [b"x"], "n": [1], "list": [["a"]]})
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "any of 'url', 'jpg' may be meant"),
        ({"url_column": "jpg"}, "no text; name it as binary_column"),
        ({"binary_column": "url"}, "is text; name it as url_column"),
        ({"url_column": "n"}, "is int64; images are in columns"),
        ({"url_column": "list"}, "is list<"),
        ({"url_column": "x"}, "no column 'x'; the columns of .* are 'url', 'jpg', 'n', 'list'"),
        ({"url_column": "url", "carry": "jpg"}, "holds bytes, which are not carried"),
    ]
    for options, message in cases:
        with pytest.raises(ConfigError, match=message):
            inputs.items(path, **options)
    (tmp_path / "no.parquet").write_bytes(b"PAR1 nothing of the kind PAR1")
    with pytest.raises(ConfigError, match="is no Parquet file"):
        inputs.items(tmp_path / "no.parquet")
    assert inputs.total(tmp_path / "no.parquet") is None


def test_a_damaged_row_group_costs_no_other(tmp_path: Path) -> None:
    urls = [f"https://a.example/{n * n * 7919}" for n in range(3_000)]
    path = table(tmp_path / "t.parquet", {"url": urls}, row_group_size=1_000, use_dictionary=False)
    column = pq.read_metadata(path).row_group(1).column(0)
    bytes_ = bytearray(path.read_bytes())
    for at in range(column.data_page_offset, column.data_page_offset + 200):
        bytes_[at] = 0xFF
    path.write_bytes(bytes_)
    found = read(path)
    good = [item.source for item in found if not isinstance(item.source, InputError)]
    (bad,) = (str(item.source) for item in found if isinstance(item.source, InputError))
    assert good == urls[:1_000] + urls[2_000:]
    assert bad.startswith(f"rows 1001 to 2000 of '{path}' cannot be read")


def test_folders_and_patterns_of_tables(tmp_path: Path) -> None:
    for number in range(3):
        table(tmp_path / f"train-{number}.parquet", {"url": [f"https://a/{number}"], "id": [number]})
    expected = [f"https://a/{number}" for number in range(3)]
    for source, options in [
        (tmp_path, {"url_column": "url"}),
        (tmp_path, {"glob": "*.parquet"}),
        (f"{tmp_path}/train-*.parquet", {}),
        (f"{tmp_path}/train-{{0..2}}.parquet", {}),
        ([str(path) for path in sorted(tmp_path.iterdir())], {}),
    ]:
        assert [item.source for item in read(source, **options)] == expected
    assert inputs.total([str(tmp_path / "train-0.parquet")]) is None


def test_without_pyarrow_the_way_to_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path / "t.parquet", {"url": URLS})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ConfigError, match=r"pip install 'aigclens\[arrow\]'"):
        inputs.items(path)
    assert inputs.total(path) is None


# In a process of its own, whose memory nobody has used before.
_MEASURE = """
import os, sys
from pathlib import Path
from aigclens.scanning import inputs

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

import pyarrow.parquet
before = most = resident()
count = 0
for item in inputs.items(sys.argv[1]):
    count += isinstance(item.source, bytes)
    most = max(most, resident())
    del item
print(count, most - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_images_are_not_all_in_memory(tmp_path: Path) -> None:
    """I22: a row group of 200 images is read some at a time."""
    path = tmp_path / "b.parquet"
    image = bytes(range(256)) * 2_000
    images = {"image": [image[n:] + image[:n] for n in range(200)]}
    table(path, images, compression="none", use_dictionary=False, row_group_size=200, write_batch_size=4)
    del images
    assert pq.read_metadata(path).num_row_groups == 1
    said = subprocess.run([sys.executable, "-c", _MEASURE, path], capture_output=True, text=True, check=True)
    count, grown = map(int, said.stdout.split())
    assert count == 200
    assert grown < 80 * 1024 * 1024, "all of them are 98 MiB, and pyarrow itself takes some"

"""Lists in text, CSV and JSONL: what each line comes to, and that no line costs another."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aigclens.errors import ConfigError, ImageFileError, InputError, InvalidParameter, InvalidUrl
from aigclens.scanning import inputs
from aigclens.scanning.inputs import Item


@pytest.fixture
def made(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def make(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


def read(source: Any, **options: Any) -> list[Item]:
    with inputs.items(source, **options) as stream:
        return list(stream)


def sources(source: Any, **options: Any) -> list[object]:
    return [item.source for item in read(source, **options)]


def why(item: Item, kind: type[InputError] = InputError) -> str:
    assert isinstance(item.source, kind), item
    assert item.source.billing == "not_billed"
    return str(item.source)


def test_a_line_is_a_path_or_a_url(made: Callable[..., Path], tmp_path: Path) -> None:
    path = made(
        "l.txt", "\ufeffhttps://a/1.png \r\n\n  \n# a remark\nsub/b.png\n/abs/c.png\noss://bucket/key\n./#d.png"
    )
    with inputs.items(path) as stream:
        found = list(stream)
        assert stream.skipped == 1
    assert [item.key for item in found] == [
        "https://a/1.png",
        "sub/b.png",
        "/abs/c.png",
        "oss://bucket/key",
        "./#d.png",
    ]
    assert found[1].source == found[1].shown == f"{tmp_path}/sub/b.png"
    assert found[0].source == "https://a/1.png"
    assert found[2].source == "/abs/c.png"
    assert sources(path, root="/data")[1] == "/data/sub/b.png"
    with pytest.raises(ConfigError, match="no columns"):
        inputs.items(path, url_column="url")


def test_lines_that_are_no_text_or_too_long(made: Callable[..., Path], tmp_path: Path) -> None:
    """I19: a path of bytes that are no UTF-8 is the same path afterwards."""
    found = read(made("l.txt", b"caf\xe9.png\n" + b"x" * 200_000 + b"\nhttps://a/\xe9\nnul\0.png\nlast.png"))
    assert os.fsencode(str(found[0].source)) == os.fsencode(tmp_path) + b"/caf\xe9.png"
    assert found[0].key == "caf\\xe9.png"
    assert why(found[1], InvalidParameter) == "line 2: it is longer than 64 KiB"
    assert "no UTF-8" in why(found[2], InvalidUrl)
    assert why(found[3], ImageFileError) == "line 4: the path holds a NUL byte"
    assert found[4].source == f"{tmp_path}/last.png"
    with pytest.raises(ConfigError, match="save it as UTF-8"):
        inputs.items(made("wide.txt", "a.png\n".encode("utf-16")))


def test_a_list_may_name_archives_of_this_machine(made: Callable[..., Path]) -> None:
    found = read(made("shards.txt", "none.tar\nhttps://a/b.tar\n"))
    assert "there is no file" in why(found[0], ImageFileError)
    assert "download it" in why(found[1], InvalidUrl)


def test_lines_of_standard_input_and_of_an_open_file(
    monkeypatch: pytest.MonkeyPatch, made: Callable[..., Path]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a.png\nhttps://a/1\n")))
    assert sources("-") == ["./a.png", "https://a/1"]
    with open(made("l.txt", "a.png\n\nb.png\n")) as text:
        assert sources(text) == ["a.png", "b.png"]


CSV = '\ufeffid,URL,caption\r\n1,https://a/1.png,"two\nlines, and ""quotes"""\r\n2,https://a/2.png,x\r\n'


def test_a_csv_is_read_as_spreadsheets_write_it(made: Callable[..., Path]) -> None:
    found = read(made("l.csv", CSV), key_column="id", carry="*")
    assert found == [
        Item("1", "https://a/1.png", "https://a/1.png", {"caption": 'two\nlines, and "quotes"'}),
        Item("2", "https://a/2.png", "https://a/2.png", {"caption": "x"}),
    ]
    assert [item.extra for item in read(made("l.csv", CSV))] == [None, None]
    assert [item.key for item in read(made("l.csv", CSV))] == ["https://a/1.png", "https://a/2.png"]
    assert read(made("l.csv", CSV), carry=["URL", "id"])[1].extra == {"URL": "https://a/2.png", "id": "2"}
    assert read(made("l.csv", CSV), carry="id")[0].extra == {"id": "1"}
    for name, text in [
        ("l.tsv", 'id\tURL\tcaption\n1\thttps://a/1.png\t"a,\tb"\n'),
        ("semicolon.csv", "id;url\n1;https://a/1.png\n"),
        ("one.csv", "file_name\na b.png\n"),
    ]:
        assert read(made(name, text))[0].source in ("https://a/1.png", f"{made(name, text).parent}/a b.png")


def test_a_row_without_an_image_keeps_its_other_columns(made: Callable[..., Path]) -> None:
    path = made("l.csv", "id,url,split\na,,train\nb,https://a/1,test\n")
    found = read(path, key_column="id", carry=["split"])
    assert [(item.key, item.extra) for item in found] == [("a", {"split": "train"}), ("b", {"split": "test"})]
    assert why(found[0], InvalidParameter) == "line 2: the column 'url' is empty"


def test_broken_rows_are_items_of_error_with_their_lines(made: Callable[..., Path]) -> None:
    huge = "y" * 200_000
    text = f'url,n\nhttps://a/1,1\nhttps://a/2\n,3\n\nhttps://a/4,"{huge}"\nhttps://a/5,5,6\nnul\0.png,1\n  ,x\nhttps://a/9,9'
    path = made("l.csv", text)
    found = read(path)
    assert [item.source for item in (found[0], found[-1])] == ["https://a/1", "https://a/9"]
    assert why(found[1]) == "line 3: it has 1 cells, and the first line names 2 columns"
    assert why(found[2], InvalidParameter) == "line 4: the column 'url' is empty"
    assert why(found[3]).startswith("line 6: up to line 6: field larger than")
    assert why(found[4]) == "line 7: it has 3 cells, and the first line names 2 columns"
    assert found[1].key == f"{path}:3"
    assert len(found) == 8


def test_the_column_is_found_or_asked_for(made: Callable[..., Path]) -> None:
    for text, message in [
        ("a,b\n1,2\n", r"columns of .* are 'a', 'b'; none has a usual name"),
        ("url,image\n1,2\n", r"any of 'url', 'image' may be meant"),
        ("url,URL\n1,2\n", "may be meant"),
        ("", "are none"),
        ("https://a/1\nhttps://a/2\n", "none has a usual name"),
    ]:
        with pytest.raises(ConfigError, match=message):
            inputs.items(made("l.csv", text))
    path = made("l.csv", "url,a,a\n1,2,3\n")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"url_column": "x"}, "no column 'x'"),
        ({"path_column": "a"}, "more than one column 'a'"),
        ({"key_column": "k"}, "no column 'k'"),
        ({"carry": ["c"]}, "no column 'c'"),
        ({"url_column": "url", "path_column": "a"}, "both given"),
        ({"binary_column": "url"}, "is for Parquet"),
        ({"glob": "*.png"}, "glob is for a folder"),
        ({"carry": [""]}, "none of them empty"),
    ]
    for options, message in cases:
        with pytest.raises(ConfigError, match=message):
            inputs.items(path, **options)


def test_a_column_of_urls_opens_no_file_and_one_of_paths_asks_no_server(made: Callable[..., Path]) -> None:
    path = made("l.csv", "x,y\n/etc/passwd,https://a/1\nhttps://a/2,sub/b.png\nfile:///etc/passwd,\n")
    found = read(path, url_column="x")
    assert "is no URL" in why(found[0], InvalidUrl)
    assert found[1].source == "https://a/2"
    assert found[2].source == "file:///etc/passwd", "which is refused as a scheme"
    found = read(path, path_column="y")
    assert "is a URL" in why(found[0], InvalidUrl)
    assert found[1].source == f"{path.parent}/sub/b.png"
    assert "empty" in why(found[2])


def test_json_lines(made: Callable[..., Path], tmp_path: Path) -> None:
    rows: list[Any] = [
        {"image": "a.png", "id": 7, "more": {"x": [1, "\ud800"]}},
        {"image": "https://a/1", "id": 8},
        {"image": None},
        {"image": 5},
        {"id": 9},
        [1],
    ]
    text = "\n".join(json.dumps(row) for row in rows) + '\n{"image": "b\n\n' + "[" * 100_000 + '\n{"image": "z.png"}'
    found = read(made("l.jsonl", text), key_column="id", carry="*")
    assert found[0] == Item("7", f"{tmp_path}/a.png", f"{tmp_path}/a.png", {"more": {"x": [1, "\\xed\\xa0\\x80"]}})
    assert found[1].extra == {}
    assert why(found[2]) == "line 3: the column 'image' is empty"
    assert why(found[3]) == "line 4: the column 'image' holds int and no text"
    assert found[4].key == "9"
    assert why(found[4]) == "line 5: the column 'image' is empty"
    assert why(found[5]) == "line 6: it is no JSON object"
    assert why(found[6]).startswith("line 7: it is no JSON (")
    assert why(found[7]).startswith("line 9: it is no JSON (")
    assert found[8].source == f"{tmp_path}/z.png"
    with pytest.raises(ConfigError, match=r"no column 'url'; the columns of .* are 'a'"):
        inputs.items(made("l.ndjson", '{"a": 1}\n'), url_column="url")


def test_packed_lists_and_lists_that_are_cut(made: Callable[..., Path]) -> None:
    text = "url\n" + "".join(f"https://a/{number * number * 7919}\n" for number in range(5_000))
    packed = gzip.compress(text.encode())
    assert len(read(made("l.csv.gz", packed))) == 5_000
    assert len(read(made("l.txt.gz", packed))) == 5_001
    found = read(made("l.csv.gz", packed[: len(packed) // 2]))
    assert 0 < len(found) < 5_000
    assert "cannot be read any further" in why(found[-1])
    with pytest.raises(ConfigError, match="cannot read"):
        inputs.items(made("l.csv.gz", b"no gzip at all"))


def test_lists_in_a_folder_and_one_of_them_wrong(made: Callable[..., Path], tmp_path: Path) -> None:
    made("a.csv", "url\nhttps://a/1\n")
    made("b.csv", "link_to_it\nhttps://a/2\n")
    made("c.csv", "url\nhttps://a/3\n")
    made("d.png", "x")
    found = read(tmp_path, url_column="url")
    assert [item.key for item in found] == ["https://a/1", "b.csv", "https://a/3"]
    assert "no column 'url'" in why(found[1])
    assert [item.key for item in read(f"{tmp_path}/*.csv")] == ["https://a/1", "b.csv", "https://a/3"]
    found = read([tmp_path / "b.csv", tmp_path / "c.csv"])
    assert found[1].source == "https://a/3"
    assert "none has a usual name" in why(found[0])
    assert not isinstance(found[0].source, ConfigError), "which would pass for trouble with the account"
    assert [item.key for item in read(f"{tmp_path}/{{a,x,c}}.csv")] == [
        "https://a/1",
        f"{tmp_path}/x.csv",
        "https://a/3",
    ]


def test_a_list_is_read_as_far_as_it_is_asked_for_and_closed(made: Callable[..., Path]) -> None:
    path = made("l.csv", "url\n" + "https://a/1\n" * 1_000_000)
    stream = inputs.items(path)
    assert next(stream).source == "https://a/1"
    (opened,) = (name for name in os.listdir("/proc/self/fd") if _is(name, path))
    position = Path(f"/proc/self/fdinfo/{opened}").read_text().split()[1]
    assert int(position) <= 256 * 1024
    stream.close()
    assert not any(_is(name, path) for name in os.listdir("/proc/self/fd"))


def _is(name: str, path: Path) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{name}") == str(path)
    except FileNotFoundError:
        return False

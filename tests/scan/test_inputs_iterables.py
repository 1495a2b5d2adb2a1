"""Whatever can be iterated over: images, places of images, pairs, rows; and what its owner's code does meanwhile."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy
import PIL.Image
import pytest

from aigclens import OssObject
from aigclens.errors import ConfigError, ImageFileError, UnsupportedSource
from aigclens.scanning import inputs
from aigclens.scanning.inputs import Item


def read(source: Any, **options: Any) -> list[Item]:
    with inputs.items(source, **options) as stream:
        return list(stream)


def test_each_element_is_an_image() -> None:
    picture = PIL.Image.new("RGB", (300, 300))
    array = numpy.zeros((3, 3), "uint8")
    elements: list[Any] = [
        "a.png", "https://a/1", Path("b.png"), b"png", OssObject("bucket", "k.png", "r"), picture, array,
        io.BytesIO(b"x"),
    ]  # fmt: skip
    found = read(elements)
    assert [item.source for item in found] == elements
    assert [item.key for item in found] == [
        "a.png", "https://a/1", "b.png", "#3", "oss://bucket/k.png", "#5", "#6", "#7",
    ]  # fmt: skip
    assert [item.shown for item in found][3:] == ["<bytes>", "oss://bucket/k.png", "<Image>", "<ndarray>", "<BytesIO>"]
    assert inputs.total(elements) == 8
    assert inputs.total(iter(elements)) is None
    for one in (picture, array, b"png", io.BytesIO(b"x"), elements[4]):
        assert [item.source for item in read(one)] == [one]
        assert inputs.total(one) == 1


def test_a_tuple_has_the_key_and_a_list_has_not() -> None:
    found = read([("k", "a.png"), (7, b"x"), ("k", "b.png", {"n": 1}), ("k", "a.tar")])
    assert [(item.key, item.source, item.extra) for item in found] == [
        ("k", "a.png", None), ("7", b"x", None), ("k", "b.png", {"n": 1}), ("k", "a.tar", None),
    ]  # fmt: skip
    assert [item[:2] for item in read({"one": "a.png", "two": b"x"})] == [("one", "a.png"), ("two", b"x")]
    assert [item.source for item in read(("a.png", "b.png"))] == ["a.png", "b.png"], "the source itself is no pair"
    assert [item.key for item in read(enumerate([b"x", b"y"]))] == ["0", "1"]
    wrong: tuple[Any, ...]
    for wrong in (("a.png",), ("a", "b", "c"), (b"k", "a.png"), ("a", "b", {}, 1), (True, "a.png")):
        (item,) = read([wrong])
        assert isinstance(item.source, UnsupportedSource)
        assert item.key in ("#0", "a"), "the key where there is one"


def test_rows_as_datasets_give_them() -> None:
    picture = PIL.Image.new("RGB", (300, 300))
    rows = [{"image": picture, "label": 3, "id": "x"}, {"image": None, "label": 4, "id": "y"}]
    found = read(rows, carry="label", key_column="id")
    assert found[0] == Item("x", picture, "<Image>", {"label": 3})
    assert (found[1].key, found[1].extra) == ("y", {"label": 4})
    assert "the column 'image' is empty" in str(found[1].source)
    with pytest.raises(ConfigError, match="none has a usual name"):
        read([{"a": 1}])

    class Frame:
        def iterrows(self) -> None: ...

        def __iter__(self) -> Iterator[str]:
            return iter(["columns"])

    with pytest.raises(ConfigError, match="pass the column"):
        inputs.items(Frame())
    with pytest.raises(UnsupportedSource, match="cannot scan int"):
        inputs.items(5)
    with pytest.raises(ConfigError, match="glob is for a folder"):
        inputs.items(["a.png"], glob="*")


def test_nothing_is_taken_before_it_is_asked_for_and_errors_pass_through() -> None:
    """L22, in part: what a user's iterator raises comes out once, after everything before it."""
    taken: list[int] = []

    def elements() -> Iterator[bytes]:
        for number in range(3):
            taken.append(number)
            yield b"x"
        raise RuntimeError("the user's own")

    stream = inputs.items(elements())
    assert taken == []
    assert [next(stream).key, next(stream).key] == ["#0", "#1"]
    assert taken == [0, 1]
    next(stream)
    with pytest.raises(RuntimeError, match="the user's own"):
        next(stream)
    assert list(stream) == []


def test_closing_a_stream_closes_the_generator_in_it() -> None:
    closed = []

    def elements() -> Iterator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            closed.append(True)

    stream = inputs.items(elements())
    next(stream)
    stream.close()
    assert closed == [True]


async def test_an_asynchronous_iterable_and_everything_else(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")

    async def elements() -> AsyncIterator[Any]:
        yield "a.png"
        yield ("k", b"x")
        yield f"{tmp_path}/"

    found = [item async for item in inputs.aitems(elements())]
    assert [item.key for item in found] == ["a.png", "k", "a.png"]
    assert [item.key async for item in inputs.aitems(tmp_path)] == ["a.png"]
    with pytest.raises(UnsupportedSource, match="ascan"):
        inputs.items(elements())


def test_errors_in_the_place_of_images() -> None:
    error = ImageFileError("broken upstream")
    assert [item.source for item in read([error, "a.png"])] == [error, "a.png"]
    assert all(isinstance(item.source, Exception) for item in read(["", "  ", "nul\0.png"]))

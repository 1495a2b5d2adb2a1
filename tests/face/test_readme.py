"""What the README shows works as it is printed."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import aigclens
from aigclens.cli import main
from aigclens.testing import Emulator

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
async def test_every_python_block_runs(
    number: int, aigclens_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declared_png: bytes
) -> None:
    aigclens_emulator.answer(url="https://example.com/cat.png", label="nonLabel")
    (tmp_path / "photo.jpg").write_bytes(declared_png)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.png").write_bytes(declared_png)
    monkeypatch.chdir(tmp_path)
    # A client with a region of its own would leave the emulator; here it must not.
    code = compile(BLOCKS[number], "README.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names: dict[str, Any] = {"aigclens": aigclens, "image_bytes": declared_png}
    outcome = eval(code, names)
    if inspect.isawaitable(outcome):
        await outcome
    if "result" in names:
        assert names["result"].is_aigc
    if "row" in names:
        assert names["row"].is_aigc and names["row"].key == "one.png"


def test_there_are_blocks() -> None:
    assert len(BLOCKS) == 6


def test_the_commands_it_names_exist() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    for target in re.findall(r"`make (\w+)`", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for command in re.findall(r"^aigclens (\w+)", README, re.MULTILINE):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0


def test_its_links_lead_somewhere() -> None:
    root = Path(__file__).parents[2]
    pages = list(root.glob("*.md")) + list((root / "docs").rglob("*.md"))
    assert len(pages) > 6
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"

"""The examples run as they are, against the emulator."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import aigclens
import images
from aigclens.testing import Emulator

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # FastAPI reads annotations from there.
    spec.loader.exec_module(module)
    return module


def test_sort_folder(
    aigclens_emulator: Emulator, tmp_path: Path, png: bytes, declared_png: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, keep, drop = tmp_path / "in", tmp_path / "keep", tmp_path / "drop"
    folder.mkdir()
    for number in range(20):
        (folder / f"plain-{number}.png").write_bytes(images.png(256, 256, seed=number))
    (folder / "declared.png").write_bytes(declared_png)
    arguments = [str(folder), "--keep", str(keep), "--drop", str(drop)]
    script = load("sort_folder")
    assert script.main(arguments) == 0
    assert (len(list(keep.iterdir())), [path.name for path in drop.iterdir()]) == (20, ["declared.png"])
    assert (drop / "declared.png").read_bytes() == declared_png
    assert script.main([*arguments, "--threshold", "90.5"]) == 0
    assert (keep / "declared.png").exists()
    (folder / "notes.txt").write_text("no image")
    capsys.readouterr()
    assert script.main(arguments) == 1
    told = capsys.readouterr()
    assert "failed 1" in told.out and "notes.txt" in told.err
    aigclens_emulator.settings(account_ready=False)
    assert script.main(arguments) == 2
    assert "activate" in capsys.readouterr().err
    assert len(list(folder.iterdir())) == 22, "nothing was moved"


@pytest.fixture
def web(aigclens_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    # What the endpoint answers is tested here, not how long a client tries before.
    monkeypatch.setattr(aigclens, "AsyncClient", functools.partial(aigclens.AsyncClient, max_retries=0))
    with TestClient(load("fastapi_upload").app) as client:
        yield client


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
def test_fastapi_upload(web: Any, aigclens_emulator: Emulator, declared_png: bytes) -> None:
    def post(content: bytes) -> tuple[int, dict[str, Any]]:
        answer = web.post("/detect", files={"image": ("x.png", content, "image/png")})
        return answer.status_code, answer.json()

    status, answer = post(declared_png)
    assert (status, answer["is_aigc"], answer["confidence"]) == (200, True, 90.0)
    for content, expected in [
        (b"", 422),
        (b"hello", 415),
        (images.png(20_000, 1), 413),
        (b"\x89PNG\r\n\x1a\n" + bytes(20 * 1024 * 1024), 413),
    ]:
        status, answer = post(content)
        assert (status, bool(answer["detail"])) == (expected, True), answer
    for settings, expected in [({"qps": 1}, 503), ({"qps": 0, "account_ready": False}, 500)]:
        aigclens_emulator.settings(**settings)
        answers = [post(declared_png) for _ in range(3)]
        assert answers[-1][0] == expected
        assert "Aliyun" not in answers[-1][1]["detail"], "our account is not our users' business"
    aigclens_emulator.settings(account_ready=True)
    codes: list[tuple[int | str, int]] = [(500, 502), ("ServiceUnavailable", 502), (407, 415), ("Forbidden.RAM", 500)]
    for code, expected in codes:
        aigclens_emulator.answer(code=code, times=1)
        assert post(declared_png)[0] == expected, code


def test_the_notebook_runs_headless(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(EXAMPLES / "notebook.ipynb", as_version=4)
    done = nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = {cell.id: "".join(map(str, cell.get("outputs", []))) for cell in done.cells}
    assert "('aigc', 90.0, 'emulator')" in outputs["sync"] and "nonLabel" in outputs["sync"]
    assert "0.012 USD" in outputs["async"] and "img-7" in outputs["async"]

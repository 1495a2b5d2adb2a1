"""The examples run as they are, against the emulator."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import subprocess
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


def test_evaluate_detector(emulator: Emulator, tmp_path: Path) -> None:
    """A whole evaluation from the command line: every label's confidence, the accuracy, and nothing paid for twice."""
    folder, told = tmp_path / "in", tmp_path / "summary.json"
    folder.mkdir()
    answers = {
        "cat": {"risk_aigc": 99.5, "risk_fake": 3.25, "risk_edit": 50.0},
        "dog": {"risk_aigc": 12.0, "risk_fake": 88.0},
        "fox": {},
        "owl": {"risk_edit": 49.99},
    }
    for number, (name, labels) in enumerate(answers.items()):
        (folder / f"{name}.png").write_bytes(images.png(256, 256, seed=number))
        said = [{"label": label, "confidence": sure} for label, sure in labels.items()] or [{"label": "nonLabel"}]
        emulator.answer(data_id=name, labels=said)
    (folder / "bat.png").write_bytes(b"no image")
    (tmp_path / "truth.csv").write_text("id,label\ncat,risk_aigc\ndog,risk_fake\nfox,none\nowl,risk_edit\nelk,none\n")
    arguments = [sys.executable, str(EXAMPLES / "evaluate_detector.py"), str(folder), "--truth", "truth.csv"]
    variables = {**os.environ, **emulator.environment()}

    def run() -> dict[str, Any]:
        done = subprocess.run(
            [*arguments, "--store", "run.sqlite", "--out", str(told)],
            cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(told.read_text())
        return found

    first = run()
    assert {key: found for key, found in first["images"].items() if key != "fox"} == {
        key: found for key, found in answers.items() if key != "fox"
    }
    assert first["images"]["fox"] == {"nonLabel": None}
    assert first["failed"]["bat"].startswith("UnsupportedImageFormat: ")
    # `cat` is said to be edited too, from 50 on; `owl` is just not said to be.
    assert first["accuracy"] == {"risk_aigc": 1.0, "risk_fake": 1.0, "risk_edit": 0.5}
    assert first["version"] == aigclens.__version__
    assert first["run"]["billed"] == {"calls": 4, "usd": "0.0024"}
    assert {(entry.service, entry.data_id) for entry in emulator.ledger().entries} == {
        ("aigcDetector_ultra", name) for name in answers
    }
    second = run()
    assert second["run"]["billed"]["calls"] == 0 and emulator.ledger().billed == 4
    assert {**second, "run": None} == {**first, "run": None}
    (folder / "fox.png").write_bytes(images.png(256, 256, seed=99))
    assert run()["input_sha256"] != first["input_sha256"], "the hash is that of what was judged"
    assert emulator.ledger().billed == 5
    assert len((EXAMPLES / "evaluate_detector.py").read_text().splitlines()) <= 40


def test_evaluate_detector_asks_nothing_it_cannot_evaluate(emulator: Emulator, tmp_path: Path) -> None:
    """A wrong folder and a missing truth are found out before anything is paid for."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "cat.png").write_bytes(images.png(256, 256))
    for arguments in (["gone"], ["in", "--truth", "gone.csv"]):
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / "evaluate_detector.py"), *arguments],
            cwd=tmp_path, env={**os.environ, **emulator.environment()}, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode != 0
    assert not list(tmp_path.glob("*.json"))
    assert emulator.ledger().billed == 0


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

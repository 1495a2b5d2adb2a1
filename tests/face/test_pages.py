"""What the pages of `docs/` show works as it is printed, and names what there is: without a network."""

from __future__ import annotations

import ast
import asyncio
import builtins
import dataclasses
import inspect
import json
import re
import urllib.request
from pathlib import Path
from typing import Any, get_args

import pytest

import aigclens
from aigclens import events, price, scanning
from aigclens.cli import main
from aigclens.scanning import drive
from aigclens.testing import Emulator
from aigclens.testing.faults import FaultAction, FaultDetails, FaultOperation, FaultStage

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
EXAMPLES = [
    pytest.param(page, block, id=f"{page}-{number}")
    for page, text in PAGES.items()
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", text, re.DOTALL), 1)
]
PLANS = re.findall(r"```json\n(.*?)```", PAGES["emulator-faults.md"], re.DOTALL)


def table(page: str, heading: str) -> dict[str, str]:
    """The rows of the first table below a heading: the first cell, and the rest of the line."""
    lines = PAGES[page].split(f"\n{heading}\n", 1)[1].splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("|"))
    rows: dict[str, str] = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        first, _, rest = line.strip("| ").partition(" | ")
        rows[first] = rest
    return rows


def codes(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


@pytest.mark.parametrize(("page", "block"), EXAMPLES)
def test_every_example_runs(
    page: str,
    block: str,
    aigclens_emulator: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    declared_png: bytes,
    png: bytes,
) -> None:
    (tmp_path / "photo.jpg").write_bytes(declared_png)
    (tmp_path / "photos").mkdir()
    for name, picture in (("one.png", declared_png), ("two.png", png), ("copy.png", png)):
        (tmp_path / "photos" / name).write_bytes(picture)
    monkeypatch.chdir(tmp_path)
    # Whatever is not on this machine would go through a proxy that is not there.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    if page == "credentials.md":
        # It makes clients of the service, and calls nobody.
        monkeypatch.delenv("AIGCLENS_ENDPOINT")
    code = compile(block, page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    outcome = eval(code, {"__name__": page})
    if inspect.isawaitable(outcome):

        async def awaited() -> None:
            await outcome

        asyncio.run(awaited())


def test_the_pages_for_users_have_examples() -> None:
    shown = {str(example.values[0]) for example in EXAMPLES}
    assert shown >= {"credentials.md", "emulator-faults.md", "events.md", "money.md", "pace.md", "scan.md"}
    for page in shown - {"credentials.md"}:
        assert "assert " in PAGES[page], page


def test_the_page_of_events_names_every_class_and_field() -> None:
    rows = table("events.md", "## `on_event=`")
    classes = [getattr(events, name) for name in events.__all__ if name != "Observer"]
    assert {f"`{kind.__name__}`" for kind in classes} == rows.keys()
    common = {one.name for one in dataclasses.fields(events.Event)}
    for kind in classes:
        own = {one.name for one in dataclasses.fields(kind)} - (common if kind is not events.Event else set())
        assert own <= codes(rows[f"`{kind.__name__}`"]), kind


def test_the_page_of_scans_names_every_column_option_and_count() -> None:
    page = PAGES["scan.md"]
    assert tuple(table("scan.md", "## Rows")) == tuple(f"`{name}`" for name in scanning.COLUMNS)
    own = scanning.ScanOptions.__annotations__.keys() - scanning.InputOptions.__annotations__.keys()
    options = table("scan.md", "## Options")
    assert options.keys() == {f"`{name}`" for name in own}
    defaults = inspect.signature(drive.Drive.__init__).parameters
    for name, rest in options.items():
        told = ast.literal_eval(rest.partition(" | ")[0].strip("`"))
        assert told == defaults[name.strip("`")].default, name
    assert scanning.InputOptions.__annotations__.keys() <= codes(page)
    assert scanning.Summary().to_dict().keys() <= codes(page.split("**`summary.json`**")[1].split("\n\n")[0])
    retries: list[Any] = [name.split('"')[1] for name in table("scan.md", "## Going on, and what is asked again")]
    assert len(retries) == 3
    for retry in retries:
        aigclens.scan([], retry=retry).close()


def test_the_page_of_faults_names_every_stage_and_action() -> None:
    assert codes(" ".join(table("emulator-faults.md", "## Stages"))) == set(get_args(FaultStage))
    rows = table("emulator-faults.md", "## Actions")
    assert codes(" ".join(rows)) == set(get_args(FaultAction))
    details = set(FaultDetails.__annotations__)
    assert details <= codes(" ".join(rows.values()))
    keys = table("emulator-faults.md", "## A plan")
    assert {"stage", "action", "rate", "times", "nth", "operation", "data_id"} == codes(" ".join(keys))
    assert set(get_args(FaultOperation)) <= codes(keys["`operation`"])


def test_stages_of_actions_are_those_that_the_emulator_takes() -> None:
    """Each action at each stage: taken where the page says so, refused elsewhere."""
    needed: dict[str, dict[str, Any]] = {"refuse": {"code": "X"}}
    with Emulator() as emulator:
        for names, rest in table("emulator-faults.md", "## Actions").items():
            told = rest.rsplit(" | ", 1)[1]
            if told == "as `html`":
                told = table("emulator-faults.md", "## Actions")["`html`"].rsplit(" | ", 1)[1]
            allowed = set(get_args(FaultStage)) if told == "all" else codes(told) & set(get_args(FaultStage))
            for name in codes(names):
                for stage in get_args(FaultStage):
                    extra = {"status": 200} if name in ("html", "status") else needed.get(name, {})
                    plan = {"rules": [{"stage": stage, "action": name, **extra}]}
                    if stage in allowed:
                        emulator.faults(plan)
                    else:
                        with pytest.raises(aigclens.ConfigError, match="acts at"):
                            emulator.faults(plan)


def test_the_plan_is_taken_from_python_http_and_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    (plan,) = map(json.loads, PLANS)
    with Emulator() as emulator:
        assert len(emulator.faults(plan)["rules"]) == len(plan["rules"])
        emulator.clear_faults()
        asked = urllib.request.Request(f"{emulator.url}/_emulator/faults", json.dumps(plan).encode(), method="POST")
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert json.load(answer)["seed"] == plan["seed"]
        (rule,) = re.findall(r"--data '(.*)' http://127.0.0.1:8765(/\S+)", PAGES["emulator-faults.md"])
        asked = urllib.request.Request(f"{emulator.url}{rule[1]}", rule[0].encode(), method="POST")
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert len(json.load(answer)["rules"]) == len(plan["rules"]) + 1
    with pytest.raises(SystemExit):
        main(["emulator", "--help"])
    shown = capsys.readouterr().out
    for option in re.findall(r"^aigclens emulator (.*?) +#", PAGES["emulator-faults.md"], re.MULTILINE)[0].split()[::2]:
        assert option in shown


def test_the_defaults_that_the_pages_name_are_those_of_a_client() -> None:
    defaults = {name: one.default for name, one in inspect.signature(aigclens.Client.__init__).parameters.items()}
    assert f"`qps={defaults['qps']}`" in PAGES["pace.md"]
    assert f'| `"{defaults["pace"]}"` (default) |' in PAGES["pace.md"]
    assert f"`total_timeout=` ({defaults['total_timeout']:.0f} s)" in PAGES["pace.md"]
    assert f'`on_ambiguous="{defaults["on_ambiguous"]}"`, the default' in PAGES["money.md"].replace("\n", " ")
    for page in ("money.md", "errors.md", "faults.md"):
        assert f"`max_retries={defaults['max_retries']}`" in PAGES[page], page
    assert f"{price.PRICE_PER_CALL} USD" in PAGES["money.md"]
    assert price.PRICE_DATE in PAGES["money.md"]


def test_what_the_pages_call_an_exception_is_one() -> None:
    for page, text in PAGES.items():
        if page == "errors.md":
            continue  # Made from the core's tables, and full of codes that are named like exceptions.
        for name in re.findall(r"`([A-Z][a-z]\w*(?:Error|Warning|Timeout|Unavailable))`", text):
            assert hasattr(aigclens, name) or hasattr(builtins, name), (page, name)

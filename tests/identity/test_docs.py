"""The page about credentials: its examples run, and it names every variable that the core reads."""

from __future__ import annotations

import re
from pathlib import Path

import aigclens

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "credentials.md").read_text(encoding="utf-8")


def test_the_examples_run() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "docs/credentials.md", "exec"), {})
    for name in ("EnvironmentCredentials", "ProfileCredentials", "EcsRole", "AssumeRole", "OidcRole", "UriCredentials"):
        assert f"aigclens.{name}(" in blocks[0]
        assert name in aigclens.__all__


def test_every_variable_is_on_the_page() -> None:
    """M09."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src" / "identity").glob("*.rs"))
    names = set(re.findall(r'"((?:ALIBABA_CLOUD|AIGCLENS)_[A-Z0-9_]+)"', sources))
    assert len(names) > 15
    assert sorted(name for name in names if f"`{name}" not in PAGE) == []

"""Several names in one, as a shell expands them."""

from __future__ import annotations

import shutil
import subprocess
from itertools import islice

import pytest

from aigclens.scanning.inputs.braces import expand, has_braces

CASES = [
    "a{b,c}d", "{a,b}{1..3}", "x{001..003}y", "{9..11}", "{09..11}", "{3..1}", "{0..10..5}", "{a..e..2}", "{c..a}",
    "{a,{b,c}d,e}f", "{x{1..2},y}", "{-1..1}", "{a,}", "{,}", "{-01..1}", "a{1..2}{a,b{3..4}}z", "{{1..2},{a..b}}",
]  # fmt: skip
PLAIN = ["plain", "{a}", "{}", "{a..", "a}b", "{1..x}", "{a..bc}", "{{x}}", "{1...3}"]


@pytest.mark.parametrize("text", [*CASES, *PLAIN])
def test_names_are_those_of_bash(text: str) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash to compare with")
    # With a letter in front, since a shell leaves out words that are empty.
    said = subprocess.run([bash, "-c", f"printf '%s\\n' ={text}"], capture_output=True, text=True, check=True)
    assert list(expand("=" + text)) == said.stdout.split("\n")[:-1]
    assert has_braces(text) == (text in CASES)


def test_a_long_range_is_made_as_it_is_asked_for() -> None:
    assert list(islice(expand("s/{000000..999999999999}.tar"), 2)) == ["s/000000000000.tar", "s/000000000001.tar"]
    assert list(islice(expand("{000000..000999}-{0..999999999999}"), 1)) == ["000000-0"]

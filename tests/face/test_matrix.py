"""The check of the fault catalogue notices what it is there for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import matrix

ROOT = Path(__file__).parents[2]
CATALOGUE = """\
# Faults

## A. Keys

| id | fault | what the client does | tried again | charged |
|---|---|---|---|---|
| A01 | a | b | no | no |
| A02 | a | b | no | no |
| A03 | a | b | no | no |

## L. Stores

| id | fault | what the client does | tried again | charged |
|---|---|---|---|---|
| L01 | a | b | no | no |
"""
PYTHON = '''
def test_first() -> None:
    """A01 and not more."""
'''
RUST = """
#[cfg(test)]
mod tests {
    /// A02, A03: said here.
    #[test]
    fn both() {}
}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree in which everything is as it should be."""
    for name, text in {
        matrix.CATALOGUE: CATALOGUE,
        matrix.EXEMPTIONS: "# Why.\nL01 cannot be made here\n",
        "tests/room/test_first.py": PYTHON,
        "src/room.rs": RUST,
    }.items():
        write(tmp_path, name, text)
    return tmp_path


def write(tree: Path, name: str, text: str) -> None:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def problems(tree: Path) -> list[str]:
    return matrix.read(tree).problems


def python(docstring: str) -> str:
    return f'def test_it() -> None:\n    """{docstring}"""\n'


def test_a_whole_matrix_passes_and_lists_every_test(tree: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "matrix.py", "--root", tree], capture_output=True, text=True, check=True
    )
    assert "  A01  tests/room/test_first.py::test_first\n" in done.stdout
    assert "  A02  src/room.rs::both\n" in done.stdout
    assert "  L01  -- cannot be made here\n" in done.stdout
    assert done.stdout.endswith("4 faults, 3 with tests, 1 exempt, 0 problems\n")
    assert done.stderr == ""


def test_a_fault_without_a_test_fails(tree: Path) -> None:
    write(tree, "tests/room/test_first.py", python("Nothing."))
    assert problems(tree) == ["A01 has no test"]
    assert matrix.main(["--root", str(tree), "--quiet"]) == 1
    write(tree, matrix.EXEMPTIONS, "A01 cannot be made here\nL01 neither\n")
    assert matrix.main(["--root", str(tree), "--quiet"]) == 0


@pytest.mark.parametrize(
    ("exemptions", "problem"),
    [
        ("A01 not needed", "A01 has a test"),
        ("A07 no such fault", "A07 is not in"),
        ("L01", "L01 has no reason"),
        ("L01 once\nL01 twice", "L01 stands twice"),
        ("\n".join(f"A{number:02} of many" for number in range(4, 17)), "13 exemptions; at most 12"),
    ],
)
def test_an_exemption_that_is_none_fails(tree: Path, exemptions: str, problem: str) -> None:
    write(tree, matrix.EXEMPTIONS, exemptions)
    assert any(problem in found for found in problems(tree)), problems(tree)


@pytest.mark.parametrize(
    ("docstring", "problem"),
    [
        ("A04: not in the catalogue.", "names A04"),
        ("A01 to A04.", "names A04"),
        ("A01 to L01.", "no range within one group"),
        ("A03 to A01.", "no range within one group"),
    ],
)
def test_a_claim_of_what_there_is_not_fails(tree: Path, docstring: str, problem: str) -> None:
    write(tree, "tests/room/test_second.py", python(docstring))
    (found,) = problems(tree)
    assert found.startswith("tests/room/test_second.py::test_it names")
    assert problem in found


def test_a_catalogue_that_contradicts_itself_fails(tree: Path) -> None:
    write(tree, matrix.CATALOGUE, CATALOGUE + "| A01 | again | b | no | no |\n| B01 | stray | b | no | no |\n")
    assert [text.split(": ")[1] for text in problems(tree)] == ["A01 stands twice", "B01 has no group with a heading"]


@pytest.mark.parametrize(
    "text",
    [
        '"""A module\'s A01 without a test in it."""\n',
        'def helper() -> None:\n    """A01."""\n',
        'def test_it() -> None:\n    assert "A01"  # A01\n',
        '@pytest.mark.skip(reason="A01")\ndef test_it() -> None:\n    """A01."""\n',
        '@pytest.mark.xfail\ndef test_it() -> None:\n    """A01."""\n',
        '@pytest.mark.parametrize("x", ["A01"])\ndef test_it(x: str) -> None:\n    pass\n',
        'class Other:\n    def test_it(self) -> None:\n        """A01."""\n',
    ],
)
def test_what_is_no_claim_of_a_python_test_does_not_count(tree: Path, text: str) -> None:
    write(tree, "tests/room/test_first.py", text)
    assert problems(tree) == ["A01 has no test"]


@pytest.mark.parametrize(
    "text",
    [
        '"""A01: the whole module."""\ndef test_it() -> None:\n    pass\n',
        '@pytest.mark.parametrize("x", [1], ids=["A01 one"])\nasync def test_it(x: int) -> None:\n    pass\n',
        '@pytest.mark.parametrize("x", [pytest.param(1, id="A01")])\ndef test_it(x: int) -> None:\n    pass\n',
        'class TestIt:\n    """A01."""\n    def test_it(self) -> None:\n        pass\n',
    ],
)
def test_every_way_of_naming_a_fault_in_python_counts(tree: Path, text: str) -> None:
    write(tree, "tests/room/test_first.py", text)
    assert problems(tree) == []


def test_a_program_of_the_load_tests_counts(tree: Path) -> None:
    (tree / "tests/room/test_first.py").unlink()
    write(tree, "tests/load/storm.py", '"""A01 under load."""\ndef main() -> None:\n    pass\n')
    assert matrix.read(tree).tests["A01"] == ["tests/load/storm.py"]


@pytest.mark.parametrize(
    "text",
    [
        "/// A02, A03: product code.\nfn product() {}\n",
        "// A02, A03: an ordinary comment.\n#[test]\nfn one() {}\n",
        "//// A02, A03: no doc comment.\n#[test]\nfn one() {}\n",
        "/// A02, A03.\nfn helper() {}\n\n#[test]\nfn one() {}\n",
        "/// A02, A03.\n#[test]\n#[ignore]\nfn one() {}\n",
        'const T: &str = r#"\n/// A02, A03.\n#[test]\nfn one() {}\n"#;\n',
        'const T: &str = "\n/// A02, A03.\n#[test]\nfn one() {}\n";\n',
        "/*\n/* nested */\n/// A02, A03.\n#[test]\nfn one() {}\n*/\n",
        "/// A02, A03.\n#[cfg(test)]\nfn one() {}\n",
        "/// A02, A03.\nstruct Of<'a>(&'a str);\n#[test]\nfn one() {}\n",
    ],
)
def test_what_is_no_claim_of_a_rust_test_does_not_count(tree: Path, text: str) -> None:
    write(tree, "src/room.rs", text)
    assert problems(tree) == ["A02 has no test", "A03 has no test"]


@pytest.mark.parametrize(
    "text",
    [
        "/// A02 to A03.\n#[tokio::test(start_paused = true)]\nasync fn one() {}\n",
        "/// A02 and,\n/// further down, A03.\n#[test]\n#[allow(\n    clippy::all,\n)]\nfn one() {}\n",
        "const Q: char = '\"';\nproptest! {\n    /// A02, A03.\n    #[test]\n    fn one(x in any::<u8>()) {}\n}\n",
        "#[test]\n/// A02, A03.\n// More.\nfn one() {}\n",
        "const C: char = '\\'';\nconst S: &[u8] = br\"\\\";\n/// A02, A03.\n#[test]\nfn one() {}\n",
    ],
)
def test_every_way_of_naming_a_fault_in_rust_counts(tree: Path, text: str) -> None:
    write(tree, "tests/outside.rs", text)
    (tree / "src/room.rs").unlink()
    assert problems(tree) == []


def test_our_own_catalogue_is_whole_and_our_tests_name_nothing_else() -> None:
    found = matrix.read(ROOT)
    sizes = {group: sum(fault[0] == group for fault in found.faults) for group in found.groups}
    assert sizes == dict(zip("ABCDEFGHIJKLMN", [18, 14, 11, 15, 25, 24, 13, 20, 26, 17, 12, 26, 10, 14], strict=True))
    assert found.faults == [f"{group}{number:02}" for group, size in sizes.items() for number in range(1, size + 1)]
    assert [problem for problem in found.problems if not problem.endswith("has no test")] == []

"""Which test shows which fault: `docs/faults.md` against the tests of both languages. `make faults` runs it.

A Python test names a fault in its docstring, in that of its class or module, or in the `ids=` of its parameters; a
program of `tests/load/` in any docstring; a Rust test in the `///` comment above it. What stands elsewhere (product
code, ordinary comments, assertions) is no claim, and neither is a test that never runs. `A02, A03` names two faults,
`A01 to A03` three.

It fails where a fault has no test and no exemption, where an exemption is not needed or says no reason, where there
are too many of them, and where a test names a fault that the catalogue does not have. It builds nothing.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CATALOGUE = "docs/faults.md"
EXEMPTIONS = "tests/faults-without-test.txt"
MOST_EXEMPTIONS = 12

ID = r"[A-N]\d{2}"
ROW = re.compile(rf"^\|\s*({ID})\s*\|")
HEADING = re.compile(r"^## ([A-N])\. (.+)$")
CLAIM = re.compile(rf"\b({ID})(?:\s+to\s+({ID}))?\b")
RUST_NOISE = re.compile(
    r"""
    (?P<doc>///(?!/)[^\n]*)
    | //[^\n]* | (?P<open>/\*)
    | b?r(?P<hashes>\#*)"(?:.|\n)*?"(?P=hashes)
    | b?"(?:\\(?:.|\n)|[^"\\])*"
    | b?'(?:\\[^\n]+?|[^'\\\n])'
    """,
    re.VERBOSE,
)
RUST_FUNCTION = re.compile(r"^\s*(?:pub(?:\([^)]*\))?\s+)?(?:async\s+)?fn\s+(\w+)")
RUST_TEST = re.compile(r"#\[\s*(?:tokio::)?test\s*[\](]")
RUST_IGNORED = re.compile(r"#\[\s*ignore\b")


@dataclass
class Matrix:
    """What was found: the faults by group, the tests of each, and everything that is wrong."""

    groups: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    tests: dict[str, list[str]] = field(default_factory=dict)
    exemptions: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def read_catalogue(self, path: Path) -> None:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if heading := HEADING.match(line):
                self.groups[heading[1]] = heading[2]
            elif row := ROW.match(line):
                if row[1] in self.faults:
                    self.problems.append(f"{CATALOGUE}:{number}: {row[1]} stands twice")
                elif row[1][0] not in self.groups:
                    self.problems.append(f"{CATALOGUE}:{number}: {row[1]} has no group with a heading")
                else:
                    self.faults.append(row[1])
        if not self.faults:
            self.problems.append(f"{CATALOGUE}: no fault found")

    def read_exemptions(self, path: Path) -> None:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            fault, _, reason = line.strip().partition(" ")
            where = f"{EXEMPTIONS}:{number}: {fault}"
            if fault in self.exemptions:
                self.problems.append(f"{where} stands twice")
            if fault not in self.faults:
                self.problems.append(f"{where} is not in {CATALOGUE}")
            if not reason.strip():
                self.problems.append(f"{where} has no reason")
            self.exemptions[fault] = reason.strip()
        if len(self.exemptions) > MOST_EXEMPTIONS:
            self.problems.append(
                f"{EXEMPTIONS}: {len(self.exemptions)} exemptions; at most {MOST_EXEMPTIONS} are allowed"
            )

    def claim(self, text: str | None, test: str) -> None:
        """Notes that a test names the faults of a text."""
        for first, last in CLAIM.findall(text or ""):
            if last and (first[0] != last[0] or first >= last):
                self.problems.append(f"{test} names {first} to {last}, which is no range within one group")
                continue
            numbers = range(int(first[1:]), int((last or first)[1:]) + 1)
            for fault in (f"{first[0]}{number:02}" for number in numbers):
                if fault not in self.faults:
                    self.problems.append(f"{test} names {fault}, which is not in {CATALOGUE}")
                elif test not in self.tests.setdefault(fault, []):
                    self.tests[fault].append(test)

    def compare(self) -> None:
        for fault in self.faults:
            if fault in self.tests and fault in self.exemptions:
                self.problems.append(f"{EXEMPTIONS}: {fault} has a test ({self.tests[fault][0]}); remove the line")
            elif fault not in self.tests and fault not in self.exemptions:
                self.problems.append(f"{fault} has no test")

    def report(self) -> Iterator[str]:
        for group, title in self.groups.items():
            yield f"{group}. {title}"
            for fault in (fault for fault in self.faults if fault[0] == group):
                tests = self.tests.get(fault)
                if tests:
                    yield f"  {fault}  " + "\n       ".join(tests)
                else:
                    yield f"  {fault}  -- {self.exemptions.get(fault, 'no test')}"
        yield "group  faults  tested  exempt  missing"
        for group in self.groups:
            of_group = [fault for fault in self.faults if fault[0] == group]
            tested = sum(fault in self.tests for fault in of_group)
            exempt = sum(fault in self.exemptions and fault not in self.tests for fault in of_group)
            missing = len(of_group) - tested - exempt
            yield f"{group:5}  {len(of_group):6}  {tested:6}  {exempt:6}  {missing:7}"


def never_runs(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether a decorator keeps a test from running, or lets it fail, whatever the machine."""
    bare = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
    return any(ast.unparse(one) in {"pytest.mark.skip", "pytest.mark.xfail", "unittest.skip"} for one in bare)


def parameter_ids(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The texts that name the parameters of a test: `ids=[...]`, and `id=` of a `pytest.param`."""
    calls = (call for one in node.decorator_list for call in ast.walk(one) if isinstance(call, ast.Call))
    named = (keyword.value for call in calls for keyword in call.keywords if keyword.arg in {"id", "ids"})
    texts = (text.value for value in named for text in ast.walk(value) if isinstance(text, ast.Constant))
    return " ; ".join(text for text in texts if isinstance(text, str))


def python_claims(source: str, *, is_program: bool) -> Iterator[tuple[str, str | None]]:
    """Every text of a file that may name faults, with the name of its test (empty: the module)."""
    module = ast.parse(source)
    found: list[tuple[str, str | None]] = []

    def visit(body: list[ast.stmt], prefix: str) -> int:
        tests = 0
        for node in body:
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) or never_runs(node):
                continue
            name = prefix + node.name
            if isinstance(node, ast.ClassDef):
                inside = visit(node.body, f"{name}.") if is_program or node.name.startswith("Test") else 0
                found.extend([(name, ast.get_docstring(node))] if inside else [])
                tests += inside
            elif is_program or node.name.startswith("test_"):
                tests += 1
                found.extend((name, text) for text in (ast.get_docstring(node), parameter_ids(node)))
        return tests

    if visit(module.body, ""):
        yield "", ast.get_docstring(module)
    yield from found


def plain_rust(source: str) -> str:
    """Rust without strings and comments; doc comments and the ends of lines stay."""
    parts: list[str] = []
    at = 0
    while match := RUST_NOISE.search(source, at):
        parts.append(source[at : match.start()])
        end = match.end()
        if match["open"]:
            depth, end = 1, match.end()
            while depth and (edge := re.compile(r"/\*|\*/").search(source, end)):
                depth += 1 if edge[0] == "/*" else -1
                end = edge.end()
            end = end if not depth else len(source)
        noise = source[match.start() : end]
        parts.append(noise if match["doc"] else "\n" * noise.count("\n"))
        at = end
    parts.append(source[at:])
    return "".join(parts)


def rust_claims(source: str) -> Iterator[tuple[str, str]]:
    """The test functions of a file with the comment that belongs to each."""
    doc, attributes, depth = "", "", 0
    for line in plain_rust(source).splitlines():
        text = line.strip()
        if not text:
            continue
        if text.startswith("///"):
            doc += text.removeprefix("///") + "\n"
        elif text.startswith("#[") or depth > 0:
            attributes += text
            depth += text.count("[") - text.count("]")
        else:
            function = RUST_FUNCTION.match(line)
            if function and RUST_TEST.search(attributes) and not RUST_IGNORED.search(attributes):
                yield function[1], doc
            doc, attributes, depth = "", "", 0


def read(root: Path) -> Matrix:
    """Everything that the tree says about faults."""
    matrix = Matrix()
    matrix.read_catalogue(root / CATALOGUE)
    matrix.read_exemptions(root / EXEMPTIONS)
    programs = sorted((root / "tests" / "load").rglob("*.py"))
    for path in [*sorted((root / "tests").rglob("test_*.py")), *programs]:
        name = path.relative_to(root).as_posix()
        for test, text in python_claims(path.read_text(encoding="utf-8"), is_program=path in programs):
            matrix.claim(text, f"{name}::{test}" if test else name)
    for path in [*sorted((root / "src").rglob("*.rs")), *sorted((root / "tests").glob("*.rs"))]:
        name = path.relative_to(root).as_posix()
        for test, text in rust_claims(path.read_text(encoding="utf-8")):
            matrix.claim(text, f"{name}::{test}")
    matrix.compare()
    return matrix


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="The faults of docs/faults.md and the tests that show them.")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help="the repository")
    parser.add_argument("--quiet", action="store_true", help="problems and the summary's last line alone")
    options = parser.parse_args(arguments)
    matrix = read(options.root)
    if not options.quiet:
        print("\n".join(matrix.report()))
    for problem in matrix.problems:
        print(f"error: {problem}", file=sys.stderr)
    covered = sum(fault in matrix.tests for fault in matrix.faults)
    rest = f"{covered} with tests, {len(matrix.exemptions)} exempt, {len(matrix.problems)} problems"
    print(f"{len(matrix.faults)} faults, {rest}")
    return 1 if matrix.problems else 0


if __name__ == "__main__":
    sys.exit(main())

"""What the commands print: a table, made prettier by `rich` where it is installed, and texts that are safe to show."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from aigclens.precautions import shown

__all__ = ["abandon", "number", "prepare", "say", "shown", "table"]


def say(text: str) -> None:
    """Prints a line for people to the standard error, which is not there for everybody."""
    if sys.stderr is not None:
        print(f"aigclens: {shown(text)}", file=sys.stderr)


def prepare() -> None:
    """Makes the standard output one that takes whatever is printed: any character, also where nobody listens."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for the rest of the program
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def abandon() -> None:
    """Whoever read us has gone: nothing is left to be said, not even by the interpreter on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def number(value: float | None) -> str:
    """A confidence, or a dash."""
    return "-" if value is None else f"{value:.2f}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints rows under headings; what a terminal would act on is shown as what it is."""
    rows = [[shown(cell) for cell in row] for row in rows]
    if sys.stdout.isatty() and _pretty(headings, rows):
        return
    columns = list(zip(headings, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    for row in (headings, ["-" * width for width in widths], *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _pretty(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    grid = Table(*headings)
    for row in rows:
        grid.add_row(*map(Text, row))
    Console().print(grid)
    return True

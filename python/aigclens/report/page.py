"""One static HTML page: counts and rows for people, without scripts, and without trust in any text."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aigclens.precautions import shown
from aigclens.report.files import Replacement, write_whole
from aigclens.scanning.summary import Summary

if TYPE_CHECKING:
    from aigclens.scanning.rows import ScanRow

__all__ = ["Page", "rows_of_ours"]

# Rows that a browser shows without trouble; the counts are those of all.
_MOST = 10_000
_BEGINNING = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="aigclens">
"""
# Nothing is loaded and nothing runs, whatever a text would want.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2em; color: #222; background: #fff; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { border-bottom: 1px solid #ddd; padding: .25em .75em; text-align: left; vertical-align: top; }
tbody td:is(:nth-child(-n+2), :nth-child(7), :last-child) { overflow-wrap: anywhere; }
tbody td:nth-last-child(2) { white-space: nowrap; }
.failed { color: #a00; }
.disputed { background: #fe8; }
"""
_HEADINGS = (
    "key",
    "source",
    "AI",
    "label",
    "confidence",
    "risk",
    "evidence",
    "disagrees",
    "engine",
    "billing",
    "detected at",
    "error",
)


class Page:
    """A page that is written when it is closed: the counts come first."""

    def __init__(self, place: Replacement) -> None:
        self._place = place
        # Those whose declaration and verdict contradict each other come first: people want to see them.
        self._disputed: list[str] = []
        self._rows: list[str] = []
        self._counts = Summary()

    def write(self, row: ScanRow) -> None:
        """Counts a row, and keeps it as one of the table while that is not too long."""
        self._counts.add(row)
        rows = self._disputed if row.disagrees else self._rows
        if len(rows) < _MOST:
            rows.append(_row(row))

    def close(self) -> None:
        """Writes the page."""
        counts = self._counts
        said = [
            ("images", counts.items),
            ("answered", counts.ok),
            ("failed", counts.failed),
            ("duplicates", counts.duplicates),
            ("declared, not asked about", counts.declared),
            ("declaration and verdict disagree", counts.disagreements),
            *((f"label {name}", count) for name, count in counts.labels.most_common(20)),
            *((f"error {name}", count) for name, count in counts.errors.most_common(20)),
        ]
        table = "".join(f"<tr><th>{_text(name)}</th><td>{count:,}</td></tr>\n" for name, count in said)
        rows = (self._disputed + self._rows)[:_MOST]
        note = "" if counts.items <= _MOST else f"<p>The first {_MOST:,} rows; the counts are of all.</p>\n"
        if self._disputed:
            note += "<p>Rows whose declaration and verdict disagree come first.</p>\n"
        headings = "".join(f"<th>{name}</th>" for name in _HEADINGS)
        self._put(
            f'{_BEGINNING}<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            '<meta name="referrer" content="no-referrer">\n'
            f"<title>aigclens</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>aigclens</h1>\n"
            f"<table>\n{table}</table>\n{note}<table>\n<thead><tr>{headings}</tr></thead>\n<tbody>\n"
        )
        for start in range(0, len(rows), 1_000):
            self._put("".join(rows[start : start + 1_000]))
        self._put("</tbody>\n</table>\n</body>\n</html>\n")

    def abandon(self) -> None:
        """Lets go of the file, which is not wanted."""

    def _put(self, text: str) -> None:
        write_whole(self._place.file, text.encode())


def _row(row: ScanRow) -> str:
    verdict = {True: "yes", False: "no", None: "?"}[row.is_aigc] if row.ok else "failed"
    cells = (
        _text(row.key),
        _link(row.source),
        verdict,
        _text(row.label or ""),
        "" if row.confidence is None else f"{row.confidence:.2f}",
        _text(row.risk_level or ""),
        _text("; ".join(row.evidence)),
        "yes" if row.disagrees else "",
        _text(row.engine or ""),
        _text(row.billing),
        _text(row.detected_at or ""),
        _text(row.error or ""),
    )
    mark = ' class="disputed"' if row.disagrees else "" if row.ok else ' class="failed"'
    return f"<tr{mark}><td>{'</td><td>'.join(cells)}</td></tr>\n"


def _text(text: str) -> str:
    """A text that is nothing but text, in an element and in an attribute."""
    return escape(shown(text), quote=True)


def _link(source: str) -> str:
    """A link where it leads to a web page or image, and to nothing else."""
    text = _text(source)
    try:
        is_web = urlsplit(source).scheme in ("http", "https") and source.isprintable()
    except ValueError:
        is_web = False
    return f'<a href="{text}" rel="noreferrer noopener">{text}</a>' if is_web else text


def rows_of_ours(path: Path) -> int | None:
    """0 for a page of ours, whose rows nobody counts; `None` for another's."""
    beginning = _BEGINNING.encode()
    with path.open("rb") as reader:
        return 0 if reader.read(len(beginning)) == beginning else None

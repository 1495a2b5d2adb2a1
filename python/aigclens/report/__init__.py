"""Rows of a scan as files: JSONL, CSV, Parquet, and a page of HTML for people, with the columns of `aigclens.ScanRow`.

aigclens.report.write(store.rows(), "verdicts.parquet")
"""

from __future__ import annotations

from aigclens.report.writer import Format, Writer, format_of, write

__all__ = ["Format", "Writer", "format_of", "write"]

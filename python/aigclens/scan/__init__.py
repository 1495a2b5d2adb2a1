"""Many images, one store, one budget."""

from __future__ import annotations

from aigclens.scan.rows import COLUMNS, ScanRow

__all__ = ["COLUMNS", "ScanRow"]

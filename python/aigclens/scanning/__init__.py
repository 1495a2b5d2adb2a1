"""Many images, one store, one budget."""

from __future__ import annotations

from aigclens.scanning.rows import COLUMNS, ScanRow

__all__ = ["COLUMNS", "ScanRow"]

"""The images of a tar or zip, which the core reads where they are."""

from __future__ import annotations

import json
import os

from aigclens import _native
from aigclens.errors import AigcError
from aigclens.scanning.inputs.item import Item, Items, Options, storable


def read(path: str, options: Options) -> Items:
    """An item for each image, and one of error where the archive cannot be read any further."""
    shown = storable(path)
    options.no_columns(f"the archive '{shown}'")
    options.no_patterns(f"the archive '{shown}'")
    shard = storable(os.path.basename(path))
    try:
        archive = _native.Archive(path, bool(options.carry))
    except AigcError as error:
        yield Item(shard, error, shown)
        return
    counted = 0
    trouble = None
    while trouble is None:
        found = None
        try:
            found = next(archive, None)
        except AigcError as problem:
            trouble = problem
        # Counted as it happens, so that a scan that stops early has counted it too.
        passed = archive.skipped
        options.tally.skipped += passed - counted
        counted = passed
        if found is not None:
            key, name, member, beside = found
            extra = options.carried(json.loads(beside)) if beside is not None else None
            yield Item(key, member, f"{shown}/{name}", extra)
        elif trouble is None:
            return
    yield Item(shard, trouble, shown)

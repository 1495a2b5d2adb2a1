"""Programs of the repository that are no package, loaded as modules to be tested."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

BENCHES = Path(__file__).parents[1] / "benches"


def load(name: str, folder: Path = BENCHES) -> ModuleType:
    """A file of the benchmarks, under a name that no other module has."""
    spec = importlib.util.spec_from_file_location(f"{folder.name}_{name}", folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module

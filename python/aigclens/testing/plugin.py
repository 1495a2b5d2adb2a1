"""The pytest plugin, found by pytest itself once the package is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aigclens.testing import Emulator


@pytest.fixture
def aigclens_emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulator for one test, without a limit of calls per second.

    The environment points every client without an endpoint of its own there, so that code under test needs no change
    and cannot reach the paid service. The clients' own pace holds here too: 95 calls a second, unless they are made
    with `qps=None`.
    """
    from aigclens.testing import Emulator

    with Emulator(qps=0) as emulator:
        for name, value in emulator.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("ALIBABA_CLOUD_SECURITY_TOKEN", raising=False)
        yield emulator

"""What all rooms of tests share: an emulator, clients of it, and real images."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import aigclens
from aigclens.testing import Emulator

sys.path.insert(0, str(Path(__file__).parent))

import images

# A shell that runs the tests in the background lets them, and all that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_credentials_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A test says itself which credentials and endpoint it wants, and whether it is on an ECS instance."""
    for name in list(os.environ):
        if name.startswith(("ALIBABA_CLOUD_", "AIGCLENS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
    home = tmp_path_factory.getbasetemp() / "nobody"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator without a limit of calls per second."""
    with Emulator(qps=0) as running:
        yield running


@pytest.fixture
def client(emulator: Emulator) -> Iterator[aigclens.Client]:
    with emulator.client(qps=None) as made:
        yield made


@pytest.fixture(scope="session")
def png() -> bytes:
    """A plain picture of 256 by 256 without any declaration."""
    return images.png(256, 256)


@pytest.fixture(scope="session")
def declared_png() -> bytes:
    """The same with the text that Stable Diffusion's web interface writes."""
    return images.png(256, 256, text={"parameters": images.A1111})

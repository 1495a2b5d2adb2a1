"""Several regions, over real HTTP: two emulators stand for two of them."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import aigclens
from aigclens import events
from aigclens.testing import Emulator

URL = "https://example.com/cat.png"


@pytest.mark.parametrize("local", [False, True])
def test_calls_go_on_elsewhere_and_are_paid_for_once(emulator: Emulator, png: bytes, local: bool) -> None:
    """M05, M06: five failures in a row, then the other region, with token and upload of its own."""
    source: Any = png if local else URL
    heard: list[events.Event] = []
    with Emulator(qps=0, judge="hash") as away:
        emulator.answer(code=500)
        with emulator.client(max_retries=0, failover=[away.url], on_event=heard.append) as client:
            for _ in range(4):
                with pytest.raises(aigclens.ServerError):
                    client.detect(source)
            found = client.detect(source)
            again = client.detect(source)
        assert emulator.ledger().billed == 0
        assert away.ledger().billed == 2
        assert [one.billing for one in found.attempts if one.operation == "ImageModeration"] == ["not_billed", "billed"]
        operations = [one.operation for one in again.attempts]
        assert operations == (["PutObject", "ImageModeration"] if local else ["ImageModeration"])
        hosts = [one.endpoint for one in heard if isinstance(one, events.AttemptStarted)]
        assert hosts[-1] == f"127.0.0.1:{away.port}"
        warned = [one for one in heard if isinstance(one, events.Warned)]
        assert len(warned) == 1
        assert f"127.0.0.1:{away.port}" in warned[0].message


def test_a_region_that_is_down_is_left_without_a_charge(emulator: Emulator) -> None:
    """M05: no connection proves that nothing was sent."""
    with Emulator(qps=0) as gone:
        port = gone.port
    emulator.answer(url=URL, label="aigc")
    options: dict[str, Any] = {**emulator.options(), "endpoint": f"http://127.0.0.1:{port}"}
    with aigclens.Client(**options, max_retries=4, failover=[emulator.url]) as client:
        found = client.detect(URL)
    assert [one.outcome for one in found.attempts] == ["ConnectError"] * 5 + ["ok"]
    assert emulator.ledger().billed == 1


def test_what_failover_takes() -> None:
    """J17, M07: a typing mistake, a region twice or a missing VPC endpoint shows at once."""
    with aigclens.Client(region="ap-southeast-1", failover=["eu-west-1", "green-cip.us-east-1.aliyuncs.com"]) as client:
        assert pickle.loads(pickle.dumps(client))._options["failover"] == client._options["failover"]
    for wrong in (["nowhere-1"], ["ap-southeast-1"], ["eu-west-1", "eu-west-1"], ["http://example.com"]):
        with pytest.raises(aigclens.ConfigError):
            aigclens.Client(region="ap-southeast-1", failover=wrong)
    with pytest.raises(aigclens.ConfigError, match="VPC"):
        aigclens.Client(region="ap-southeast-1", vpc=True, failover=["eu-west-1"])


def test_nobody_leaves_an_emulator_for_the_paid_service(
    aigclens_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M05, N09: by a host in code it is refused; where the environment leads there, failover is not looked at."""
    for wrong in ("eu-west-1", "green-cip.us-east-1.aliyuncs.com"):
        with pytest.raises(aigclens.ConfigError, match="on this machine"):
            aigclens_emulator.client(failover=[wrong])
    with pytest.raises(aigclens.ConfigError, match="on this machine"):
        aigclens.Client(endpoint="green-cip.us-east-1.aliyuncs.com", failover=[aigclens_emulator.url])
    for options in ({"endpoint": "green-cip.us-east-1.aliyuncs.com"}, {"failover": ["us-east-1"]}):
        with pytest.raises(aigclens.ConfigError, match="local"):
            aigclens.Client.local(**options)
    heard: list[events.Event] = []
    aigclens_emulator.fault(stage="before_billing", action="status", status=503)
    with aigclens.Client(failover=["eu-west-1"], max_retries=0, on_event=heard.append) as client:
        for _ in range(8):
            with pytest.raises(aigclens.ServerError):
                client.detect(URL)
    hosts = {one.endpoint for one in heard if isinstance(one, events.AttemptStarted)}
    assert hosts == {f"127.0.0.1:{aigclens_emulator.port}"}

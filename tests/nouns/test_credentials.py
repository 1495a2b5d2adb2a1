"""Credentials: checked where they are made, shown nowhere, pickled never. Clients pickle as their configuration."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

import aigclens
from aigclens.testing import Emulator

SECRET = "hunter2hunter2hunter2"


@pytest.mark.parametrize("bad", ["", " x", "x\n", "x\r\ny: z", "a b", "é"])
def test_what_copying_gets_wrong_is_refused_at_once(bad: str) -> None:
    """A02, A03."""
    for key_id, secret, token in [(bad, SECRET, None), ("id", bad, None), ("id", SECRET, bad)]:
        with pytest.raises(aigclens.ConfigError) as refused:
            aigclens.Credentials(key_id, secret, token)
        assert SECRET not in str(refused.value)


def test_no_secret_shows() -> None:
    credentials = aigclens.Credentials("testLTAI5tExampleX", SECRET, "token" + SECRET)
    client = aigclens.Client(credentials=credentials, endpoint="127.0.0.1:9")
    async_client = aigclens.AsyncClient(credentials=credentials, proxy=f"http://me:{SECRET}@127.0.0.1:9")
    for shown in (repr(credentials), str(credentials), repr(client), repr(async_client), f"{credentials!s:>80}"):
        assert SECRET not in shown
    with pytest.raises(aigclens.ConnectError) as refused:
        client.detect("https://img.example/a.png")
    assert SECRET not in "".join(traceback.format_exception(refused.value))
    assert copy.deepcopy(credentials) is credentials


def test_secrets_do_not_pickle_and_say_what_to_do() -> None:
    """N13."""
    credentials = aigclens.Credentials("id", SECRET)
    for holder in (
        credentials,
        aigclens.Client(credentials=credentials),
        aigclens.AsyncClient(credentials=credentials),
        aigclens.Client(proxy=f"http://me:{SECRET}@proxy.example:1"),
    ):
        with pytest.raises(TypeError, match=r"environment|HTTPS_PROXY"):
            pickle.dumps(holder)


@pytest.mark.parametrize("kind", [aigclens.Client, aigclens.AsyncClient])
def test_a_client_of_the_environment_pickles_as_its_configuration(
    kind: type[aigclens.Client], aigclens_emulator: Emulator
) -> None:
    """N13."""
    client = kind(timeout=7.5, check_image="warn")
    text = pickle.dumps(client)
    assert aigclens_emulator.access_key_secret.encode() not in text
    again = pickle.loads(text)
    assert type(again) is kind
    assert again.endpoint == aigclens_emulator.url


def test_the_environment_is_read_at_use(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, declared_png: bytes
) -> None:
    """A01."""
    with aigclens.Client(endpoint=emulator.url) as client:
        with pytest.raises(aigclens.CredentialsNotFound) as missing:
            client.detect(declared_png)
        for way_out in (
            "ALIBABA_CLOUD_ACCESS_KEY_ID",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
            "Client.local()",
            "aigclens demo",
        ):
            assert way_out in str(missing.value)
        assert emulator.requests() == [], "nothing was sent"
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", emulator.access_key_id)
        with pytest.raises(aigclens.CredentialsError, match="ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
            client.detect(declared_png)
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", emulator.access_key_secret)
        assert client.detect(declared_png).is_aigc


def test_temporary_credentials_travel_with_their_token(declared_png: bytes) -> None:
    with Emulator(security_token="the/token+==") as emulator:
        for scheme in ("acs3-hmac-sha256", "hmac-sha1"):
            with emulator.client(signature=scheme) as client:
                assert client.detect(declared_png).is_aigc


def test_only_credentials_are_credentials() -> None:
    with pytest.raises(aigclens.ConfigError, match="tuple"):
        aigclens.Client(credentials=("id", "secret"))  # type: ignore[arg-type]

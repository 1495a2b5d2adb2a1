"""Clients that find their credentials themselves, against servers that behave as the real ones, and an emulator that
accepts nothing but what these gave out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import signature

import aigclens
from aigclens.credentials import CredentialsSource
from aigclens.testing import Emulator
from places import MetadataServer, Place, Session, StsServer, UriServer
from servers import Answer, Recorded, RecordingServer

ARN = "acs:ram::1234567890123456:role/detector"
HTML = Answer(200, b"<html>please log in: hunter2hunter2</html>")


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def account(session: Session) -> Iterator[Emulator]:
    with session.emulator() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    path.chmod(mode)
    return path


@pytest.mark.parametrize("has_v2", [True, False])
def test_an_ecs_role_signs_and_is_asked_once(
    has_v2: bool, session: Session, account: Emulator, monkeypatch: pytest.MonkeyPatch, declared_png: bytes
) -> None:
    with MetadataServer(session, has_v2=has_v2) as service:
        monkeypatch.delenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED")
        monkeypatch.setenv("AIGCLENS_METADATA_ENDPOINT", service.url)
        for credentials in (None, aigclens.EcsRole("detector", endpoint=service.url)):
            before = len(service.requests)
            with aigclens.Client(endpoint=account.url, credentials=credentials) as client:
                for _ in range(3):
                    assert client.detect(declared_png).is_aigc
            assert len(service.requests) - before == (3 if credentials is None else 2)


def test_version_one_is_refused_where_it_is_not_allowed(
    account: Emulator, session: Session, monkeypatch: pytest.MonkeyPatch, declared_png: bytes
) -> None:
    monkeypatch.delenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED")
    monkeypatch.setenv("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")
    with MetadataServer(session, has_v2=False) as service:
        client = aigclens.Client(endpoint=account.url, credentials=aigclens.EcsRole(endpoint=service.url))
        with pytest.raises(aigclens.CredentialsError, match="no token"):
            client.detect(declared_png)
        assert [request.method for request in service.requests] == ["PUT"]


def test_a_uri_signs(session: Session, account: Emulator, monkeypatch: pytest.MonkeyPatch, declared_png: bytes) -> None:
    with UriServer(session) as server:
        monkeypatch.setenv("ALIBABA_CLOUD_CREDENTIALS_URI", f"{server.url}/credentials?container=1")
        for credentials in (None, aigclens.UriCredentials(f"{server.url}/credentials?container=1")):
            with aigclens.Client(endpoint=account.url, credentials=credentials) as client:
                assert client.detect(declared_png).is_aigc
        assert {request.target for request in server.requests} == {"/credentials?container=1"}


async def test_a_role_is_assumed_with_a_signature_that_verifies(
    session: Session, account: Emulator, declared_png: bytes
) -> None:
    with StsServer(session) as sts:
        role = aigclens.AssumeRole(
            ARN,
            aigclens.Credentials(sts.KEY_ID, sts.SECRET),
            session_name="nightly run",
            policy='{"Version": "1", "Statement": []}',
            external_id="a+b ~*/c",
            duration=900,
            endpoint=sts.url,
        )
        with aigclens.Client(endpoint=account.url, credentials=role) as client:
            assert client.detect(declared_png).is_aigc
            assert client.detect(declared_png).is_aigc
        async with aigclens.AsyncClient(endpoint=account.url, credentials=role) as client:
            assert (await client.detect(declared_png)).is_aigc
        assert len(sts.requests) == 2, "once for each client"
        wrong = aigclens.AssumeRole(ARN, aigclens.Credentials(sts.KEY_ID, "another-secret"), endpoint=sts.url)
        with pytest.raises(aigclens.CredentialsError, match="SignatureDoesNotMatch") as refused:
            aigclens.Client(endpoint=account.url, credentials=wrong).detect(declared_png)
        assert sts.SECRET in str(refused.value), "what the server echoes is not ours"
        assert "another-secret" not in str(refused.value)


def test_a_pods_token_becomes_a_session(
    session: Session, account: Emulator, monkeypatch: pytest.MonkeyPatch, home: Path, declared_png: bytes
) -> None:
    with StsServer(session) as sts:
        token = write(home / "token", sts.OIDC_TOKEN + "\n", 0o644)
        monkeypatch.setenv("AIGCLENS_STS_ENDPOINT", sts.url)
        monkeypatch.setenv("ALIBABA_CLOUD_ROLE_ARN", ARN)
        monkeypatch.setenv("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/ack")
        monkeypatch.setenv("ALIBABA_CLOUD_OIDC_TOKEN_FILE", str(token))
        for credentials in (None, aigclens.OidcRole()):
            with aigclens.Client(endpoint=account.url, credentials=credentials) as client:
                assert client.detect(declared_png).warnings == ()
        write(token, "another.token.here")
        with pytest.raises(aigclens.CredentialsError, match="OIDCToken"):
            aigclens.Client(endpoint=account.url).detect(declared_png)


@pytest.mark.parametrize("mode", ["StsToken", "RamRoleArn", "ChainableRamRoleArn", "OIDC", "EcsRamRole", "External"])
def test_every_mode_of_a_profile_signs(
    mode: str, session: Session, account: Emulator, monkeypatch: pytest.MonkeyPatch, home: Path, declared_png: bytes
) -> None:
    monkeypatch.delenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED")
    base = {"access_key_id": StsServer.KEY_ID, "access_key_secret": StsServer.SECRET}
    own = {"access_key_id": session.access_key_id, "access_key_secret": session.access_key_secret}
    own["sts_token"] = session.security_token
    program = write(home / "give.py", f"print({json.dumps({'mode': 'StsToken', **own})!r})")
    fields: dict[str, object] = {
        "StsToken": own,
        "RamRoleArn": {**base, "ram_role_arn": ARN, "ram_session_name": "cli", "expired_seconds": 900},
        "ChainableRamRoleArn": {"source_profile": "base", "ram_role_arn": ARN},
        "OIDC": {
            "ram_role_arn": ARN,
            "oidc_provider_arn": "acs:ram::1:oidc-provider/ack",
            "oidc_token_file": str(write(home / "token", StsServer.OIDC_TOKEN)),
        },
        "EcsRamRole": {"ram_role_name": "detector"},
        "External": {"process_command": f"'{sys.executable}' '{program}'"},
    }
    mine = {"name": "mine", "mode": mode, **fields[mode]}  # type: ignore[dict-item]
    config = {"current": "base", "profiles": [{"name": "base", "mode": "AK", **base}, mine]}
    write(home / ".aliyun" / "config.json", json.dumps(config))
    with StsServer(session) as sts, MetadataServer(session) as service:
        monkeypatch.setenv("AIGCLENS_STS_ENDPOINT", sts.url)
        monkeypatch.setenv("AIGCLENS_METADATA_ENDPOINT", service.url)
        with aigclens.Client(endpoint=account.url, credentials=aigclens.ProfileCredentials("mine")) as client:
            assert client.detect(declared_png).is_aigc
        monkeypatch.setenv("ALIBABA_CLOUD_PROFILE", "mine")
        with aigclens.Client(endpoint=account.url) as client:
            assert client.detect(declared_png).is_aigc


def test_a_profile_that_others_may_read_is_told_of_once(emulator: Emulator, home: Path, declared_png: bytes) -> None:
    """M09."""
    text = f"[default]\r\ntype = access_key\r\naccess_key_id = {emulator.access_key_id} # of the emulator\r\n"
    text += f"access_key_secret = {emulator.access_key_secret}\r\n"
    path = write(home / ".alibabacloud" / "credentials.ini", "\ufeff" + text, 0o644)
    with aigclens.Client(endpoint=emulator.url) as client:
        with pytest.warns(aigclens.CredentialsWarning, match="chmod 600"):
            first = client.detect(declared_png)
        assert first.warnings == ("credentials_file_exposed",)
        assert client.detect(declared_png).warnings == ()
    path.chmod(0o600)
    with aigclens.Client(endpoint=emulator.url, credentials=aigclens.ProfileCredentials(path=path)) as client:
        assert client.detect(declared_png).warnings == ()


def test_arguments_win_over_the_environment_and_half_of_it_is_an_error(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, declared_png: bytes
) -> None:
    """M09."""
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI5tOtherExample")
    with emulator.client() as client:
        assert client.detect(declared_png).is_aigc
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECERT", "a typo")
    with pytest.raises(aigclens.CredentialsNotFound, match="ALIBABA_CLOUD_ACCESS_KEY_SECRET is not"):
        aigclens.Client(endpoint=emulator.url).detect(declared_png)


@pytest.mark.parametrize("broken", [HTML, Answer(200, b"{}"), Answer(500, b""), Answer(302, b"", {"location": "/x"})])
@pytest.mark.parametrize("kind", [UriServer, MetadataServer, StsServer])
def test_a_place_that_answers_something_else_is_an_error(
    kind: type[Place], broken: Answer, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, declared_png: bytes
) -> None:
    """A12."""
    monkeypatch.delenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED")
    with kind() as server:
        server.broken = broken
        base = aigclens.Credentials(StsServer.KEY_ID, StsServer.SECRET)
        sources: dict[type[Place], CredentialsSource] = {
            UriServer: aigclens.UriCredentials(server.url),
            MetadataServer: aigclens.EcsRole(endpoint=server.url),
            StsServer: aigclens.AssumeRole(ARN, base, endpoint=server.url),
        }
        with pytest.raises(aigclens.CredentialsError) as failed:
            aigclens.Client(endpoint=emulator.url, credentials=sources[kind]).detect(declared_png)
        assert "hunter2" not in str(failed.value)
        assert emulator.requests() == []


def test_a_place_that_hangs_ends_in_time_for_all_who_wait(emulator: Emulator, png: bytes) -> None:
    """A12: one fetch for all of them; five seconds, and some for a busy machine."""
    from concurrent.futures import ThreadPoolExecutor

    with (
        UriServer() as server,
        aigclens.Client(endpoint=emulator.url, credentials=aigclens.UriCredentials(server.url)) as client,
    ):
        server.hang.clear()
        started = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            failures = [future.exception() for future in [pool.submit(client.detect, png) for _ in range(8)]]
        assert all(type(failure) is aigclens.CredentialsError for failure in failures), failures
        assert 4.9 < time.monotonic() - started < 9.9
        assert len(server.requests) == 1
        server.hang.set()


def test_what_has_expired_is_not_signed_with(emulator: Emulator, png: bytes) -> None:
    """A13."""
    with UriServer(Session(lifetime=-1)) as server:
        with pytest.raises(aigclens.CredentialsExpired):
            aigclens.Client(endpoint=emulator.url, credentials=aigclens.UriCredentials(server.url)).detect(png)
    old = aigclens.Credentials("id", "secret", "token", expiration=time.time() - 1)
    with pytest.raises(aigclens.CredentialsExpired):
        aigclens.Client(endpoint=emulator.url, credentials=old).detect(png)
    assert emulator.requests() == []


async def test_a_token_that_the_service_calls_expired_is_replaced_and_the_call_signed_anew() -> None:
    """A07."""
    revoked = Session()
    expired = Answer(400, b'{"Code": "InvalidSecurityToken.Expired", "RequestId": "R", "Message": "expired"}')

    def answer(request: Recorded) -> Answer:
        is_revoked = request.header("x-acs-security-token") == revoked.security_token
        place.session = Session("STS.NUexample0002", "session-secret-0002", "session/token+0002==")
        return expired if is_revoked else Answer()

    with UriServer(revoked) as place, RecordingServer(answer) as service:
        for kind in (aigclens.Client, aigclens.AsyncClient):
            place.session = revoked
            client = kind(endpoint=service.url, credentials=aigclens.UriCredentials(place.url), max_retries=1)
            found = client.detect("https://img.example/cat.png")
            if not isinstance(found, aigclens.Detection):
                found = await found
            assert [attempt.outcome for attempt in found.attempts] == ["CredentialsExpired", "ok"]
            signature.acs3(service.requests[-1], "session-secret-0002", "session/token+0002==")
        place.broken = Answer(500)
        place.session = revoked
        client = aigclens.Client(
            endpoint=service.url, credentials=aigclens.Credentials("id", "s", revoked.security_token)
        )
        with pytest.raises(aigclens.CredentialsExpired):
            client.detect("https://img.example/cat.png", max_retries=1)


def test_a_shortest_session_is_not_asked_for_at_every_call(
    session: Session, account: Emulator, declared_png: bytes
) -> None:
    """A16."""
    session.lifetime = 900
    with StsServer(session) as sts:
        base = aigclens.Credentials(sts.KEY_ID, sts.SECRET)
        role = aigclens.AssumeRole(ARN, base, duration=900, endpoint=sts.url)
        with aigclens.Client(endpoint=account.url, credentials=role) as client:
            for _ in range(5):
                client.detect(declared_png)
        assert len(sts.requests) == 1


def test_a_refused_key_is_named_by_its_end_alone(emulator: Emulator, declared_png: bytes) -> None:
    """A17."""
    key = aigclens.Credentials("LTAI5tDisabledKey9876", "some-secret-0001")
    with pytest.raises(aigclens.AuthenticationError, match=r"\.\.\.9876") as refused:
        aigclens.Client(endpoint=emulator.url, credentials=key).detect(declared_png)
    assert "DisabledKey" not in str(refused.value)


def test_nothing_found_says_so_soon_and_lists_every_place(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, home: Path, declared_png: bytes
) -> None:
    """A01: a metadata service that does not answer costs a second, once."""
    monkeypatch.delenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED")
    with MetadataServer() as silent, aigclens.Client(endpoint=emulator.url) as client:
        monkeypatch.setenv("AIGCLENS_METADATA_ENDPOINT", silent.url)
        silent.hang.clear()
        started = time.monotonic()
        for _ in range(20):
            with pytest.raises(aigclens.CredentialsNotFound) as missing:
                client.detect(declared_png)
        assert time.monotonic() - started < 5
        assert len(silent.requests) == 1
        places = ("environment", "OIDC", "config.json", "credentials.ini", "ECS", "CREDENTIALS_URI", "aigclens demo")
        for place in places:
            assert place in str(missing.value)

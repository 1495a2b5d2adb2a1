"""Alibaba's own packages, unmodified, run against the emulator: so that it cannot merely agree with our own signer."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import alibabacloud_oss_v2 as oss_v2
import oss2
import pytest
from alibabacloud_green20220302 import models as green_models
from alibabacloud_green20220302.client import Client as Green
from alibabacloud_tea_openapi.models import Config

from aigclens.testing import Emulator

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def green(
    emulator: Emulator, *, scheme: str | None = None, secret: str | None = None, port: int | None = None
) -> Green:
    """The official client as its documentation builds it. `scheme="v2"` selects RPC HMAC-SHA1."""
    config = Config(
        access_key_id=emulator.access_key_id,
        access_key_secret=secret or emulator.access_key_secret,
        endpoint=f"127.0.0.1:{port or emulator.port}",
        protocol="http",
        region_id="ap-southeast-1",
    )
    if scheme:
        config.signature_algorithm = scheme
    return Green(config)


def question(**parameters: Any) -> green_models.ImageModerationRequest:
    return green_models.ImageModerationRequest(service="aigcDetector_global", service_parameters=json.dumps(parameters))


def upload_token(client: Green) -> Any:
    token = client.describe_upload_token()
    assert token.status_code == 200
    assert token.body.code == 200
    return token.body.data


schemes = pytest.mark.parametrize("scheme", [None, "v2"], ids=["acs3", "rpc"])


@schemes
def test_the_sync_client_is_answered(emulator: Emulator, scheme: str | None) -> None:
    emulator.answer(data_id="img-1", label="aigc", confidence=81.88, risk_level="high")
    answered = green(emulator, scheme=scheme).image_moderation(
        question(imageUrl="https://e.com/a b.png", dataId="img-1")
    )
    assert (answered.status_code, answered.body.code, answered.body.msg) == (200, 200, "OK")
    assert answered.body.request_id.startswith("EMU-")
    (result,) = answered.body.data.result
    assert (result.label, result.confidence) == ("aigc", 81.88)
    assert (answered.body.data.data_id, answered.body.data.risk_level) == ("img-1", "high")
    assert emulator.ledger().billed == 1


@schemes
def test_the_async_client_is_answered(emulator: Emulator, scheme: str | None) -> None:
    emulator.answer(url="https://e.com/a.png", label="nonLabel")
    client = green(emulator, scheme=scheme)
    answered = asyncio.run(client.image_moderation_async(question(imageUrl="https://e.com/a.png")))
    (result,) = answered.body.data.result
    assert (answered.body.code, result.label, result.confidence) == (200, "nonLabel", None)


@schemes
@pytest.mark.parametrize("storage", ["oss2-v1", "oss2-v4", "oss-v2"])
def test_the_local_file_sample_flow(emulator: Emulator, declared_png: bytes, scheme: str | None, storage: str) -> None:
    """Token, PUT and moderation as the official sample does it: no `ossRegionId` for the temporary bucket."""
    client = green(emulator, scheme=scheme)
    token = upload_token(client)
    name = f"{token.file_name_prefix}{uuid.uuid1()}.png"
    if storage == "oss-v2":
        provider = oss_v2.credentials.StaticCredentialsProvider(
            token.access_key_id, token.access_key_secret, token.security_token
        )
        config = oss_v2.config.load_default()
        config.credentials_provider = provider
        config.region = "ap-southeast-1"
        config.endpoint = token.oss_internet_end_point
        stored = oss_v2.Client(config).put_object(
            oss_v2.PutObjectRequest(bucket=token.bucket_name, key=name, body=declared_png)
        )
        assert stored.status_code == 200
    else:
        auth: Any
        if storage == "oss2-v1":
            auth = oss2.StsAuth(token.access_key_id, token.access_key_secret, token.security_token)
        else:
            auth = oss2.StsAuth(
                token.access_key_id, token.access_key_secret, token.security_token, auth_version=oss2.AUTH_VERSION_4
            )
        bucket = oss2.Bucket(auth, token.oss_internet_end_point, token.bucket_name, region="ap-southeast-1")
        assert bucket.put_object(name, declared_png).status == 200  # oss2 compares the CRC64 itself
    answered = client.image_moderation(
        question(ossBucketName=token.bucket_name, ossObjectName=name, dataId=str(uuid.uuid1()))
    )
    (result,) = answered.body.data.result
    assert (answered.body.code, result.label, result.confidence) == (200, "aigc", 90.0)
    assert emulator.ledger().billed == 1


@schemes
def test_a_wrong_secret_is_refused(emulator: Emulator, scheme: str | None) -> None:
    with pytest.raises(Exception, match="SignatureDoesNotMatch"):
        green(emulator, scheme=scheme, secret="not-the-secret").image_moderation(question(imageUrl="https://e.com/a"))
    assert emulator.ledger().billed == 0


@schemes
def test_a_stale_timestamp_is_refused(emulator: Emulator, scheme: str | None) -> None:
    for offset in (3600, -3600):
        emulator.settings(clock_offset=offset)
        with pytest.raises(Exception, match="InvalidTimeStamp"):
            green(emulator, scheme=scheme).image_moderation(question(imageUrl="https://e.com/a"))
    assert emulator.ledger().billed == 0


class Repeater:
    """A middlebox that sends every request twice and gives the second answer back."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                request = self._read(client)
                # Host is part of what is signed: the bytes go on as they are.
                self._ask(request)
                client.sendall(self._ask(request))

    @staticmethod
    def _read(client: socket.socket) -> bytes:
        data = b""
        while True:
            data += client.recv(65536)
            head, found, body = data.partition(b"\r\n\r\n")
            lengths = [
                int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
            ]
            if found and len(body) >= (lengths or [0])[0]:
                return data

    def _ask(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.target)) as server:
            server.sendall(request)
            return self._read(server)


@pytest.fixture
def repeater(emulator: Emulator) -> Iterator[Repeater]:
    made = Repeater(emulator.port)
    yield made
    made.listener.close()


@schemes
def test_a_replayed_nonce_is_refused(emulator: Emulator, repeater: Repeater, scheme: str | None) -> None:
    """A09: the first copy was served and charged, the second is refused."""
    emulator.answer(url="https://e.com/a.png", label="aigc", confidence=1.0)
    with pytest.raises(Exception, match="SignatureNonceUsed"):
        green(emulator, scheme=scheme, port=repeater.port).image_moderation(question(imageUrl="https://e.com/a.png"))
    assert emulator.ledger().billed == 1


def test_our_own_client_is_refused_alike(emulator: Emulator, repeater: Repeater) -> None:
    import aigclens

    for scheme in ("acs3-hmac-sha256", "hmac-sha1"):
        wrong = aigclens.Credentials(emulator.access_key_id, "not-the-secret")
        with aigclens.Client(endpoint=emulator.url, credentials=wrong, signature=scheme) as client:
            with pytest.raises(aigclens.AuthenticationError) as refused:
                client.detect("https://e.com/a.png")
            assert (refused.value.code, refused.value.billing) == ("SignatureDoesNotMatch", "not_billed")
        with emulator.client(signature=scheme) as client:
            emulator.settings(clock_offset=3600)
            with pytest.raises(aigclens.ClockSkewError):
                client.detect("https://e.com/a.png", max_retries=0)
            emulator.settings(clock_offset=0)
        emulator.answer(url="https://e.com/a.png", label="aigc", confidence=1.0)
        replayed = f"http://127.0.0.1:{repeater.port}"
        with emulator.client(endpoint=replayed, signature=scheme, on_ambiguous="raise") as client:
            with pytest.raises(aigclens.NonceUsedError) as doubtful:
                client.detect("https://e.com/a.png")
            assert doubtful.value.billing == "possibly_billed"
    assert emulator.ledger().billed == 2


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_a_wrong_upload_secret_and_a_stale_upload_are_refused(emulator: Emulator, png: bytes, version: str) -> None:
    token = upload_token(green(emulator))
    chosen = oss2.AUTH_VERSION_4 if version == "v4" else oss2.AUTH_VERSION_1

    def bucket(secret: str) -> Any:
        auth = oss2.StsAuth(token.access_key_id, secret, token.security_token, auth_version=chosen)
        return oss2.Bucket(auth, token.oss_internet_end_point, token.bucket_name, region="ap-southeast-1")

    name = f"{token.file_name_prefix}x.png"
    with pytest.raises(oss2.exceptions.SignatureDoesNotMatch):
        bucket("wrong").put_object(name, png)
    with pytest.raises(oss2.exceptions.AccessDenied):
        bucket(token.access_key_secret).put_object("elsewhere/x.png", png)
    emulator.settings(clock_offset=1000)
    with pytest.raises(oss2.exceptions.ServerError) as late:
        bucket(token.access_key_secret).put_object(name, png)
    assert (late.value.status, late.value.code) == (403, "RequestTimeTooSkewed")


def test_the_refusals_of_the_service_reach_them_as_the_real_ones_do(emulator: Emulator) -> None:
    """Business codes come inside an HTTP 200, without an exception, as on the live service."""
    client = green(emulator)
    refused = client.image_moderation(question(imageUrl="http://127.0.0.1:9/gone.png"))
    assert (refused.status_code, refused.body.code, refused.body.data) == (200, 404, None)
    emulator.settings(account_ready=False)
    refused = client.image_moderation(question(imageUrl="https://e.com/a.png"))
    assert refused.body.code == 408
    emulator.settings(account_ready=True, qps=1)
    emulator.answer(url="https://e.com/a.png", label="nonLabel")
    codes = [client.image_moderation(question(imageUrl="https://e.com/a.png")).body.code for _ in range(5)]
    assert codes.count(403) >= 3
    assert emulator.ledger().billed == codes.count(200)


def test_the_pace_of_the_limit_is_a_sliding_second(emulator: Emulator) -> None:
    emulator.settings(qps=20)
    emulator.answer(url="https://e.com/a.png", label="nonLabel")
    client = green(emulator)
    started = time.monotonic()
    codes = [client.image_moderation(question(imageUrl="https://e.com/a.png")).body.code for _ in range(40)]
    assert set(codes) <= {200, 403}
    assert codes.count(200) <= 20 * (int(time.monotonic() - started) + 2)

"""Every request that the client puts on the wire verifies under an independent implementation of the signature."""

from __future__ import annotations

import json
import string
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
import signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import aigclens
from servers import Answer, Recorded, RecordingServer

SECRET = "testsecret"
printable = "".join(chr(code) for code in range(33, 127))
secrets = st.text(alphabet=printable, min_size=1, max_size=40)
tokens = st.none() | st.text(alphabet=string.ascii_letters + string.digits + "+/=-_.~*%&", min_size=1, max_size=400)
query_text = st.text(alphabet=string.ascii_letters + string.digits + "+*~%-_.=&?/:@!$'(),;", max_size=120)
urls = st.builds(
    lambda path, query, padding: f"https://img.example/{path}?q={query}{'x' * padding}".replace("%", "%25"),
    query_text,
    query_text,
    st.sampled_from([0, 0, 0, 0, 1500]),
)
awkward = st.sampled_from(["", "+", "*", "~", "%7E", "a b", "é", "中文", "😀", "a+b c*d~e%f", "=", "&", "%", "\u2028"])
referers = (
    st.none()
    | st.text(alphabet=st.characters(exclude_categories=["C"]), min_size=1, max_size=60)
    | awkward.filter(lambda text: bool(text) and text.isprintable())
)
data_ids = st.none() | st.text(alphabet=string.ascii_letters + string.digits + "_.-", min_size=1, max_size=64)
object_keys = st.text(
    alphabet=st.characters(exclude_categories=["C", "Z"], exclude_characters="\\"), min_size=1, max_size=80
).filter(lambda key: key[0] not in "/\\" and len(key.encode()) < 1000)

quick = settings(
    max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def server() -> Iterator[RecordingServer]:
    with RecordingServer() as running:
        yield running


def ask(
    server: RecordingServer, source: object, secret: str, token: str | None, scheme: Any, **options: Any
) -> Recorded:
    server.requests.clear()
    credentials = aigclens.Credentials("testid", secret, token)
    with aigclens.Client(endpoint=server.url, credentials=credentials, signature=scheme) as client:
        client.detect(source, **options)
    (request,) = server.requests
    assert request.header("host") == f"127.0.0.1:{server.port}", "the signed host is the one on the wire"
    return request


@quick
@given(url=urls, secret=secrets, token=tokens, data_id=data_ids, referer=referers)
def test_a_url_verifies_under_acs3(
    server: RecordingServer, url: str, secret: str, token: str | None, data_id: str | None, referer: str | None
) -> None:
    """A18."""
    if len(url) > 2048:
        return
    request = ask(server, url, secret, token, "acs3-hmac-sha256", data_id=data_id, referer=referer)
    signature.acs3(request, secret, token)
    fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))
    parameters = json.loads(fields["ServiceParameters"])
    assert parameters["imageUrl"] == url, "the URL arrives as it was given"
    assert (parameters.get("dataId"), parameters.get("referer")) == (data_id, referer)


@quick
@given(key=object_keys, secret=secrets, token=tokens, scheme=st.sampled_from(["acs3-hmac-sha256", "hmac-sha1"]))
def test_an_object_of_any_name_verifies_under_both_signatures(
    server: RecordingServer, key: str, secret: str, token: str | None, scheme: str
) -> None:
    """A18, J15."""
    source = aigclens.OssObject("my-bucket", key, "ap-southeast-1")
    request = ask(server, source, secret, token, scheme)
    verify = signature.acs3 if scheme.startswith("acs3") else signature.rpc
    verify(request, secret, token)
    fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))
    parameters = json.loads(fields["ServiceParameters"])
    assert isinstance(fields["ServiceParameters"], str)
    assert (parameters["ossBucketName"], parameters["ossObjectName"]) == ("my-bucket", key)


@pytest.mark.parametrize("upload_signature", ["v4", "v1"])
@settings(quick, max_examples=60)
@given(
    prefix=st.text(alphabet=string.ascii_letters + string.digits + "-_./~*+ %é中", min_size=1, max_size=30).filter(
        lambda prefix: not {".", ".."} & set(prefix.split("/"))  # Refused: a URL cannot carry them.
    ),
    secret=secrets,
)
def test_an_upload_verifies(
    server: RecordingServer, png: bytes, upload_signature: Any, prefix: str, secret: str
) -> None:
    """A18 for OSS: whatever prefix the token has."""

    def answer(request: Recorded) -> Answer:
        if request.header("x-acs-action") != "DescribeUploadToken":
            return Answer()
        data = {
            "AccessKeyId": "STS.testid",
            "AccessKeySecret": secret,
            "SecurityToken": "tok+en/==",
            "BucketName": "oss-cip-sg",
            "FileNamePrefix": f"upload/{prefix}/",
            "OssInternetEndPoint": server.url,
            "OssInternalEndPoint": server.url,
            "Expiration": int(time.time()) + 1800,
        }
        return Answer(body=json.dumps({"Code": 200, "RequestId": "R", "Data": data}).encode())

    server.requests.clear()
    server.answer = answer
    try:
        credentials = aigclens.Credentials("testid", SECRET)
        with aigclens.Client(
            region="us-east-1", endpoint=server.url, credentials=credentials, upload_signature=upload_signature
        ) as client:
            client.detect(png)
    finally:
        server.answer = lambda request: Answer()
    token, put, moderation = server.requests
    signature.acs3(token, SECRET)
    signature.acs3(moderation, SECRET)
    assert put.body == png
    if upload_signature == "v4":
        signature.oss_v4(put, secret, "us-east-1")
    else:
        signature.oss_v1(put, secret)


def test_the_verifier_itself_can_refuse(server: RecordingServer) -> None:
    """A check that cannot fail proves nothing: a changed body, header or secret must not verify."""
    request = ask(server, "https://img.example/a.png", SECRET, None, "acs3-hmac-sha256")
    signature.acs3(request, SECRET)
    with pytest.raises(AssertionError):
        signature.acs3(request, SECRET + "x")
    changed = Recorded(request.method, request.target, request.headers, request.body + b"&a=b")
    with pytest.raises(AssertionError):
        signature.acs3(changed, SECRET)
    moved = [(name, "evil.example" if name.lower() == "host" else value) for name, value in request.headers]
    with pytest.raises(AssertionError):
        signature.acs3(Recorded(request.method, request.target, moved, request.body), SECRET)

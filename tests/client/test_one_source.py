"""One call is about one image: what the face makes impossible, what it refuses, and what is sent."""

from __future__ import annotations

import inspect
import json
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

import aigclens
from aigclens import OssObject
from servers import Answer, Recorded, RecordingServer

CREDENTIALS = aigclens.Credentials("testid", "testsecret")
URL = "https://img.example/cat.png"


@pytest.mark.parametrize(
    "ask", [aigclens.Client.detect, aigclens.AsyncClient.detect, aigclens.detect, aigclens.adetect]
)
def test_there_is_one_place_for_a_source(ask: Any) -> None:
    """J14: no second argument can name an image, so that two cannot be given and none cannot be forgotten."""
    parameters = inspect.signature(ask).parameters
    positional = [name for name, one in parameters.items() if one.kind is not inspect.Parameter.KEYWORD_ONLY]
    assert [name for name in positional if name != "self"] == ["source"]
    assert parameters["source"].default is inspect.Parameter.empty
    for name in parameters:
        assert name in positional or not any(word in name for word in ("url", "path", "oss", "bucket", "image", "file"))


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ((), TypeError),
        ((URL, "other.png"), TypeError),
        ((None,), aigclens.UnsupportedSource),
        (([URL, URL],), aigclens.InvalidUrl),
        (((URL, b"bytes"),), aigclens.InvalidUrl),
        (({"url": URL, "path": "a.png"},), aigclens.UnsupportedSource),
        ((f"{URL},{URL}",), aigclens.InvalidUrl),
        ((f"{URL} {URL}",), aigclens.InvalidUrl),
        (("",), aigclens.InvalidParameter),
        ((OssObject("bucket", ""),), aigclens.InvalidParameter),
    ],
    ids=repr,
)
def test_two_sources_or_none_are_refused(arguments: tuple[Any, ...], kind: type) -> None:
    """J14: before any packet."""
    with RecordingServer() as server:
        with aigclens.Client(endpoint=server.url, credentials=CREDENTIALS, max_retries=0) as client:
            with pytest.raises(kind):
                client.detect(*arguments)
        assert server.requests == []


def test_exactly_one_source_is_sent(tmp_path: Path, png: bytes) -> None:
    """J14: a URL or an object of a bucket, never both and never none, whatever it was made from."""
    (tmp_path / "a.png").write_bytes(png)

    def answer(request: Recorded) -> Answer:
        if request.method == "PUT":
            return Answer(body=b"")
        if request.header("x-acs-action") == "DescribeUploadToken":
            data = {"AccessKeyId": "STS.u", "AccessKeySecret": "s", "SecurityToken": "t", "BucketName": "bucket"}
            data |= {"FileNamePrefix": "upload/", "OssInternetEndPoint": server.url}
            return Answer(body=json.dumps({"Code": 200, "Data": {**data, "Expiration": 4102444800}}).encode())
        return Answer()

    sources = [URL, tmp_path / "a.png", str(tmp_path / "a.png"), png, OssObject("own", "k.png", "us-east-1")]
    with RecordingServer(answer) as server:
        with aigclens.Client(endpoint=server.url, credentials=CREDENTIALS, region="us-east-1") as client:
            for source in [*sources, "oss://own/k.png"]:
                server.requests.clear()
                client.detect(source, data_id="d", referer="r")
                form = urllib.parse.parse_qs(server.requests[-1].body.decode())
                sent = set(json.loads(form["ServiceParameters"][0])) - {"dataId", "referer"}
                of_url, of_object = {"imageUrl"}, {"ossBucketName", "ossObjectName"}
                assert sent in (of_url, of_object, of_object | {"ossRegionId"}), source
                assert (sent == of_url) == (source == URL)

"""The signatures once more, in Python's own `hmac`, written from the documentation and not from our Rust: an
independent verifier of what the client really puts on the wire."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from servers import Recorded


def encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def acs3(request: Recorded, secret: str, security_token: str | None = None) -> None:
    """Asserts that the request verifies as ACS3-HMAC-SHA256."""
    algorithm, _, rest = (request.header("authorization") or "").partition(" ")
    assert algorithm == "ACS3-HMAC-SHA256"
    parts = dict(part.split("=", 1) for part in rest.split(","))
    names = parts["SignedHeaders"].split(";")
    assert names == sorted(names)
    present = {name.lower() for name, _ in request.headers}
    must = {name for name in present if name.startswith("x-acs-")} | {"host"} | (present & {"content-type"})
    assert set(names) == must, "host, content-type and every x-acs-*, nothing else"
    if security_token is not None:
        assert request.header("x-acs-security-token") == security_token
    payload = hashlib.sha256(request.body).hexdigest()
    assert request.header("x-acs-content-sha256") == payload
    target = urlsplit(request.target)
    query = "&".join(f"{encoded(k)}={encoded(v)}" for k, v in sorted(parse_qsl(target.query, keep_blank_values=True)))
    lines = "".join(f"{name}:{(request.header(name) or '').strip()}\n" for name in names)
    canonical = "\n".join([request.method, target.path, query, lines, ";".join(names), payload])
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    expected = hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    assert parts["Signature"] == expected


def rpc(request: Recorded, secret: str, security_token: str | None = None) -> None:
    """Asserts that the request verifies as RPC HMAC-SHA1, over the decoded parameters of query and body."""
    query = parse_qsl(urlsplit(request.target).query, keep_blank_values=True, strict_parsing=True)
    body = parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=bool(request.body))
    parameters = dict(query + body)
    assert len(parameters) == len(query) + len(body)
    signature = parameters.pop("Signature")
    assert parameters.get("SecurityToken") == security_token
    canonical = "&".join(f"{encoded(key)}={encoded(parameters[key])}" for key in sorted(parameters))
    to_sign = f"{request.method}&{encoded('/')}&{encoded(canonical)}"
    digest = hmac.new(f"{secret}&".encode(), to_sign.encode(), hashlib.sha1).digest()
    assert signature == base64.b64encode(digest).decode()


def oss_v4(request: Recorded, secret: str, region: str) -> None:
    """Asserts that a path-style PUT verifies as OSS4-HMAC-SHA256."""
    algorithm, _, rest = (request.header("authorization") or "").partition(" ")
    assert algorithm == "OSS4-HMAC-SHA256"
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    key_id, day, scope_region, product, tail = parts["Credential"].split("/")
    assert (scope_region, product, tail) == (region, "oss", "aliyun_v4_request") and key_id
    date = request.header("x-oss-date") or ""
    assert date.startswith(day)
    path = quote(unquote(urlsplit(request.target).path), safe="-_.~/")
    names = sorted(
        n.lower() for n, _ in request.headers if n.lower().startswith("x-oss-") or n.lower() == "content-type"
    )
    lines = "".join(f"{name}:{(request.header(name) or '').strip()}\n" for name in names)
    canonical = "\n".join([request.method, path, "", lines, "", "UNSIGNED-PAYLOAD"])
    scope = f"{day}/{region}/oss/aliyun_v4_request"
    to_sign = "\n".join(["OSS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signing_key = f"aliyun_v4{secret}".encode()
    for part in scope.split("/"):
        signing_key = hmac.new(signing_key, part.encode(), hashlib.sha256).digest()
    assert parts["Signature"] == hmac.new(signing_key, to_sign.encode(), hashlib.sha256).hexdigest()


def oss_v1(request: Recorded, secret: str) -> None:
    """Asserts that a path-style PUT verifies as OSS V1."""
    scheme, _, rest = (request.header("authorization") or "").partition(" ")
    assert scheme == "OSS"
    own = sorted((n.lower(), v.strip()) for n, v in request.headers if n.lower().startswith("x-oss-"))
    resource = unquote(urlsplit(request.target).path)
    to_sign = "\n".join([request.method, "", request.header("content-type") or "", request.header("date") or "", ""])
    to_sign += "".join(f"{name}:{value}\n" for name, value in own) + resource
    digest = hmac.new(secret.encode(), to_sign.encode(), hashlib.sha1).digest()
    assert rest.partition(":")[2] == base64.b64encode(digest).decode()

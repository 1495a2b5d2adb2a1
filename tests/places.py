"""Places that have credentials, on loopback, behaving as the real ones do: metadata service, STS, credentials URI."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlsplit

import signature
from typing_extensions import Self

from aigclens.testing import Emulator
from servers import Answer, Recorded, RecordingServer

TOKEN = "METADATA-TOKEN=="
ROLES = "/latest/meta-data/ram/security-credentials/"


@dataclass
class Session:
    """Temporary credentials, and for how many seconds they are good."""

    access_key_id: str = "STS.NUexample0001"
    access_key_secret: str = "session-secret-0001"
    security_token: str = "session/token+0001=="
    lifetime: float = 3600.0

    def written(self) -> dict[str, str]:
        end = datetime.now(timezone.utc) + timedelta(seconds=self.lifetime)
        return {
            "AccessKeyId": self.access_key_id,
            "AccessKeySecret": self.access_key_secret,
            "SecurityToken": self.security_token,
            "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def emulator(self) -> Emulator:
        """An emulator whose account these are."""
        return Emulator(
            access_key_id=self.access_key_id,
            access_key_secret=self.access_key_secret,
            security_token=self.security_token,
            qps=0,
        )


def _json(body: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body).encode(), {"content-type": "application/json"})


class Place(RecordingServer):
    """A server that gives the session, until `broken` says what to answer. `hang` keeps every caller waiting."""

    def __init__(self, session: Session | None = None) -> None:
        super().__init__(self._answer)
        self.session = session or Session()
        self.broken: Answer | None = None
        self.hang = threading.Event()
        self.hang.set()

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self.hang.set()
        super().__exit__(*exc)

    def _answer(self, request: Recorded) -> Answer:
        self.hang.wait(30)
        return self.broken or self.give(request)

    def give(self, request: Recorded) -> Answer:
        """What the real one would answer."""
        return _json({"Code": "Success", **self.session.written()})


class UriServer(Place):
    """A helper beside a container."""


class MetadataServer(Place):
    """The metadata service of an ECS instance: version 2 only, unless told otherwise."""

    def __init__(self, session: Session | None = None, role: str | None = "detector", *, has_v2: bool = True) -> None:
        super().__init__(session)
        self.role, self.has_v2 = role, has_v2

    def give(self, request: Recorded) -> Answer:
        if request.target == "/latest/api/token":
            if not self.has_v2:
                return Answer(404, b"<html>Not Found</html>")
            seconds = request.header("x-aliyun-ecs-metadata-token-ttl-seconds") or "0"
            if request.method != "PUT" or not 1 <= int(seconds) <= 21600:
                return Answer(400, b"bad request")
            return Answer(200, TOKEN.encode())
        if self.has_v2 and request.header("x-aliyun-ecs-metadata-token") != TOKEN:
            return Answer(403, b"<html>Forbidden</html>")
        if request.method != "GET" or self.role is None or not request.target.startswith(ROLES):
            return Answer(404, b"<html>Not Found</html>")
        if request.target == ROLES:
            return Answer(200, self.role.encode())
        return super().give(request) if request.target == ROLES + self.role else Answer(404, b"Not Found")


class StsServer(Place):
    """STS: gives sessions to whoever signs with its key, checked with Python's own `hmac`, or shows its OIDC token."""

    KEY_ID, SECRET = "LTAI5tBaseKeyExample", "base-secret-0001"
    OIDC_TOKEN = "header.payload.signature"

    def give(self, request: Recorded) -> Answer:
        query = dict(parse_qsl(urlsplit(request.target).query, keep_blank_values=True))
        if query.get("Action") == "AssumeRoleWithOIDC":
            fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
            if fields.get("OIDCToken") != self.OIDC_TOKEN or not fields.get("OIDCProviderArn"):
                return self.refused(400, "AuthenticationFail.OIDCToken.Invalid")
        else:
            fields = query
            try:
                assert request.header("x-acs-action") == "AssumeRole"
                assert request.header("x-acs-version") == "2015-04-01"
                assert f"Credential={self.KEY_ID}," in (request.header("authorization") or "")
                signature.acs3(request, self.SECRET)
            except AssertionError:
                return self.refused(400, "SignatureDoesNotMatch")
        if not fields.get("RoleArn", "").startswith("acs:ram::") or len(fields.get("RoleSessionName", "")) < 2:
            return self.refused(400, "MissingRoleArn")
        if not 900 <= int(fields["DurationSeconds"]) <= 43200:
            return self.refused(400, "InvalidParameter.DurationSeconds")
        return _json({"RequestId": "STS-1", "Credentials": self.session.written()})

    @staticmethod
    def refused(status: int, code: str) -> Answer:
        return _json({"RequestId": "STS-1", "Code": code, "Message": f"refused {StsServer.SECRET}"}, status)

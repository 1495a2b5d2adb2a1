"""General HTTP clients, signing by hand and nothing else: no retries, pace, billing, checks or typed results."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

from clients import KEY_ID, SECRET, SERVICE, URL, Stage

_PAYLOAD = "ServiceParameters=" + quote(json.dumps({"imageUrl": URL}, separators=(",", ":")), safe="")
BODY = _PAYLOAD.encode()
_NAMES = "content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"


def headers(host: str) -> dict[str, str]:
    """The headers of one call, signed with ACS3-HMAC-SHA256."""
    digest = hashlib.sha256(BODY).hexdigest()
    made = {
        "content-type": "application/x-www-form-urlencoded",
        "host": host,
        "x-acs-action": "ImageModeration",
        "x-acs-content-sha256": digest,
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "x-acs-signature-nonce": str(uuid.uuid4()),
        "x-acs-version": "2022-03-02",
    }
    lines = "".join(f"{name}:{text}\n" for name, text in made.items())
    canonical = f"POST\n/\nService={SERVICE}\n{lines}\n{_NAMES}\n{digest}"
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.new(SECRET.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    made["authorization"] = f"ACS3-HMAC-SHA256 Credential={KEY_ID},SignedHeaders={_NAMES},Signature={signature}"
    return made


def label(body: bytes) -> str:
    """What the answer says."""
    return str(json.loads(body)["Data"]["Result"][0]["Label"])


class _Signing:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.host = stage.host
        self.url = f"{stage.url}/?Service={SERVICE}"
        self.trust = None if stage.ca is None else ssl.create_default_context(cafile=stage.ca)
        self.open()

    def open(self) -> None:
        """Makes the client."""


class Aiohttp(_Signing):
    """aiohttp, one session."""

    session: Any = None

    async def acall(self) -> str:
        """One call."""
        if self.session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(limit=0, **({} if self.trust is None else {"ssl": self.trust}))
            self.session = aiohttp.ClientSession(connector=connector)
        async with self.session.post(self.url, data=BODY, headers=headers(self.host)) as answer:
            return label(await answer.read())

    async def aclose(self) -> None:
        """Ends it."""
        if self.session is not None:
            await self.session.close()


class _Pyreqwest(_Signing):
    def builder(self, builder: Any) -> Any:
        """No limits, and the server's authority."""
        if self.stage.ca is not None:
            builder = builder.add_root_certificate_pem(Path(self.stage.ca).read_bytes())
        return builder.no_proxy()


class PyreqwestSync(_Pyreqwest):
    """pyreqwest, synchronous."""

    def open(self) -> None:
        """Makes the client."""
        from pyreqwest.client import SyncClientBuilder

        self.client = self.builder(SyncClientBuilder()).build()

    def call(self) -> str:
        """One call."""
        request = self.client.post(self.url).headers(headers(self.host)).body_bytes(BODY).build()
        return label(bytes(request.send().bytes()))


class PyreqwestAsync(_Pyreqwest):
    """pyreqwest, on an event loop."""

    client: Any = None

    async def acall(self) -> str:
        """One call."""
        if self.client is None:
            from pyreqwest.client import ClientBuilder

            self.client = self.builder(ClientBuilder()).build()
        request = self.client.post(self.url).headers(headers(self.host)).body_bytes(BODY).build()
        return label(bytes(await (await request.send()).bytes()))

    async def aclose(self) -> None:
        """Ends it."""
        if self.client is not None:
            await self.client.close()


class HttpxSync(_Signing):
    """httpx, synchronous."""

    def open(self) -> None:
        """Makes the client."""
        import httpx

        self.client = httpx.Client(verify=self.trust or True, trust_env=False)

    def call(self) -> str:
        """One call."""
        return label(self.client.post(self.url, content=BODY, headers=headers(self.host)).content)


class HttpxAsync(_Signing):
    """httpx, on an event loop."""

    def open(self) -> None:
        """Makes the client."""
        import httpx

        self.client = httpx.AsyncClient(verify=self.trust or True, trust_env=False, timeout=30.0)

    async def acall(self) -> str:
        """One call."""
        return label((await self.client.post(self.url, content=BODY, headers=headers(self.host))).content)

    async def aclose(self) -> None:
        """Ends it."""
        await self.client.aclose()


class Requests(_Signing):
    """requests, one session with as many pooled connections as there are threads."""

    def open(self) -> None:
        """Makes the session."""
        import requests

        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = self.stage.ca or True
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=64)
        self.session.mount(f"{self.stage.scheme}://", adapter)

    def call(self) -> str:
        """One call."""
        return label(self.session.post(self.url, data=BODY, headers=headers(self.host)).content)

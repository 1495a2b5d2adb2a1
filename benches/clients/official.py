"""Alibaba Cloud's own SDK, as its documentation uses it: one client, one request object for each call."""

from __future__ import annotations

import json

from alibabacloud_green20220302.client import Client
from alibabacloud_green20220302.models import ImageModerationRequest
from alibabacloud_tea_openapi.models import Config

from clients import KEY_ID, SECRET, SERVICE, URL, Stage


def client(stage: Stage) -> Client:
    """The client with its defaults; the server's authority is among the system's (`stage.environment`).

    Only time-outs are longer: 64 calls of its async client over HTTPS keep a busy processor for more than the default
    of 5 s.
    """
    config = Config(
        access_key_id=KEY_ID,
        access_key_secret=SECRET,
        endpoint=stage.host,
        protocol=stage.scheme,
        region_id="ap-southeast-1",
        connect_timeout=60_000,
        read_timeout=60_000,
    )
    return Client(config)


def question(**parameters: str) -> ImageModerationRequest:
    """One request."""
    return ImageModerationRequest(service=SERVICE, service_parameters=json.dumps(parameters))


class Sync:
    """`image_moderation`."""

    def __init__(self, stage: Stage) -> None:
        self.client = client(stage)

    def call(self) -> str | None:
        """One call."""
        return str(self.client.image_moderation(question(imageUrl=URL)).body.data.result[0].label)


class Async:
    """`image_moderation_async`."""

    def __init__(self, stage: Stage) -> None:
        self.client = client(stage)

    async def acall(self) -> str | None:
        """One call."""
        return str((await self.client.image_moderation_async(question(imageUrl=URL))).body.data.result[0].label)

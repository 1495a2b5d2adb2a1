"""A local file: upload to the service's storage with the token at hand, its CRC64 compared, and the call."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from clients.official import client, question
from clients.ours import options

if TYPE_CHECKING:
    from clients import Stage


class Ours:
    """`Client.detect` of a path."""

    def __init__(self, stage: Stage) -> None:
        import aigclens

        self.client = aigclens.Client(**options(stage))
        self.path = stage.image or ""

    def call(self) -> str | None:
        """One file."""
        return self.client.detect(self.path).label


class OfficialOss2:
    """The sample of the service's documentation, with a token and a bucket object that are kept."""

    def __init__(self, stage: Stage) -> None:
        import oss2

        self.client = client(stage)
        self.path = stage.image or ""
        token = self.token = self.client.describe_upload_token().body.data
        auth = oss2.StsAuth(token.access_key_id, token.access_key_secret, token.security_token)
        self.bucket = oss2.Bucket(auth, token.oss_internet_end_point, token.bucket_name)

    def put(self, name: str) -> None:
        """The upload; oss2 compares the CRC64 by itself."""
        self.bucket.put_object_from_file(name, self.path)

    def call(self) -> str | None:
        """One file."""
        name = f"{self.token.file_name_prefix}{uuid.uuid4()}.png"
        self.put(name)
        asked = question(ossBucketName=self.token.bucket_name, ossObjectName=name)
        return str(self.client.image_moderation(asked).body.data.result[0].label)


class OfficialOssV2(OfficialOss2):
    """The same with the storage SDK that followed oss2."""

    def __init__(self, stage: Stage) -> None:
        import alibabacloud_oss_v2 as oss

        self.oss = oss
        self.client = client(stage)
        self.path = stage.image or ""
        token = self.token = self.client.describe_upload_token().body.data
        config = oss.config.load_default()
        config.credentials_provider = oss.credentials.StaticCredentialsProvider(
            token.access_key_id, token.access_key_secret, token.security_token
        )
        config.region = "ap-southeast-1"
        config.endpoint = token.oss_internet_end_point
        self.storage = oss.Client(config)

    def put(self, name: str) -> None:
        """The upload; the SDK compares the CRC64 by itself."""
        request = self.oss.PutObjectRequest(bucket=self.token.bucket_name, key=name)
        self.storage.put_object_from_file(request, self.path)

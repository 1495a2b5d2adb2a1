"""The same machine has the same identity here and in Alibaba Cloud's own package, `alibabacloud_credentials`. It reads
the environment when it is imported, and is asked in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import aigclens
from places import UriServer
from servers import RecordingServer

OFFICIAL = """
from alibabacloud_credentials.provider.default import DefaultCredentialsProvider
print(DefaultCredentialsProvider().get_credentials().get_access_key_id())
"""
ENV = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI-env", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "env-secret"}
CLI = {
    "current": "one",
    "profiles": [
        {"name": "one", "mode": "AK", "access_key_id": "LTAI-one", "access_key_secret": "one-secret"},
        {"name": "two", "mode": "StsToken", "access_key_id": "STS.two", "access_key_secret": "x", "sts_token": "t"},
    ],
}
EMPTY = {"current": "one", "profiles": [{"name": "one", "mode": "AK", "access_key_id": "", "access_key_secret": ""}]}
INI = """
; a comment
[default]
type = access_key
Access_Key_ID: LTAI-ini # the usual one
access_key_secret = ini=secret==
[three]
type=access_key
access_key_id=LTAI-three#four
access_key_secret=x
"""
URI = "ALIBABA_CLOUD_CREDENTIALS_URI"
PROFILE = "ALIBABA_CLOUD_PROFILE"


def ours() -> str:
    """The id that signs a call of a client without credentials=."""
    with RecordingServer() as service, aigclens.Client(endpoint=service.url) as client:
        client.detect("https://img.example/cat.png")
        authorization = service.requests[-1].header("authorization") or ""
    return authorization.partition("Credential=")[2].partition(",")[0]


@pytest.mark.parametrize(
    ("variables", "cli", "ini", "expected"),
    [
        (ENV, CLI, INI, "LTAI-env"),
        ({**ENV, PROFILE: "two"}, CLI, INI, "LTAI-env"),
        ({}, CLI, INI, "LTAI-one"),
        ({PROFILE: "two"}, CLI, INI, "STS.two"),
        ({PROFILE: "three"}, CLI, INI, "LTAI-three"),
        ({"ALIBABA_CLOUD_CLI_PROFILE_DISABLED": "true"}, CLI, INI, "LTAI-ini"),
        ({"ALIBABA_CLOUD_ROLE_ARN": "acs:ram::1:role/x"}, CLI, INI, "LTAI-one"),
        ({}, EMPTY, INI, "LTAI-ini"),
        ({}, None, INI, "LTAI-ini"),
        ({URI: ""}, CLI, None, "LTAI-one"),
        ({URI: "set"}, None, INI, "LTAI-ini"),
        ({URI: "set"}, None, None, "STS.NUexample0001"),
        ({"ALIBABA_CLOUD_CREDENTIALS_FILE": "elsewhere.ini"}, None, INI, "LTAI-elsewhere"),
    ],
)
@pytest.mark.filterwarnings("ignore:the access key id looks like a real one")
def test_the_same_machine_has_the_same_identity(
    variables: dict[str, str],
    cli: object,
    ini: str | None,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """M09."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    files = {".aliyun/config.json": cli and json.dumps(cli), ".alibabacloud/credentials.ini": ini}
    files["elsewhere.ini"] = "[default]\ntype=access_key\naccess_key_id=LTAI-elsewhere\naccess_key_secret=x\n"
    for name, text in files.items():
        if text:
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(str(text))
            path.chmod(0o600)
    with UriServer() as server:
        for name, value in variables.items():
            monkeypatch.setenv(name, server.url if value == "set" else value)
        official = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", OFFICIAL],
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (official.stdout.strip(), ours()) == (expected, expected), official.stderr

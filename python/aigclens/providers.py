"""The places that have credentials, described. `aigclens.credentials` has their names."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from aigclens.credentials import Credentials, Provider, check_pickles, described

__all__ = [
    "AssumeRole",
    "CredentialChain",
    "CredentialsSource",
    "EcsRole",
    "EnvironmentCredentials",
    "OidcRole",
    "ProfileCredentials",
    "UriCredentials",
]


@dataclass(frozen=True, slots=True)
class CredentialChain(Provider):
    """What a client uses without `credentials=`: the first place that has some, in Alibaba Cloud's own order.

    1. Environment; 2. OIDC role, if its three variables are set; 3. `~/.aliyun/config.json`; 4.
    `~/.alibabacloud/credentials.ini`; 5. ECS instance role; 6. `ALIBABA_CLOUD_CREDENTIALS_URI`. A place that is
    configured and does not work is an error, not a reason to go on to the next.
    """

    def _described(self) -> tuple[Any, ...]:
        return ("chain",)


@dataclass(frozen=True, slots=True)
class EnvironmentCredentials(Provider):
    """The environment and nothing else, read at each use.

    `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and, for temporary ones,
    `ALIBABA_CLOUD_SECURITY_TOKEN`.
    """

    def _described(self) -> tuple[Any, ...]:
        return ("environment",)


@dataclass(frozen=True, slots=True)
class ProfileCredentials(Provider):
    """A profile of the `aliyun` command (`config.json`) or a section of `credentials.ini`.

    Args:
        name: The profile; without it `ALIBABA_CLOUD_PROFILE`, else the file's current (`config.json`) or `default` one.
        path: A file of either kind; without it `~/.aliyun/config.json`, then `~/.alibabacloud/credentials.ini`.
    """

    name: str | None = None
    path: str | os.PathLike[str] | None = None

    def _described(self) -> tuple[Any, ...]:
        return ("profile", self.name, None if self.path is None else os.fspath(self.path))


@dataclass(frozen=True, slots=True)
class EcsRole(Provider):
    """The role of the ECS instance that this runs on, from its metadata service.

    Args:
        role_name: The role; without it `ALIBABA_CLOUD_ECS_METADATA`, else the one that the service names.
        endpoint: Another host than `100.100.100.200`.
    """

    role_name: str | None = None
    endpoint: str | None = None

    def _described(self) -> tuple[Any, ...]:
        return ("ecs_role", self.role_name, self.endpoint)


@dataclass(frozen=True, slots=True)
class AssumeRole(Provider):
    """A RAM role, assumed with other credentials (STS `AssumeRole`).

    Args:
        role_arn: For example `acs:ram::1234567890123456:role/detector`; without it `ALIBABA_CLOUD_ROLE_ARN`.
        source: The credentials to assume it with, anything that `credentials=` takes; the chain without it.
        session_name: A name for the audit trail, 2 to 64 of `A-Z a-z 0-9 . @ - _`.
        duration: Seconds that a session lasts, 900 to 43,200 and no more than the role allows; 3,600 without it.
        policy: A policy (JSON) that narrows what the session may do.
        external_id: What the role's trust policy asks for.
        region: The region whose STS to ask; without it `ALIBABA_CLOUD_STS_REGION`, else the one for all regions.
        vpc: Ask it inside of the VPC; without it `ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED`.
        endpoint: Another host of STS.
    """

    role_arn: str | None = None
    source: CredentialsSource | None = None
    session_name: str | None = None
    duration: int | None = None
    policy: str | None = None
    external_id: str | None = None
    region: str | None = None
    vpc: bool | None = None
    endpoint: str | None = None

    def _described(self) -> tuple[Any, ...]:
        return ("assume_role", _role(self, self.external_id), described(self.source))

    def _check_pickles(self, holder: str) -> None:
        check_pickles(self.source, holder)


@dataclass(frozen=True, slots=True)
class OidcRole(Provider):
    """A RAM role, assumed with the token of an identity provider (STS `AssumeRoleWithOIDC`): mostly a pod's.

    Args:
        role_arn: The role; without it `ALIBABA_CLOUD_ROLE_ARN`.
        provider_arn: The identity provider; without it `ALIBABA_CLOUD_OIDC_PROVIDER_ARN`.
        token_file: The token's file, read for every session; without it `ALIBABA_CLOUD_OIDC_TOKEN_FILE`.
        session_name: As of `AssumeRole`, and so are the others.
        duration: Seconds that a session lasts.
        policy: A policy (JSON) that narrows what the session may do.
        region: The region whose STS to ask.
        vpc: Ask it inside of the VPC.
        endpoint: Another host of STS.
    """

    role_arn: str | None = None
    provider_arn: str | None = None
    token_file: str | os.PathLike[str] | None = None
    session_name: str | None = None
    duration: int | None = None
    policy: str | None = None
    region: str | None = None
    vpc: bool | None = None
    endpoint: str | None = None

    def _described(self) -> tuple[Any, ...]:
        token_file = None if self.token_file is None else os.fspath(self.token_file)
        return ("oidc", _role(self, None), self.provider_arn, token_file)


@dataclass(frozen=True, slots=True)
class UriCredentials(Provider):
    """An address that answers with temporary credentials, as a helper beside a container does.

    Args:
        url: `https`, or `http` to an address of this machine, of its link, or of a private network; without it
            `ALIBABA_CLOUD_CREDENTIALS_URI`.
    """

    url: str | None = None

    def _described(self) -> tuple[Any, ...]:
        return ("uri", self.url)


CredentialsSource: TypeAlias = (
    Credentials
    | CredentialChain
    | EnvironmentCredentials
    | ProfileCredentials
    | EcsRole
    | AssumeRole
    | OidcRole
    | UriCredentials
    | Callable[[], Credentials | Awaitable[Credentials]]
)


def _role(role: AssumeRole | OidcRole, external_id: str | None) -> dict[str, Any]:
    return {
        "role_arn": role.role_arn,
        "session_name": role.session_name,
        "duration": role.duration,
        "policy": role.policy,
        "external_id": external_id,
        "region": role.region,
        "vpc": role.vpc,
        "endpoint": role.endpoint,
    }

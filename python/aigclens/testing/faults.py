"""Faults on purpose: what goes wrong, at which stage of which requests, and which access keys are known meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from aigclens.credentials import Credentials

if TYPE_CHECKING:
    from typing_extensions import NotRequired, Required, Unpack

__all__ = ["FaultAction", "FaultControls", "FaultDetails", "FaultPlan", "FaultReport", "FaultRule", "FaultStage"]

FaultStage: TypeAlias = Literal[
    "accept", "mid_request", "before_billing", "after_billing", "mid_headers", "mid_body", "after_body"
]
FaultAction: TypeAlias = Literal[
    "delay",
    "stall",
    "fin",
    "rst",
    "garbage",
    "banner",
    "content_length",
    "two_lengths",
    "html",
    "redirect",
    "gzip",
    "endless",
    "trickle",
    "truncate",
    "status",
    "headers",
    "duplicate_keys",
    "deep_nesting",
    "invalid_utf8",
    "informational",
    "no_content",
    "http10",
    "throttle",
    "expired_token",
    "refuse",
    "crc",
    "object_lost",
    "nonce_used",
    "clock",
]
FaultOperation: TypeAlias = Literal["ImageModeration", "DescribeUploadToken", "PutObject"]


class FaultDetails(TypedDict, total=False):
    """The details of an action; `FaultControls.fault` says which action takes which."""

    seconds: float
    interval: float
    offset: float
    keep: float
    by: int
    bytes: int
    count: int
    status: int
    text: str
    body: str
    content_type: str
    location: str
    code: str
    message: str
    ec: str
    shape: Literal["body", "gateway", "http"]
    retry_after: str
    retry_after_ms: str


class FaultRule(FaultDetails, total=False):
    """One rule of a plan; `FaultControls.fault` describes it."""

    stage: Required[FaultStage]
    action: Required[FaultAction]
    rate: float
    times: int
    nth: int
    operation: FaultOperation
    data_id: str


class FaultPlan(TypedDict):
    """A whole plan: a seed, and rules of which the first that is for a request and whose turn it is acts."""

    rules: list[FaultRule]
    seed: NotRequired[int]


class FaultReport(TypedDict):
    """What is in force, and what acted how often.

    Each rule also has `seen`, the requests that it was for, and `acted`. `acted` sums up by `stage:action`.
    """

    seed: int
    rules: list[dict[str, Any]]
    acted: dict[str, int]


class FaultControls:
    """The part of `Emulator` that makes trouble."""

    def _ask(self, method: str, page: str, body: object = None) -> Any:
        raise NotImplementedError

    def faults(self, plan: FaultPlan | Mapping[str, Any] | None = None) -> FaultReport:
        """What is in force and what acted how often, after putting a plan in force if one is given.

        Args:
            plan: `{"seed": 7, "rules": [{"stage": "after_billing", "action": "fin", "rate": 0.1}, ...]}`. It takes the
                place of whatever was in force. The same seed and order of requests have the same outcome.

        Raises:
            ConfigError: The plan makes no sense; what was in force stays.
        """
        found: FaultReport = self._ask("GET" if plan is None else "POST", "faults", plan)
        return found

    def fault(
        self,
        *,
        stage: FaultStage,
        action: FaultAction,
        rate: float | None = None,
        times: int | None = None,
        nth: int | None = None,
        operation: FaultOperation | None = None,
        data_id: str | None = None,
        **details: Unpack[FaultDetails],
    ) -> None:
        """Puts one more rule in force, behind those that are.

        Actions, with their details and what these are if not given:

        - at every stage: `delay` (`seconds` 1), `stall` (silence until the client leaves, `seconds` 60 at most),
          `fin` (the connection ends), `rst` (it is reset), `garbage` (`text` instead of HTTP; behind the body it
          would be taken for the next answer), `banner` (that of an SSH server);
        - instead of the answer: `html` (`status` 200) and `status` (`status` 503, `body`, `content_type`,
          `retry_after`, `retry_after_ms`), which belong before the charge unless the status is 200; and there alone
          `redirect` (`status` 302, `location`), `throttle` (`shape` `body`, `gateway` or `http`, `retry_after`,
          `retry_after_ms`), `refuse` (`code`, `status` 403, `message`, `ec`; JSON of the gateway or XML of the
          storage), `expired_token`;
        - the answer spoiled, after the charge or before it (then it is one that says that nothing was charged):
          `content_length` (`by` 10 too long, below 0 too short), `two_lengths`, `gzip` (with `bytes` blanks behind
          it: a bomb), `endless` (`bytes` 16384 every `interval` 0 seconds for `seconds` 60), `trickle` (`bytes` 1
          every `interval` 0 seconds), `truncate` (`keep` 0.5), `headers` (`count` 100,000 of `bytes` 8),
          `duplicate_keys`, `deep_nesting` (`count` 100,000), `invalid_utf8`, `informational` (`count` 1,000 answers
          103 before it), `no_content` (204 with a body), `http10`, `nonce_used`;
        - besides: `crc` (an upload's checksum is wrong, after it was stored), `object_lost` (an uploaded image is
          gone before it is asked about), `clock` (the server's is `offset` 3,600 seconds ahead for one request).

        Args:
            stage: Where on the way of a request. `accept`: a connection was accepted, nothing was read; this also
                meets connections to the emulator's own pages. `mid_request`: the head was read, the body was not.
                `before_billing`: read and verified, nothing charged or stored. `after_billing`: charged or stored,
                no byte of the answer sent. `mid_headers`, `mid_body`: half of them was sent. `after_body`: all was
                sent.
            action: What happens, from the list above.
            rate: The share of the requests that it acts on, 0 to 1; all if not given.
            times: On how many at most.
            nth: Only on the nth request that it is for, from 1.
            operation: Only for this operation. Not known at `accept`.
            data_id: Only for calls with this data id. Not known at `accept` and `mid_request`.
            **details: Of the action, as described there.

        Raises:
            ConfigError: The rule makes no sense.
        """
        rule = {"stage": stage, "action": action, "rate": rate, "times": times, "nth": nth}
        self._ask("POST", "faults/rule", {**rule, "operation": operation, "data_id": data_id, **details})

    def clear_faults(self) -> None:
        """Nothing goes wrong on purpose any more."""
        self._ask("DELETE", "faults")

    def temporary_credentials(self, lifetime: float = 3600.0) -> Credentials:
        """New temporary credentials, as the credentials service (STS) gives them out.

        Args:
            lifetime: Seconds until they are refused (`InvalidSecurityToken.Expired`), by the emulator's clock.

        Raises:
            ConfigError: The lifetime makes no sense.
        """
        return _credentials(self._ask("POST", "keys", {"lifetime": lifetime}))

    def set_key(
        self,
        access_key_id: str,
        access_key_secret: str | None = None,
        *,
        security_token: str | Literal[False] | None = False,
        active: bool | None = None,
        lifetime: float | None = None,
    ) -> Credentials:
        """Adds an access key or changes one; what is not given stays as it is.

        Args:
            access_key_id: Of a key that is known, or of a new one.
            access_key_secret: Its secret; a new key needs one.
            security_token: What every call must carry; `None` takes it away.
            active: `False` refuses calls with `InvalidAccessKeyId.Inactive`.
            lifetime: Seconds until it expires.

        Raises:
            ConfigError: The key makes no sense, or looks like a real one.
        """
        change: dict[str, Any] = {"access_key_id": access_key_id, "access_key_secret": access_key_secret}
        change |= {"active": active, "lifetime": lifetime}
        if security_token is not False:
            change["security_token"] = security_token
        return _credentials(self._ask("POST", "keys", change))


def _credentials(key: dict[str, Any]) -> Credentials:
    return Credentials(key["access_key_id"], key["access_key_secret"], key["security_token"])

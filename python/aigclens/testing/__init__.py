"""The emulator: the service on loopback, for tests, demos and first steps without an account.

    with aigclens.testing.Emulator() as emulator, emulator.client() as client:
        client.detect("photo.jpg")
        assert emulator.ledger().billed == 1

It verifies signatures, times and nonces as the service does, and answers each documented code for its real cause. It
looks at no pixels: its verdict repeats what an image declares about itself. pytest users have the fixture
`aigclens_emulator`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from aigclens import _native
from aigclens.credentials import Credentials
from aigclens.errors import ConfigError
from aigclens.precautions import hide
from aigclens.price import PRICE_PER_CALL
from aigclens.testing.faults import FaultControls, FaultPlan, FaultReport, FaultRule

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from aigclens.client import AsyncClient, Client
    from aigclens.options import ClientOptions

__all__ = ["Emulator", "FaultPlan", "FaultReport", "FaultRule", "Ledger", "LedgerEntry"]

Judge: TypeAlias = Literal["provenance", "hash"] | dict[str, Any]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One charged call.

    Attributes:
        seq: Its number, from 1.
        time: When, in UTC by the emulator's clock, as ISO 8601.
        request_id: `Detection.request_id` of the call.
        access_key_id: Who pays.
        service: The service asked.
        data_id: The call's data id, or `None`.
        source: `url`, `oss`, or `upload` for local images.
        label: The label that was answered.
        confidence: 0 to 100, or `None`.
        fault: What went wrong on purpose, as `stage:action`; several have a space between them.
    """

    seq: int
    time: str
    request_id: str
    access_key_id: str
    service: str
    data_id: str | None
    source: str
    label: str | None
    confidence: float | None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the service would have charged.

    Attributes:
        currency: `USD`.
        price_per_call: The emulator's, which is `aigclens.price.PRICE_PER_CALL` unless it was given another.
        billed: The number of charged calls.
        total: Their price.
        entries: One for each, in order.
    """

    currency: str
    price_per_call: Decimal
    billed: int
    total: Decimal
    entries: tuple[LedgerEntry, ...]


class Emulator(FaultControls):
    """An emulator in this process, in a thread of its own. It runs once this returns, until `stop()`.

    Args:
        host: The address to listen on; loopback unless `allow_non_loopback`.
        port: 0 picks a free one.
        allow_non_loopback: Listen where other machines can reach it.
        access_key_id: The id it knows; one that looks real is refused.
        access_key_secret: The secret of it.
        security_token: If given, every call must carry it.
        qps: Calls it answers in any second; 0 for no limit. The service's limit is 100.
        throttle_shape: `body` refuses a call too many as the service does, `gateway` as its gateway does.
        account_ready: `False` answers code 408, as for an account that is not activated or overdue.
        ugc_label: Whether the label `ugc` is switched on.
        judge: `provenance` repeats what images declare, with fixed confidences: generated in a standard's own words 95,
            by what only a generator writes 90, with a reservation or by a tool's name 75, composite 60, captured 90 (as
            `ugc`, where that is on), anything else `nonLabel` without one; `hash` draws from their bytes (and answers
            for URLs that it cannot fetch), `{"label": ..., "confidence": ...}` always says that.
        clock_offset: Seconds that its clock is ahead of this machine's.
        token_lifetime: Seconds that upload tokens are valid.
        fetch_timeout: Seconds that the download of a URL may take. It fetches from loopback only.
        refuse_v1: Whether uploads signed with OSS V1 are refused.
        price_per_call: What its ledger reckons with, in USD.

    Raises:
        ConfigError: An option is wrong, or the port is taken.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        allow_non_loopback: bool = False,
        access_key_id: str | None = None,
        access_key_secret: str | None = None,
        security_token: str | None = None,
        qps: int = 100,
        throttle_shape: Literal["body", "gateway"] = "body",
        account_ready: bool = True,
        ugc_label: bool = False,
        judge: Judge = "provenance",
        clock_offset: float = 0.0,
        token_lifetime: float = 3600.0,
        fetch_timeout: float = 3.0,
        refuse_v1: bool = False,
        price_per_call: Decimal = PRICE_PER_CALL,
    ) -> None:
        start = {
            "host": host,
            "port": port,
            "allow_non_loopback": allow_non_loopback,
            "access_key_id": access_key_id,
            "access_key_secret": access_key_secret,
            "security_token": security_token,
            "micro_dollars": _micro_dollars(price_per_call),
            "settings": {
                "qps": qps,
                "throttle_shape": throttle_shape,
                "account_ready": account_ready,
                "ugc_label": ugc_label,
                "judge": judge,
                "clock_offset": clock_offset,
                "token_lifetime": token_lifetime,
                "fetch_timeout": fetch_timeout,
                "refuse_v1": refuse_v1,
            },
        }
        # A traceback may show this frame's locals (N14): the secret has no name here while it starts.
        once = [start]
        del start, access_key_secret, security_token
        self._native = _native.Emulator(_json(once.pop()))

    @property
    def url(self) -> str:
        """For example `http://127.0.0.1:41234`."""
        return self._native.url

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._native.port

    @property
    def access_key_id(self) -> str:
        """The id of the access key that it knows."""
        return self._native.access_key_id

    @property
    def access_key_secret(self) -> str:
        """The secret of it, which opens nothing else."""
        return self._native.access_key_secret

    @property
    def credentials(self) -> Credentials:
        """Both, and the security token if it wants one."""
        return Credentials(self.access_key_id, self.access_key_secret, self._native.security_token)

    def options(self) -> ClientOptions:
        """The keyword arguments that make a client one of this emulator."""
        return {"endpoint": self.url, "credentials": self.credentials}

    def client(self, **options: Unpack[ClientOptions]) -> Client:
        """A client of this emulator, with further options of `aigclens.Client`; `qps=None` for hundreds of calls."""
        from aigclens.client import Client

        merged: ClientOptions = {**self.options(), **hide(options)}
        return Client(**merged)

    def async_client(self, **options: Unpack[ClientOptions]) -> AsyncClient:
        """A client for asyncio of this emulator, with further options of `aigclens.Client`."""
        from aigclens.client import AsyncClient

        merged: ClientOptions = {**self.options(), **hide(options)}
        return AsyncClient(**merged)

    def environment(self) -> dict[str, str]:
        """The environment variables that make every client without options one of this emulator."""
        variables = {
            "AIGCLENS_ENDPOINT": self.url,
            "ALIBABA_CLOUD_ACCESS_KEY_ID": self.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": self.access_key_secret,
        }
        token = self._native.security_token
        return variables if token is None else {**variables, "ALIBABA_CLOUD_SECURITY_TOKEN": token}

    def ledger(self) -> Ledger:
        """What the service would have charged so far."""
        found = self._ask("GET", "ledger")
        return Ledger(
            currency=found["currency"],
            price_per_call=Decimal(found["price_per_call"]),
            billed=found["billed"],
            total=Decimal(found["total"]),
            entries=tuple(LedgerEntry(**entry) for entry in found["entries"]),
        )

    def requests(self) -> list[dict[str, Any]]:
        """The last 1,000 requests: `action`, `parameters`, `status`, `code`, `request_id`, `faults` and more."""
        found: list[dict[str, Any]] = self._ask("GET", "requests")
        return found

    def connections(self) -> dict[str, int]:
        """How many connections were `accepted`, and how many are `open`."""
        found: dict[str, int] = self._ask("GET", "connections")
        return found

    def answer(
        self,
        *,
        data_id: str | None = None,
        url: str | None = None,
        sha256: str | None = None,
        label: str | None = None,
        confidence: float | None = None,
        risk_level: str | None = None,
        labels: Iterable[dict[str, Any]] | None = None,
        data: dict[str, Any] | None = None,
        code: int | str | None = None,
        http_status: int | None = None,
        message: str | None = None,
        times: int | None = None,
    ) -> None:
        """Scripts an answer. The script that was added last and fits is used.

        Args:
            data_id: Only for calls with this data id.
            url: Only for this URL, or `oss://bucket/key` for an object.
            sha256: Only for an image of this SHA-256, hexadecimal.
            label: The label to answer, with `confidence` and `risk_level`.
            confidence: 0 to 100.
            risk_level: Derived from label and confidence if not given.
            labels: Several labels instead: dictionaries of `label`, `confidence`, `description`, `risk_level`.
            data: Further members of the answer's `Data`.
            code: A refusal instead: a number is the service's (`404`), a text the gateway's (`"Throttling.User"`).
            http_status: The HTTP status of a gateway's refusal; 400 if not given.
            message: The words of a refusal.
            times: How often to answer so; for ever if not given.

        Raises:
            ConfigError: There is both a label and a code, or neither.
        """
        script = {
            "data_id": data_id,
            "url": url,
            "sha256": sha256,
            "label": label,
            "confidence": confidence,
            "risk_level": risk_level,
            "labels": None if labels is None else list(labels),
            "data": data,
            "code": code,
            "http_status": http_status,
            "message": message,
            "times": times,
        }
        self._ask("POST", "answers", script)

    def forget_answers(self) -> None:
        """Forgets every script."""
        self._ask("DELETE", "answers")

    def settings(self, **changes: Any) -> dict[str, Any]:
        """The settings in force, after changing those that are given: `qps`, `account_ready`, `judge` and the others.

        Raises:
            ConfigError: A setting does not exist or its value makes no sense; then none was changed.
        """
        found: dict[str, Any] = self._ask("POST", "settings", changes)
        return found

    def reset(self) -> None:
        """Back to the start: ledger, requests, scripts, uploads, settings, faults and keys."""
        self._ask("POST", "reset")

    def stop(self) -> None:
        """Drops all connections and ends. Harmless when repeated."""
        self._native.stop()

    def _ask(self, method: str, page: str, body: object = None) -> Any:
        text = "" if body is None else _json(body)
        status, answer = self._native.control(method, f"/_emulator/{page}", text)
        found = json.loads(answer)
        if status != 200:
            raise ConfigError(f"emulator: {found['error']}")
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        if not hasattr(self, "_native"):  # Its options were refused.
            return "<Emulator unfinished>"
        return f"<Emulator {self.url}>"


def _json(value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as problem:
        message = f"emulator: {problem}"
    del value
    raise ConfigError(message)


def _micro_dollars(price: Decimal) -> int:
    if not isinstance(price, Decimal) or not price.is_finite() or not 0 <= price <= 1_000 or price * 1_000_000 % 1:
        raise ConfigError("emulator: price_per_call is a Decimal of USD from 0, of whole millionths")
    return int(price * 1_000_000)

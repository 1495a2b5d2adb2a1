"""What a client tells of its work: one event for each step of each attempt, for `on_event=`, for logs and for traces.

    def watch(event: events.Event) -> None:
        if isinstance(event, events.AttemptFinished):
            print(event.operation, event.outcome, event.billing, event.elapsed)

    client = aigclens.Client(on_event=watch)

`on_event` is called on the thread that waits for the answer, or on that of the event loop, in the order of the steps.
What it raises is logged and goes no further. No event ever holds a secret.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from aigclens.models import Billing

__all__ = [
    "AttemptFinished",
    "AttemptRetried",
    "AttemptStarted",
    "Event",
    "Observer",
    "Throttled",
    "Warned",
]


@dataclass(frozen=True, slots=True)
class Event:
    """What all events have.

    Attributes:
        call: The number of the call, unique in this process: what joins the events of one call.
        attempt: The number of the attempt within its call, from 1; 0 where there was none yet. A call on a local image
            has several: token, upload, moderation.
        data_id: The `data_id` of the call, or `None`.
        time: When, in seconds since the Unix epoch, by this machine's clock.
    """

    call: int
    attempt: int
    data_id: str | None
    time: float


@dataclass(frozen=True, slots=True)
class AttemptStarted(Event):
    """A request is about to be sent.

    Attributes:
        operation: `DescribeUploadToken`, `PutObject` or `ImageModeration`.
        region: The region asked, where it is known.
        endpoint: The host asked; for an upload, the service's whose storage it is.
        waited: Seconds that this attempt has waited for credentials and for its turn at the pace.
    """

    operation: str
    region: str | None
    endpoint: str
    waited: float


@dataclass(frozen=True, slots=True)
class AttemptFinished(Event):
    """A request ended. Each `AttemptStarted` has one.

    Attributes:
        operation: `DescribeUploadToken`, `PutObject` or `ImageModeration`.
        outcome: `ok`, the name of the exception class, or `Cancelled` where the call was given up meanwhile.
        billing: Whether this request was charged.
        code: The code of the answer as the service wrote it, or `None`.
        request_id: The service's id of this request, or `None`.
        region: The region asked, where it is known.
        elapsed: Seconds from before the connection was asked for to the last byte of the answer.
    """

    operation: str
    outcome: str
    billing: Billing
    code: str | None
    request_id: str | None
    region: str | None
    elapsed: float


@dataclass(frozen=True, slots=True)
class AttemptRetried(Event):
    """There will be another attempt.

    Attributes:
        operation: What is tried again.
        outcome: The name of the exception class that the last attempt ended with.
        wait: Seconds until then.
    """

    operation: str
    outcome: str
    wait: float


@dataclass(frozen=True, slots=True)
class Throttled(Event):
    """The service asked for fewer calls; the pace of the account falls for a while.

    Attributes:
        operation: What was refused.
        code: `403`, or a code of the gateway such as `Throttling.User`.
        retry_after: Seconds that the service asks to wait, or `None`.
    """

    operation: str
    code: str | None
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something that somebody should know, though the call goes on.

    Attributes:
        message: One line.
    """

    message: str


Observer: TypeAlias = Callable[[Event], object]
"""What `on_event=` takes."""

_KINDS: dict[str, Callable[..., Event]] = {
    "started": AttemptStarted,
    "finished": AttemptFinished,
    "retried": AttemptRetried,
    "throttled": Throttled,
    "warned": Warned,
}


def read(parts: tuple[str, tuple[Any, ...], tuple[Any, ...]]) -> Event:
    """Makes an event of what the core hands up."""
    kind, common, rest = parts
    return _KINDS[kind](*common, *rest)

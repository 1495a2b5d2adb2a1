"""OpenTelemetry: a span for each attempt, and metrics of calls, waits and money. Needs the extra `otel`.

    from aigclens.integrations.otel import Telemetry

    client = aigclens.Client(on_event=Telemetry())

Spans are children of the span that was current when `detect()` was called. No attribute ever holds a secret, and
none of those of metrics grows with the number of images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    from opentelemetry import metrics, trace
except ImportError:
    raise ImportError("OpenTelemetry is not installed: pip install 'aigclens[otel]'") from None

from aigclens import _native, events
from aigclens.price import PRICE_PER_CALL

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

__all__ = ["Telemetry"]


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)


class Telemetry:
    """An observer for `on_event=` that turns events into spans and metrics.

    Spans are named after the operation (`ImageModeration`, `PutObject`, `DescribeUploadToken`) and have the attributes
    `server.address`, `cloud.region`, `error.type` (the exception class, where there was one) and, each with `aigclens.`
    before it, `call`, `attempt`, `data_id`, `waited` (seconds), `billing`, `code`, `request_id`.

    Metrics: `aigclens.attempts` and `aigclens.attempt.duration` (seconds) by operation, outcome, billing and region;
    `aigclens.waited` (seconds at the pace) by operation; `aigclens.retries` by operation and outcome;
    `aigclens.throttled` by operation and code; `aigclens.cost` (USD of attempts that were certainly charged) by region.

    Args:
        tracer_provider: Where spans go; the global one if not given.
        meter_provider: Where metrics go; the global one if not given.
    """

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self._tracer = trace.get_tracer("aigclens", _native.__version__, tracer_provider)
        meter = metrics.get_meter("aigclens", _native.__version__, meter_provider)
        self._attempts = meter.create_counter("aigclens.attempts", "{attempt}", "Requests that ended")
        self._duration = meter.create_histogram("aigclens.attempt.duration", "s", "From connecting to the last byte")
        self._waited = meter.create_histogram("aigclens.waited", "s", "Wait for credentials and for a turn at the pace")
        self._retries = meter.create_counter("aigclens.retries", "{retry}", "Attempts that follow a failure")
        self._throttled = meter.create_counter("aigclens.throttled", "{refusal}", "Calls that the service throttled")
        self._cost = meter.create_counter("aigclens.cost", "USD", "Price of the attempts that were charged")
        self._open: dict[tuple[int, int], Span] = {}

    def __call__(self, event: events.Event) -> None:
        """Takes an event."""
        match event:
            case events.AttemptStarted():
                self._started(event)
            case events.AttemptFinished():
                self._finished(event)
            case events.AttemptRetried():
                self._retries.add(1, {"aigclens.operation": event.operation, "error.type": event.outcome})
            case events.Throttled():
                attributes = {"aigclens.operation": event.operation, "aigclens.code": event.code or ""}
                self._throttled.add(1, attributes)
            case _:
                pass

    def _started(self, event: events.AttemptStarted) -> None:
        attributes: dict[str, Any] = {
            "server.address": event.endpoint,
            "cloud.region": event.region,
            "aigclens.call": event.call,
            "aigclens.attempt": event.attempt,
            "aigclens.data_id": event.data_id,
            "aigclens.waited": event.waited,
        }
        self._open[event.call, event.attempt] = self._tracer.start_span(
            event.operation,
            kind=trace.SpanKind.CLIENT,
            attributes={name: value for name, value in attributes.items() if value is not None},
            start_time=_nanoseconds(event.time),
        )
        self._waited.record(event.waited, {"aigclens.operation": event.operation})

    def _finished(self, event: events.AttemptFinished) -> None:
        shared: dict[str, Any] = {
            "aigclens.operation": event.operation,
            "aigclens.billing": event.billing,
            "cloud.region": event.region or "",
        }
        if event.outcome != "ok":
            shared["error.type"] = event.outcome
        self._attempts.add(1, shared)
        self._duration.record(event.elapsed, shared)
        if event.billing == "billed":
            self._cost.add(float(PRICE_PER_CALL), {"cloud.region": event.region or ""})
        span = self._open.pop((event.call, event.attempt), None)
        if span is None:
            return
        for name, value in (("code", event.code), ("request_id", event.request_id), ("billing", event.billing)):
            if value is not None:
                span.set_attribute(f"aigclens.{name}", value)
        if event.outcome != "ok":
            span.set_attribute("error.type", event.outcome)
            span.set_status(trace.StatusCode.ERROR, event.outcome)
        span.end(_nanoseconds(event.time))

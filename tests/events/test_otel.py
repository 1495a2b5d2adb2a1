"""OpenTelemetry: spans and metrics of a real exporter in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import aigclens
from aigclens.integrations.otel import Telemetry
from aigclens.testing import Emulator

URL = "https://example.com/cat.png"


class Bench:
    """Providers of this test's own, and what they collected."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.telemetry = Telemetry(self.tracers, MeterProvider([self.reader]))

    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def points(self) -> dict[str, list[Any]]:
        data = self.reader.get_metrics_data()
        assert data is not None
        [scope] = data.resource_metrics[0].scope_metrics
        return {metric.name: list(metric.data.data_points) for metric in scope.metrics}


@pytest.mark.parametrize("door", ["sync", "async"])
def test_attempts_are_spans_below_the_callers_own(emulator: Emulator, door: str) -> None:
    bench = Bench()
    emulator.answer(url=URL, label="aigc")
    emulator.answer(data_id="busy", code="Throttling.User", times=1)
    tracer = bench.tracers.get_tracer("program")

    async def awaited() -> aigclens.Detection:
        async with emulator.async_client(max_retries=1, on_event=bench.telemetry) as client:
            with tracer.start_as_current_span("outer"):
                return await client.detect(URL, data_id="busy")

    if door == "sync":
        with emulator.client(max_retries=1, on_event=bench.telemetry) as client, tracer.start_as_current_span("outer"):
            found = client.detect(URL, data_id="busy")
    else:
        found = asyncio.run(awaited())
    refused, answered, outer = bench.spans()
    assert outer.name == "outer"
    for span in (refused, answered):
        assert (span.name, span.kind) == ("ImageModeration", SpanKind.CLIENT)
        assert span.parent is not None and outer.context is not None
        assert span.parent.span_id == outer.context.span_id
        assert span.attributes is not None
        assert span.attributes["server.address"] == f"127.0.0.1:{emulator.port}"
        assert span.start_time is not None and span.end_time is not None and span.start_time <= span.end_time
    assert refused.attributes is not None and answered.attributes is not None
    assert refused.status.status_code is StatusCode.ERROR
    assert refused.attributes["error.type"] == "ThrottledError"
    assert refused.attributes["aigclens.billing"] == "not_billed"
    assert answered.status.status_code is StatusCode.UNSET
    assert answered.attributes["aigclens.request_id"] == found.request_id
    assert answered.attributes["aigclens.data_id"] == "busy"


def test_metrics_count_attempts_retries_and_money(emulator: Emulator, png: bytes) -> None:
    bench = Bench()
    emulator.answer(data_id="busy", code=403, times=1)
    emulator.answer(data_id="down", code=500)
    with emulator.client(max_retries=1, on_event=bench.telemetry) as client:
        client.detect(png, data_id="busy")
        client.detect(png, data_id="fine")
        with pytest.raises(aigclens.ServerError):
            client.detect(png, data_id="down")
    points = bench.points()
    verdicts = [(point.attributes["aigclens.billing"], point.value) for point in points["aigclens.attempts"]]
    charged = sum(count for verdict, count in verdicts if verdict == "billed")
    assert charged == emulator.ledger().billed == 2
    [cost] = points["aigclens.cost"]
    assert cost.value == pytest.approx(float(emulator.ledger().total))
    retries = {point.attributes["error.type"]: point.value for point in points["aigclens.retries"]}
    assert retries == {"ThrottledError": 1, "ServerError": 1}
    [throttled] = points["aigclens.throttled"]
    assert (throttled.value, throttled.attributes["aigclens.code"]) == (1, "403")
    attempts = sum(point.value for point in points["aigclens.attempts"])
    assert sum(point.count for point in points["aigclens.attempt.duration"]) == attempts
    assert sum(point.count for point in points["aigclens.waited"]) == attempts

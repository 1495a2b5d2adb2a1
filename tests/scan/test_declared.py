"""Scans and declarations: what is not asked about, what it costs, what the store knows, and what disagrees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import aigclens
import declared_files as files
import images
from aigclens import report
from aigclens.scanning.rows import ScanRow
from aigclens.scanning.summary import Summary
from aigclens.store import Store
from aigclens.testing import Emulator
from scan_rows import answered, failed
from scan_stage import asked, charged

SKIP: dict[str, Any] = {"precheck": "skip_declared"}


def declaring(source_type: str, seed: int = 0) -> bytes:
    return images.png(64, 64, xmp=images.XMP.format(source_type), seed=seed)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two that declare enough, and one of them twice; one composite, one captured, one silent."""
    place = tmp_path / "photos"
    place.mkdir()
    for name, data in (
        ("a-text.png", images.png(64, 64, text={"parameters": images.A1111})),
        ("b-iptc.png", declaring("trainedAlgorithmicMedia")),
        ("c-copy.png", declaring("trainedAlgorithmicMedia")),
        ("d-composite.png", declaring("compositeWithTrainedAlgorithmicMedia")),
        ("e-captured.png", declaring("digitalCapture")),
        ("f-silent.png", images.png(64, 64)),
    ):
        (place / name).write_bytes(data)
    return place


def test_declared_images_are_rows_that_cost_nothing(
    emulator: Emulator, client: aigclens.Client, photos: Path, tmp_path: Path
) -> None:
    store = tmp_path / "run.sqlite"
    with client.scan(photos, store=store, budget=3, ordered=True, concurrency=1, **SKIP) as scan:
        rows = list(scan)
    assert [row.engine for row in rows] == ["provenance"] * 3 + ["emulator"] * 3
    text, iptc, copy = rows[:3]
    for row in (text, iptc, copy):
        assert (row.ok, row.label, row.is_aigc, row.confidence, row.risk_level) == (True, "aigc", True, None, None)
        assert (row.billing, row.cached, row.request_id, row.region, row.error) == (
            "not_billed",
            False,
            None,
            None,
            None,
        )
        assert (row.latency_ms, row.detected_at, row.labels, row.body, row.attempts) == (None, None, (), None, 0)
        assert (row.service, row.raw, row.disagrees) == ("aigcDetector_global", None, False)
    assert text.evidence[0].startswith("generator_text:generated:")
    assert iptc.evidence == ("iptc:generated:trainedAlgorithmicMedia",) == copy.evidence
    assert {iptc.duplicate_of, copy.duplicate_of} == {None, "b-iptc.png"} or iptc.duplicate_of == "c-copy.png"
    assert iptc.blake3 == copy.blake3 != text.blake3
    summary = scan.summary
    assert (summary.items, summary.ok, summary.declared, summary.duplicates) == (6, 6, 3, 1)
    assert (summary.billed_calls, summary.not_billed, summary.left) == (3, 3, 0)
    assert summary.to_dict()["declared"] == 3 and summary.engines == {"provenance": 3, "emulator": 3}
    assert charged(emulator) == asked(emulator) == 3


def test_the_store_says_nothing_of_them_and_a_later_run_asks(
    emulator: Emulator, client: aigclens.Client, photos: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.sqlite"
    list(client.scan(photos, store=path, **SKIP))
    with Store(path) as store:
        info = store.info()
        assert (info.items, info.answered, info.failed, info.unresolved, info.open) == (3, 3, 0, 0, 0)
        assert {row.key[0] for row in store.rows()} == {"d", "e", "f"}
        assert (store.unresolved(), store.verify()) == ([], [])
        assert store.export(tmp_path / "verdicts.csv") == 3
    with client.scan(photos, store=path) as scan:
        rows = {row.key[0]: row for row in scan}
    assert (scan.summary.billed_calls, scan.summary.cached, scan.summary.declared) == (2, 3, 0)
    assert (rows["a"].engine, rows["a"].confidence, rows["b"].confidence) == ("emulator", 90.0, 95.0)
    # What was paid for is worth more than a declaration.
    with client.scan(photos, store=path, **SKIP) as scan:
        assert all(row.cached and row.engine == "emulator" for row in scan)
    assert charged(emulator) == 5


@pytest.mark.usefixtures("emulator")
def test_prompts_and_names_of_people_are_in_no_row_and_no_store(client: aigclens.Client, tmp_path: Path) -> None:
    systems = files.packet(
        f'<rdf:Description xmlns:e="{files.NAMESPACES["Iptc4xmpExt"]}" e:AISystemUsed="Model A" '
        'e:AIPromptInformation="purple secret" e:AIPromptWriterName="Ann Purple"/>'
    )
    parameters = "a purple cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 12, Size: 512x512"
    both = [files.with_xmp("PNG", systems), files.png({"parameters": parameters})]
    assert all("urple" in str(aigclens.inspect(image).to_dict()) for image in both)
    for options in ({}, SKIP):
        with client.scan(both, store=tmp_path / "run.sqlite", **options) as scan:
            rows = list(scan)
        assert [len(row.evidence) for row in rows] == [1, 1]
        assert "urple" not in str([(row.to_dict(), row.raw, row.warnings) for row in rows])
    kept = [file.read_bytes() for file in tmp_path.glob("run.sqlite*")]
    assert kept and not any(b"urple" in content for content in kept)
    assert any(b"Model A" in content for content in kept), "the search finds what is there"


def test_a_failure_that_the_store_knows_is_no_answer(
    emulator: Emulator, client: aigclens.Client, tmp_path: Path
) -> None:
    image = declaring("trainedAlgorithmicMedia")
    emulator.answer(code=404)
    (row,) = client.scan([("x", image)], store=tmp_path / "run.sqlite")
    assert (row.ok, row.evidence) == (False, ("iptc:generated:trainedAlgorithmicMedia",))
    before = asked(emulator)
    (row,) = client.scan([("x", image)], store=tmp_path / "run.sqlite", retry="errors", **SKIP)
    assert (row.ok, row.engine) == (True, "provenance")
    assert asked(emulator) == before > 0


def test_only_sources_that_are_named_are_believed(emulator: Emulator, client: aigclens.Client, photos: Path) -> None:
    with client.scan(photos, skip_sources=["generator_text", "c2pa"], **SKIP) as scan:
        assert {row.key[0] for row in scan if row.engine == "provenance"} == {"a"}
    assert charged(emulator) == 4


def test_off_reads_nothing(client: aigclens.Client, photos: Path) -> None:
    assert not any(row.evidence for row in client.scan(photos, precheck="off"))
    assert sum(bool(row.evidence) for row in client.scan(photos)) == 5


async def test_the_other_doors_have_it_too(emulator: Emulator, photos: Path) -> None:
    options: dict[str, Any] = {**SKIP, "skip_sources": ["iptc"]}
    with emulator.client(qps=None) as client:
        assert sum(row.engine == "provenance" for row in aigclens.scan(photos, client=client, **options)) == 2
    with emulator.client(qps=None, **options) as client:
        assert sum(row.engine == "provenance" for row in client.scan(photos)) == 2
        assert sum(row.engine == "provenance" for row in client.scan(photos, precheck="report")) == 0
        assert sum(row.engine == "provenance" for row in client.scan(photos, skip_sources=["generator_text"])) == 1
    async with emulator.async_client(qps=None) as client:
        assert [row.engine async for row in client.scan(photos, **options)].count("provenance") == 2
        assert [row.engine async for row in aigclens.ascan(photos, client=client, **options)].count("provenance") == 2


def test_an_estimate_leaves_them_out(emulator: Emulator, client: aigclens.Client, photos: Path, tmp_path: Path) -> None:
    store = tmp_path / "run.sqlite"
    found = aigclens.estimate(photos, client=client, store=store, **SKIP)
    assert (found.items, found.duplicates, found.declared, found.cached, found.calls) == (6, 1, 2, 0, 3)
    assert str(found.cost) == "0.0018" and found.to_dict()["declared"] == 2
    found = aigclens.estimate(photos, client=client, skip_sources=["c2pa"], **SKIP)
    assert (found.declared, found.calls) == (0, 5)
    assert asked(emulator) == 0
    list(client.scan(photos, store=store))
    found = aigclens.estimate(photos, client=client, store=store, **SKIP)
    assert (found.declared, found.cached, found.calls) == (0, 5, 0)


def test_leaving_early_and_going_on(emulator: Emulator, client: aigclens.Client, tmp_path: Path) -> None:
    """Rows that cost nothing come again, and what was paid for is not paid for again."""
    pictures = [declaring("trainedAlgorithmicMedia", n) if n % 2 else images.png(64, 64, seed=n) for n in range(60)]
    inputs = [(str(number), picture) for number, picture in enumerate(pictures)]
    with client.scan(inputs, store=tmp_path / "run.sqlite", concurrency=2, **SKIP) as scan:
        for number, _ in enumerate(scan):
            if number == 20:
                break
    paid = charged(emulator)
    assert paid < 30
    with client.scan(inputs, store=tmp_path / "run.sqlite", **SKIP) as scan:
        rows = list(scan)
    assert (len(rows), scan.summary.declared, scan.summary.cached) == (60, 30, paid)
    assert charged(emulator) == 30


def test_what_disagrees_is_counted_and_told(
    emulator: Emulator, client: aigclens.Client, photos: Path, tmp_path: Path
) -> None:
    emulator.settings(judge={"label": "nonLabel", "confidence": None})
    path = tmp_path / "run.sqlite"
    with client.scan(photos, store=path) as scan:
        rows = list(scan)
    assert {row.key[0] for row in rows if row.disagrees} == {"a", "b", "c"}
    assert scan.summary.disagreements == scan.summary.to_dict()["disagreements"] == 3
    with Store(path) as store:
        kept = list(store.rows())
        assert {row.key[0] for row in kept if row.disagrees} == {"a", "b", "c"}
        report.write(store.rows(), tmp_path / "page.html")
    # An answer of the store's is held against the declaration too.
    with client.scan(photos, store=path, **SKIP) as scan:
        assert sum(row.disagrees for row in scan) == scan.summary.disagreements == 3
    emulator.settings(judge={"label": "aigc", "confidence": 70.0})
    with client.scan(photos) as scan:
        assert {row.key[0] for row in scan if row.disagrees} == {"e"}


@pytest.mark.parametrize(
    ("row", "disagrees"),
    [
        (answered("a", is_aigc=False, evidence=("iptc:captured:digitalCapture", "c2pa:generated:x:y")), True),
        (answered("a", is_aigc=True, evidence=("iptc:edited:humanEdits",)), True),
        (answered("a", is_aigc=True, evidence=("iptc:edited:humanEdits", "exif:tool:x")), True),
        (answered("a", is_aigc=True, evidence=("iptc:captured:x", "c2pa:composite:x")), False),
        (answered("a", is_aigc=False, evidence=("exif:tool:generated",)), False),
        (answered("a", is_aigc=None, evidence=("c2pa:generated:x",)), False),
        (answered("a", is_aigc=True, evidence=("c2pa:captured:x",), engine="provenance"), False),
        (answered("a", is_aigc=False, evidence=("", "x", "a:b", "::")), False),
        (failed("a", evidence=("c2pa:generated:x",)), False),
    ],
)
def test_the_rule_of_rows(row: ScanRow, disagrees: bool) -> None:
    assert row.disagrees is disagrees
    assert row.to_dict()["disagrees"] is disagrees
    summary = Summary()
    summary.add(row)
    assert (summary.disagreements, summary.declared) == (disagrees, row.engine == "provenance")

"""Evaluate the service's detector on a folder of images: one id each, its file's stem, which is sent as data id.

    python evaluate_detector.py photos/ --truth truth.csv --store run.sqlite --out summary.json

`truth.csv` has the columns `id` and `label`. Run again, it goes on where it ended, and pays for no image twice.
"""

import argparse
import csv
import hashlib
import json
from pathlib import Path

import aigclens

LABELS = ("risk_aigc", "risk_fake", "risk_edit")
parser = argparse.ArgumentParser(description="Per-label confidences and accuracy of aigcDetector_ultra.")
parser.add_argument("folder", type=Path)
parser.add_argument("--truth", type=Path)
parser.add_argument("--store", type=Path, default=Path("run.sqlite"))
parser.add_argument("--out", type=Path, default=Path("summary.json"))
parser.add_argument("--budget", default="5 USD")
parser.add_argument("--threshold", type=float, default=50.0, help="confidence from which a label counts")
options = parser.parse_args()

images = [(path.stem, path) for path in sorted(options.folder.rglob("*")) if path.is_file()]
if len(dict(images)) < len(images):
    parser.error("two files have the same stem, which is to be the id of one")
with aigclens.scan(
    images, service="aigcDetector_ultra", store=options.store, budget=options.budget, data_id="key", progress=True
) as scan:
    rows = {row.key: row for row in scan}
content = "".join(f"{key} {rows[key].blake3}\n" for key in sorted(rows))
result = {"version": aigclens.__version__, "input_sha256": hashlib.sha256(content.encode()).hexdigest()}
result["images"] = found = {key: {one.name: one.confidence for one in row.labels} for key, row in rows.items() if row.ok}
result["failed"] = {key: row.error for key, row in rows.items() if not row.ok}
if options.truth:
    truth = {line["id"]: line["label"] for line in csv.DictReader(options.truth.open(newline=""))}
    known = [(truth[key], found[key]) for key in found if key in truth]
    right = {name: [(said.get(name, 0) >= options.threshold) == (is_it == name) for is_it, said in known] for name in LABELS}
    result["accuracy"] = {name: sum(hits) / len(hits) for name, hits in right.items() if hits}
options.out.write_text(json.dumps({**result, "run": scan.summary.to_dict()}, indent=2))

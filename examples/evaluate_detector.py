"""Evaluate the detector on a folder of images: each has one id, its file's stem, which is sent as data id.

    python evaluate_detector.py photos/ --truth truth.csv --store run.sqlite --out summary.json

`truth.csv` has the columns `id` and `label`. Run again, it goes on where it ended, and pays for no image twice.
"""

import argparse
import csv
import hashlib
import json
from pathlib import Path

import aigclens

LABELS, THRESHOLD = ("risk_aigc", "risk_fake", "risk_edit"), 50.0
parser = argparse.ArgumentParser(description="Per-label confidences and accuracy of aigcDetector_ultra.")
parser.add_argument("folder", type=Path)
parser.add_argument("--truth", type=Path)
parser.add_argument("--store", type=Path, default=Path("run.sqlite"))
parser.add_argument("--out", type=Path, default=Path("summary.json"))
parser.add_argument("--budget", default="5 USD")
options = parser.parse_args()
images = [(path.stem, path) for path in sorted(options.folder.rglob("*")) if path.is_file()]
if not images or len(dict(images)) < len(images):
    parser.error("the folder has no files, or two of the same stem, which is to be the id of one")
truth = {line["id"]: line["label"] for line in csv.DictReader(options.truth.open(newline=""))} if options.truth else {}
how = {"service": "aigcDetector_ultra", "data_id": "key", "store": options.store, "budget": options.budget}
with aigclens.scan(images, progress=True, **how) as scan:
    rows = {row.key: row for row in sorted(scan, key=lambda row: row.key)}
content = "".join(f"{key} {row.blake3}\n" for key, row in rows.items())
found = {key: {one.name: one.confidence for one in row.labels} for key, row in rows.items() if row.ok}
digest = hashlib.sha256(content.encode()).hexdigest()
result: dict[str, object] = {"version": aigclens.__version__, "input_sha256": digest}
result |= {"images": found, "failed": {key: row.error for key, row in rows.items() if not row.ok}}
if truth:
    said = {key: {name for name, sure in found[key].items() if sure is None or sure >= THRESHOLD} for key in found}
    right = {name: [(name in said[key]) == (truth[key] == name) for key in said if key in truth] for name in LABELS}
    result["accuracy"] = {name: sum(hits) / max(1, len(hits)) for name, hits in right.items()}
options.out.write_text(json.dumps({**result, "run": scan.summary.to_dict()}, indent=2))

"""Are equal images paid for once? A folder of which one half repeats the other is scanned, and then once more.

    python tests/load/duplicates.py [--items 10000]

The first run is charged for each content once, and gives every item its answer; the second one makes no request at all.
Exits 1 where that does not hold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import aigclens
import images
from aigclens.store import Store
from aigclens.testing import Emulator


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    count = parser.parse_args().items // 2 * 2
    print(f"duplicates: {count:,} files, half of them copies", flush=True)
    holds = True
    with Emulator(qps=0) as emulator, tempfile.TemporaryDirectory() as place:
        folder, store = Path(place, "images"), Path(place, "run.sqlite")
        folder.mkdir()
        for number in range(count):
            content = images.png(64, 64, text={"number": str(number // 2)})
            (folder / f"{number:06}.png").write_bytes(content)
        with emulator.client(qps=None, check_image="off") as client:
            for run, charged in enumerate((count // 2, 0)):
                before, started = emulator.ledger().billed, time.monotonic()
                answers: dict[str, set[str]] = {}
                ok = cached = 0
                with aigclens.scan(folder, store=store, client=client) as scan:
                    for row in scan:
                        ok += row.ok
                        cached += row.cached
                        answers.setdefault(row.blake3 or "", set()).add(row.request_id or "")
                took, cost = time.monotonic() - started, emulator.ledger().billed - before
                is_one_each = len(answers) == count // 2 and all(len(one) == 1 for one in answers.values())
                holds &= (ok, cached, cost) == (count, count * run, charged) and is_one_each
                print(f"  run {run + 1}             {took:9.1f} s   {ok:,} answers, {cached:,} known before", end="")
                print(f"; {cost:,} calls charged", flush=True)
        with Store(store) as kept:
            holds &= kept.verify() == [] and kept.info().answered == count // 2 and kept.info().items == count
    print(f"duplicates: {'holds' if holds else 'DOES NOT HOLD'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())

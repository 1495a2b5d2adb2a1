"""A long scan of everything, under faults of every kind: does the money add up, does it grow, does it leave anything?

    python tests/load/soak.py [--items 40000] [--seed N]

The emulator lives in this process, and keeps its ledger here; one child scans local files, some of them equal, bytes,
URLs, members of a tar, files that are broken or missing, and URLs that are dead. Afterwards the ledger is compared with
the attempts in the store: for each item, its charges lie between its attempts marked `billed` and those marked `billed`
or `possibly_billed`, and the sum is exact. Each item has one row, which is in the store too, every failure has a typed
class, memory stays flat, and descriptors and threads are back where they were. Exits 1 on any violation.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from attempts import attempts
from fault_kinds import KINDS, LEAST_KINDS, SHARE, plan
from resources import columns, memory, quiet, settled

import aigclens
import images
from aigclens.scanning import inputs
from aigclens.store import Store
from aigclens.testing import Emulator, FaultReport

AT_ONCE = 64
TIMEOUT = 1.0
# Of every hundred items so many are of each kind; one file in ten is a copy of an earlier one. All others are URLs.
FILES, MEMBERS, BYTES, BROKEN, MISSING, DEAD = 20, 5, 5, 2, 2, 2
# Rows after which memory must not grow, and by how much it may.
WARM = 5_000
GROWTH = 16 * 1024 * 1024
# Rows between two looks at the memory.
EVERY = 500
# Seconds between two looks at what the scan is doing.
GLANCE = 0.02
DEAD_URLS = 50


def picture(number: int) -> bytes:
    return images.png(64, 64, text={"number": str(number)})


def kind_of(number: int) -> tuple[str, int]:
    """What the item is, and which one of its kind."""
    place, rest = divmod(number, 100)
    for name, share in (
        ("file", FILES),
        ("member", MEMBERS),
        ("bytes", BYTES),
        ("broken", BROKEN),
        ("missing", MISSING),
        ("dead", DEAD),
    ):
        if rest < share:
            return name, place * share + rest
        rest -= share
    return "url", number


def prepare(folder: Path, items: int) -> None:
    """The files that the child scans."""
    with tarfile.open(folder / "shard.tar", "w") as tar:
        for number in range(items):
            kind, which = kind_of(number)
            if kind == "file":
                (folder / f"{which}.png").write_bytes(picture(which - 1 if which % 10 == 9 else which))
            elif kind == "broken":
                (folder / f"broken-{which}.png").write_bytes(b"\x89PNG no more" + bytes(which % 50))
            elif kind == "member":
                content = picture(10_000_000 + which)
                member = tarfile.TarInfo(f"{which:08}.png")
                member.size = len(content)
                tar.addfile(member, BytesIO(content))


def items(folder: Path, count: int) -> Iterator[tuple[str, Any]]:
    """All items, made as they are asked for, each with a key of its own."""
    members = inputs.items(folder / "shard.tar")
    for number in range(count):
        kind, which = kind_of(number)
        key = f"{kind}-{which}"
        if kind == "file":
            yield key, folder / f"{which}.png"
        elif kind == "member":
            yield key, next(members)[1]
        elif kind == "bytes":
            yield key, picture(20_000_000 + which)
        elif kind == "broken":
            yield key, folder / f"broken-{which}.png"
        elif kind == "missing":
            yield key, folder / f"missing-{which}.png"
        elif kind == "dead":
            yield key, f"https://dead.example/{which % DEAD_URLS}.png"
        else:
            yield key, f"https://img.example/{which}.png"


class Watch:
    """Looks at a scan from aside: for how many seconds did it wait for better weather?"""

    def __init__(self, scan: aigclens.Scan) -> None:
        self.paused = 0.0
        self._scan, self._is_over = scan, threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._is_over.wait(GLANCE):
            self.paused += GLANCE * self._scan.state.startswith("paused")

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()


def child(folder: Path, count: int) -> int:
    """Scans, writes each row down, and measures itself meanwhile."""
    # Throttled calls are what this is about, no news.
    logging.getLogger("aigclens").setLevel(logging.ERROR)
    client = aigclens.Client(qps=None, check_image="off", timeout=TIMEOUT, connect_timeout=TIMEOUT, max_retries=2)
    # What the first call opens stays open.
    with aigclens.scan(["https://warm.example/1.png", picture(-1)], client=client) as scan:
        list(scan)
    before = quiet()
    sizes: list[int] = []
    started = time.monotonic()
    with (folder / "rows.txt").open("w") as rows:
        with aigclens.scan(
            items(folder, count), store=folder / "soak.sqlite", client=client, concurrency=AT_ONCE, data_id="key"
        ) as scan:
            with Watch(scan) as watch:
                for number, row in enumerate(scan):
                    name = "ok" if row.ok else (row.error or "").partition(":")[0]
                    rows.write(f"{row.key}\t{name}\t{row.request_id or ''}\n")
                    if number % EVERY == 0:
                        sizes.append(memory())
    sizes.append(memory())
    took = time.monotonic() - started
    after = settled(before)
    client.close()
    print(json.dumps({"sizes": sizes, "before": before, "after": after, "took": took, "paused": watch.paused}))
    return 0


def compare(folder: Path, count: int, charged: Counter[str]) -> tuple[list[str], Counter[str], Counter[str]]:
    """Every way in which rows, store and ledger disagree; how the rows ended, and the attempts."""
    found = []
    handed = [line.split("\t") for line in (folder / "rows.txt").read_text().splitlines()]
    keys = Counter(key for key, _, _ in handed)
    wanted = Counter(f"{kind}-{which}" for kind, which in map(kind_of, range(count)))
    if keys != wanted:
        found.append(f"{count} items were given, {len(keys)} have a row, {keys.total()} rows were handed out")
    for name in {name for _, name, _ in handed} - {"ok"}:
        kind = getattr(aigclens, name, None)
        if not (isinstance(kind, type) and issubclass(kind, aigclens.AigcError)) or kind is aigclens.InternalError:
            found.append(f"a row failed with {name!r}, which is no class of ours")
    tried = attempts(folder / "soak.sqlite")
    with Store(folder / "soak.sqlite") as store:
        stored = {row.key: row.request_id for row in store.rows()}
        found += [f"the store does not verify: {problem}" for problem in store.verify()]
    for key, name, request_id in handed:
        # What is refused on this machine needs no place in the store.
        if name == "ok" and stored.get(key) != request_id:
            found.append(f"{key} was handed out with {request_id}, the store has {stored.get(key)}")
    for key in tried.keys() | charged.keys():
        ends, times = tried.get(key, Counter[str]()), charged[key]
        if not ends["billed"] <= times <= ends["billed"] + ends["possibly_billed"] or ends["intent"]:
            found.append(f"{key} was charged {times} times, its attempts say {dict(ends)}")
    verdicts = sum(tried.values(), Counter[str]())
    resolved = sum(charged[key] - ends["billed"] for key, ends in tried.items())
    if charged.total() != verdicts["billed"] + resolved:
        found.append(f"the ledger has {charged.total()}, the store {verdicts['billed']} and {resolved} resolved")
    verdicts["resolved"] = resolved
    return found, Counter(name for _, name, _ in handed), verdicts


def show(told: dict[str, Any], count: int, *, ledger: int, verdicts: Counter[str], faults: FaultReport) -> list[str]:
    """Prints the figures; those that are not as they must be."""
    sizes, warm_at = told["sizes"], WARM // EVERY
    is_long = len(sizes) > warm_at + 1
    warm = sizes[warm_at] if is_long else sizes[-1]
    growth = max(sizes[warm_at:]) - warm if is_long else 0
    # What came to the accepting of connections apart, each rule has seen every request that no other one had ended.
    requests = max(rule["seen"] for rule in faults["rules"])
    acted, kinds = sum(faults["acted"].values()), sum(rule["acted"] > 0 for rule in faults["rules"])
    before, after = told["before"], told["after"]
    print(f"  requests          {requests:9,}   faults acted {acted:,} times ({acted / requests:.1%})")
    print(f"  kinds of faults   {kinds:9,}   of {len(KINDS)}")
    print(f"  ledger            {ledger:9,}   charges")
    print(f"  billed            {verdicts['billed']:9,}   attempts")
    print(f"  possibly billed   {verdicts['possibly_billed']:9,}   attempts, {verdicts['resolved']:,} in the ledger")
    print(f"  not billed        {verdicts['not_billed']:9,}   attempts")
    print(f"  memory            {warm / 2**20:9.1f} MiB after {WARM:,} rows, {growth / 2**20:+.1f} MiB until the end")
    print(f"  took              {told['took']:9.1f} s   {count / told['took']:,.0f} items a second", end="")
    print(f", {told['paused']:.1f} s of it paused")
    print(f"  descriptors       {before[0]:9} -> {after[0]}, threads {before[1]} -> {after[1]}")
    found = []
    if kinds < LEAST_KINDS:
        found.append(f"only {kinds} kinds of faults acted, {LEAST_KINDS} are asked for")
    if acted < SHARE * requests:
        found.append(f"faults acted on {acted / requests:.1%} of the requests, {SHARE:.0%} are asked for")
    if growth >= GROWTH:
        found.append(f"memory grew by {growth / 2**20:.1f} MiB")
    if after[0] > before[0] or after[1] > before[1]:
        found.append(f"descriptors and threads: {before} before, {after} after")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=None, help="of the plan of faults; drawn and printed if not given")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options.child, options.items)
    seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(4), "big")
    print(f"soak: {options.items:,} items, {AT_ONCE} at once, seed {seed}", flush=True)
    with Emulator(qps=0, judge="hash") as emulator, tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare(folder, options.items)
        for number in range(DEAD_URLS):
            emulator.answer(url=f"https://dead.example/{number}.png", code=404)
        emulator.faults(plan(seed))
        arguments = [sys.executable, __file__, "--items", str(options.items), "--child", place]
        environment = {**os.environ, **emulator.environment()}
        done = subprocess.run(arguments, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            print(f"soak: does not hold (the scan ended with exit code {done.returncode}), seed {seed}")
            return 1
        told = json.loads(done.stdout.splitlines()[-1])
        ledger, faults = emulator.ledger(), emulator.faults()
        # The child's first call had no key.
        charged = Counter(entry.data_id for entry in ledger.entries if entry.data_id is not None)
        found, ended, verdicts = compare(folder, options.items, charged)
    found += show(told, options.items, ledger=charged.total(), verdicts=verdicts, faults=faults)
    print("  rows ended" + columns(dict(ended.most_common())))
    print("  faults that acted" + columns(dict(sorted(faults["acted"].items()))))
    for violation in found[:20]:
        print(f"  VIOLATION {violation}")
    print(f"soak: {'does not hold' if found else 'holds'} ({len(found)} violations), seed {seed}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

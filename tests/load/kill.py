"""Does `kill -9` lose or double anything? Scans are killed at random moments until it was done so many times, and what
the store says is compared with what was handed out, and with what was charged.

    python tests/load/kill.py [--kills 500] [--items 20000] [--concurrency 16] [--seed N]

The emulator lives in this process and survives. A child scans; it acknowledges each row that it is handed by one write
to a pipe, at once. It is killed while it starts, opens its store, begins, works or closes; then the store is opened and
verified, and the next child goes on with it. A round is over when a child has come to the end of all items; the next
one has a new store. No acknowledged result may be missing or changed, none may be recorded twice, and whatever was
charged more than once must be listed as possibly billed. Exits 1 on any violation.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from attempts import attempts

import aigclens
import images
from aigclens.errors import StoreError
from aigclens.store import Store
from aigclens.testing import Emulator

# Of the items, so many are local files at most; the others are URLs, which take one request each.
LOCAL = 400
MOST_SECONDS = 1.0
HANG = 300.0
# When a child is killed, and how often: while Python starts; while the store is opened; right after; after so many new
# rows; by itself, right after it has acknowledged one; while it closes its scan.
MOMENTS = {"start": 10, "opening": 15, "early": 15, "steady": 25, "itself": 20, "closing": 15}
MOST_ROWS = 1_500


def items(folder: Path, count: int, first: int) -> Iterator[tuple[str, str | Path]]:
    """All items, each with a key of its own, beginning at one of them."""
    paths = sorted(folder.iterdir())
    every = count // max(1, len(paths))
    for place in range(count):
        number = (first + place) % count
        if number % every == 0 and number // every < len(paths):
            yield paths[number // every].stem, paths[number // every]
        else:
            key = f"{folder.name}-url-{number}"
            yield key, f"https://img.example/{key}.png"


def child(options: argparse.Namespace) -> int:
    """Scans, and acknowledges each row before it asks for the next. Marks begin with `!`."""

    def say(text: str) -> None:
        os.write(1, f"{text}\n".encode())

    say("!opening")
    started, used = time.monotonic(), time.process_time()
    source = items(options.folder, options.items, options.first)
    with aigclens.scan(
        source, store=options.store, concurrency=options.concurrency, data_id="key", qps=None, check_image="off"
    ) as scan:
        say(f"!open {time.monotonic() - started:.6f} {time.process_time() - used:.6f}")
        fresh = 0
        for row in scan:
            say(f"{row.key} {row.request_id if row.ok else row.error_code} {'cached' if row.cached else 'new'}")
            fresh += not row.cached
            if fresh == options.die > 0:
                os.kill(os.getpid(), signal.SIGKILL)
            if fresh == options.leave > 0:
                break
        else:
            say("!end")
        say("!closing")
    say("!closed")
    return 0


@dataclass
class Plan:
    """When one child is to be killed."""

    moment: str
    # Seconds after its mark.
    delay: float
    # New rows before.
    rows: int

    @classmethod
    def draw(cls, dice: random.Random, items: int) -> Plan:
        moment = dice.choices(list(MOMENTS), list(MOMENTS.values()))[0]
        delay = {"start": 0.3, "opening": 0.03, "early": 0.08, "steady": 0.002, "itself": 0, "closing": 0.03}[moment]
        return cls(moment, dice.uniform(0, delay), dice.randint(1, min(MOST_ROWS, max(1, items // 4))))

    @property
    def mark(self) -> str:
        return {"opening": "!opening", "early": "!open", "closing": "!closing"}.get(self.moment, "")


@dataclass
class Round:
    """One store, from its first child to the one that comes to the end."""

    folder: Path
    store: Path
    acknowledged: dict[str, str] = field(default_factory=dict)
    new: int = 0
    was_open: bool = False
    is_over: bool = False


@dataclass
class Findings:
    """What is counted over all rounds."""

    kills: Counter[str] = field(default_factory=Counter)
    in_vain: int = 0
    rounds: int = 0
    acknowledged: int = 0
    calls: int = 0
    extra: int = 0
    doubtful: int = 0
    most_unresolved: int = 0
    opening_to_read: float = 0.0
    opening_to_write: float = 0.0
    # Of the processor: what opening costs, however busy the machine is with others' work.
    opening_used: float = 0.0
    violations: list[str] = field(default_factory=list)


class Killer:
    def __init__(self, emulator: Emulator, options: argparse.Namespace, dice: random.Random) -> None:
        self.emulator, self.options, self.dice = emulator, options, dice
        self.found = Findings()

    def start(self, at: Round, plan: Plan | None) -> subprocess.Popen[bytes]:
        # It begins a little before the first item that was not asked about yet, and comes by all others in the end.
        first = max(0, at.new - self.dice.randint(0, 300)) % self.options.items
        told = {
            "--child": "",
            "--folder": at.folder,
            "--store": at.store,
            "--items": self.options.items,
            "--concurrency": self.options.concurrency,
            "--first": first,
            "--leave": plan.rows if plan and plan.moment == "closing" else 0,
            "--die": plan.rows if plan and plan.moment == "itself" else 0,
        }
        arguments = [str(part) for pair in told.items() for part in pair if part != ""]
        environment = {**os.environ, **self.emulator.environment()}
        return subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, env=environment)

    def once(self, at: Round, plan: Plan | None) -> None:
        """One child, to its end or to its kill; then what the store says of it."""
        process = self.start(at, plan)
        ended = self.watch(process, at, plan)
        if ended is None:
            self.found.kills[plan.moment if plan else ""] += 1
        elif plan is not None:
            self.found.in_vain += 1
        if ended not in (None, 0):
            self.found.violations.append(f"a child ended with exit code {ended}")
        self.look(at, was_killed=ended is None)

    def watch(self, process: subprocess.Popen[bytes], at: Round, plan: Plan | None) -> int | None:
        """Reads what a child says until it is time to kill it. Its exit code, if it came to an end before."""
        assert process.stdout is not None
        pipe, left, fresh = process.stdout.fileno(), b"", 0
        hang = time.monotonic() + HANG
        due = time.monotonic() + plan.delay if plan and plan.moment == "start" else None
        while True:
            now = time.monotonic()
            if due is not None and now >= due:
                process.kill()
                due, plan = None, None
            if now >= hang:
                self.found.violations.append("a child hung")
                process.kill()
            ready, _, _ = select.select([pipe], [], [], max(0.0, min(due or hang, hang) - now))
            if not ready:
                continue
            piece = os.read(pipe, 1 << 16)
            if not piece:
                break
            *lines, left = (left + piece).split(b"\n")
            for line in lines:
                mark, is_new = self.hear(at, line.decode())
                fresh += is_new
                if plan is None or due is not None:
                    continue
                if (plan.mark and mark == plan.mark) or (plan.moment == "steady" and fresh >= plan.rows):
                    due = time.monotonic() + plan.delay
        process.stdout.close()
        code = process.wait()
        return None if code == -signal.SIGKILL else code

    def hear(self, at: Round, line: str) -> tuple[str, bool]:
        """Takes down one acknowledgement. A mark, and whether it was a new row."""
        mark, _, rest = line.partition(" ")
        if mark.startswith("!"):
            if mark == "!open":
                at.was_open = True
                took, used = map(float, rest.split())
                self.found.opening_to_write = max(self.found.opening_to_write, took)
                self.found.opening_used = max(self.found.opening_used, used)
            at.is_over |= mark == "!end"
            return mark, False
        request_id, _, state = rest.partition(" ")
        known = at.acknowledged.setdefault(mark, request_id)
        if known != request_id:
            self.found.violations.append(f"{mark} was handed out with {known}, and then with {request_id}")
        at.new += state == "new"
        return "", state == "new"

    def look(self, at: Round, *, was_killed: bool) -> None:
        """Opens the store after a kill: it verifies, and what is undecided is no more than was in flight."""
        started, used = time.monotonic(), time.process_time()
        try:
            store = Store(at.store)
        except StoreError as error:
            if at.was_open:
                self.found.violations.append(f"the store cannot be read: {error}")
            return
        with store:
            crashed = [call for call in store.unresolved() if call.outcome == "Intended"]
            self.found.opening_to_read = max(self.found.opening_to_read, time.monotonic() - started)
            self.found.opening_used = max(self.found.opening_used, time.process_time() - used)
            self.found.most_unresolved = max(self.found.most_unresolved, len(crashed))
            if len(crashed) > (self.options.concurrency if was_killed else 0):
                self.found.violations.append(f"{len(crashed)} calls are undecided after one kill")
            self.found.violations += [f"the store does not verify: {problem}" for problem in store.verify()]

    def compare(self, at: Round) -> None:
        """A round is over: what was acknowledged, what is recorded, and what was charged."""
        end = time.monotonic() + 10
        while self.emulator.connections()["open"] and time.monotonic() < end:
            time.sleep(0.01)
        charged = Counter(entry.data_id or "" for entry in self.emulator.ledger().entries)
        tried = attempts(at.store)
        found = self.found
        with Store(at.store) as store:
            listed = Counter(call.key for call in store.unresolved())
            recorded: dict[str, str | None] = {}
            for row in store.rows():
                if row.key in recorded:
                    found.violations.append(f"{row.key} is recorded twice")
                recorded[row.key] = row.request_id if row.ok else row.error_code
        for key, request_id in at.acknowledged.items():
            if recorded.get(key) != request_id:
                found.violations.append(f"{key} was acknowledged with {request_id}, the store has {recorded.get(key)}")
        if len(recorded) != self.options.items or set(at.acknowledged) != set(recorded):
            found.violations.append(f"{len(recorded)} items are recorded, {len(at.acknowledged)} were acknowledged")
        for key in recorded.keys() | charged.keys():
            ends, times = tried.get(key, Counter[str]()), charged[key]
            most = ends["billed"] + ends["possibly_billed"]
            if not ends["billed"] <= times <= most or ends["billed"] > 1 or ends["intent"]:
                found.violations.append(f"{key} was charged {times} times, its attempts say {dict(ends)}")
            if times - 1 > listed[key] or listed[key] != ends["possibly_billed"]:
                found.violations.append(f"{key} was charged {times} times, {listed[key]} are listed as possibly billed")
        found.rounds += 1
        found.acknowledged += len(at.acknowledged)
        found.calls += charged.total()
        found.extra += sum(times - 1 for times in charged.values())
        found.doubtful += listed.total()

    def round(self, number: int, place: Path) -> None:
        at = Round(place / f"r{number}", place / f"r{number}.sqlite")
        at.folder.mkdir()
        for local in range(min(LOCAL, self.options.items // 4)):
            name = f"r{number}-file-{local:04}"
            (at.folder / f"{name}.png").write_bytes(images.png(64, 64, text={"name": name}))
        while not at.is_over:
            wanted = self.found.kills.total() < self.options.kills
            self.once(at, Plan.draw(self.dice, self.options.items) if wanted else None)
            if len(self.found.violations) > 100:
                return
        self.compare(at)
        self.emulator.reset()
        self.emulator.settings(qps=0, judge="hash")
        for path in place.glob(f"r{number}*"):
            if path.is_file():
                path.unlink()

    def run(self, place: Path) -> None:
        number = 0
        while self.found.kills.total() < self.options.kills and len(self.found.violations) <= 100:
            number += 1
            self.round(number, place)
            print(f"  round {number}: {self.found.kills.total()} kills so far", flush=True)


def report(found: Findings, options: argparse.Namespace, took: float) -> None:
    kills = found.kills.total()
    most = kills * options.concurrency
    if found.extra > most:
        found.violations.append(f"{found.extra} calls were charged again, {most} may be")
    if found.opening_used >= MOST_SECONDS:
        found.violations.append(f"opening took more than {MOST_SECONDS:.0f} s of the processor")
    moments = ", ".join(f"{moment} {found.kills[moment]}" for moment in MOMENTS)
    print(f"  kills             {kills:9,}   {moments}; {found.in_vain} came too late")
    print(f"  acknowledged      {found.acknowledged:9,}   results in {found.rounds} rounds")
    print(f"  charged           {found.calls:9,}   calls, {found.extra} of them extra (at most {most:,})")
    print(f"  possibly billed   {found.doubtful:9,}   listed; at most {found.most_unresolved} after one kill")
    print(
        f"  opening           {found.opening_to_read:9.3f} s to read, {found.opening_to_write:.3f} s to write; "
        f"{found.opening_used:.3f} s of the processor"
    )
    print(f"  took              {took:9.1f} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--seed", type=int, default=None, help="of the moments; drawn and printed if not given")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--leave", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--die", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        # The parent may be gone: then there is nobody to acknowledge anything to.
        with suppress(BrokenPipeError):
            return child(options)
        return 1
    seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(4), "big")
    print(f"kill: {options.kills} kills, {options.items:,} items a round, {options.concurrency} at once, seed {seed}")
    started = time.monotonic()
    with Emulator(qps=0, judge="hash") as emulator, tempfile.TemporaryDirectory() as place:
        killer = Killer(emulator, options, random.Random(seed))
        killer.run(Path(place))
    report(killer.found, options, time.monotonic() - started)
    found = killer.found.violations
    for violation in found[:20]:
        print(f"  VIOLATION {violation}")
    print(f"kill: {'does not hold' if found else 'holds'} ({len(found)} violations), seed {seed}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

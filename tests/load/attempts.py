"""The paid requests that a store has written down, read as any other program would: by its documented tables.

    python tests/load/attempts.py run.sqlite

One line of JSON for each request: the key of the item that asked, and how it ended. This runs as a process of its own,
since two SQLite libraries in one process take each other's locks away.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path


def attempts(store: Path) -> dict[str, Counter[str]]:
    """For each key, how many requests ended as `billed`, `possibly_billed`, `not_billed`, or are an open `intent`."""
    done = subprocess.run([sys.executable, __file__, str(store)], capture_output=True, text=True, check=True)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in done.stdout.splitlines():
        key, state = json.loads(line)
        found[key][state] += 1
    return found


def main() -> int:
    connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
    for row in connection.execute("SELECT key, state FROM attempt"):
        print(json.dumps(row))
    connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""So many calls of a client in Python, and nothing else: what is counted is done by who starts this.

python benches/micro/wall.py URL TIMES
"""

from __future__ import annotations

import gc
import sys

import aigclens

IMAGE = "https://images.example.com/cat.png"


def main() -> None:
    """Every answer must be the right one. Garbage is not collected: when it would be depends on all that is there."""
    gc.disable()
    credentials = aigclens.Credentials("bench-key", "benchbenchbenchbenchbenchbench")
    client = aigclens.Client(endpoint=sys.argv[1], credentials=credentials, qps=None)
    for _ in range(int(sys.argv[2])):
        if client.detect(IMAGE).label != "aigc":
            raise SystemExit("a wrong answer came")


if __name__ == "__main__":
    main()

"""Sort a folder of images into `keep` and `drop`: what is AI-generated goes to `drop`, everything else to `keep`.

    python sort_folder.py photos/ --keep keep/ --drop drop/ --threshold 80

Images are copied, never moved or changed. One that fails is named at the end, and makes the exit code 1.
Needs `ALIBABA_CLOUD_ACCESS_KEY_ID` and `ALIBABA_CLOUD_ACCESS_KEY_SECRET`; each answered image costs 0.0006 USD.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from pathlib import Path

import aigclens

AT_ONCE = 16


async def sort(folder: Path, keep: Path, drop: Path, threshold: float) -> tuple[int, int, list[tuple[Path, Exception]]]:
    """Asks about every file of the folder; gives how many were kept and dropped, and what failed."""
    kept = dropped = 0
    failed: list[tuple[Path, Exception]] = []
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(client: aigclens.AsyncClient, path: Path) -> None:
        nonlocal kept, dropped
        async with limit:
            try:
                found = await client.detect(path)
            except aigclens.InputError as error:  # This image is at fault; the others may be fine.
                failed.append((path, error))
                return
            except (aigclens.TransportError, aigclens.ServerError, aigclens.ThrottledError) as error:
                failed.append((path, error))
                return
        # A generated image without a confidence is dropped too: the label alone says so.
        is_generated = found.is_aigc is True and (found.confidence is None or found.confidence >= threshold)
        target = drop if is_generated else keep
        await asyncio.to_thread(shutil.copy2, path, target / path.name)
        kept += not is_generated
        dropped += is_generated

    for target in (keep, drop):
        target.mkdir(parents=True, exist_ok=True)
    paths = sorted(path for path in folder.iterdir() if path.is_file())  # noqa: ASYNC240 - nothing else runs yet
    async with aigclens.AsyncClient() as client:
        await asyncio.gather(*(one(client, path) for path in paths))
    return kept, dropped, failed


def main(arguments: list[str] | None = None) -> int:
    """Runs the script and gives its exit code."""
    parser = argparse.ArgumentParser(description="Sort images into keep and drop.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", type=Path, default=Path("keep"))
    parser.add_argument("--drop", type=Path, default=Path("drop"))
    parser.add_argument("--threshold", type=float, default=80.0, help="confidence from 0 to 100 (default: 80)")
    options = parser.parse_args(arguments)
    try:
        kept, dropped, failed = asyncio.run(sort(options.folder, options.keep, options.drop, options.threshold))
    except aigclens.AigcError as error:  # Credentials, account, configuration: wrong for every image.
        print(f"stopped: {error}", file=sys.stderr)
        return 2
    print(f"kept {kept}, dropped {dropped}, failed {len(failed)}")
    for path, reason in sorted(failed, key=lambda failure: failure[0]):
        print(f"  {path.name}: {reason}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

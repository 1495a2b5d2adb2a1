"""Many images: one lazy input, one store, one budget. `aigclens.scan` and its kin are made here."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from aigclens.options import CallOptions, ClientOptions
from aigclens.scanning.engine import AsyncScan, Scan, ScanOptions
from aigclens.scanning.estimates import Estimate
from aigclens.scanning.inputs import InputOptions
from aigclens.scanning.rows import COLUMNS, ScanRow
from aigclens.scanning.summary import Summary

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from aigclens.client import AsyncClient, Client

__all__ = [
    "COLUMNS",
    "AsyncScan",
    "Estimate",
    "InputOptions",
    "Scan",
    "ScanOptions",
    "ScanRow",
    "Summary",
    "ascan",
    "estimate",
    "scan",
]

_NAMES = frozenset(ScanOptions.__annotations__) | frozenset(InputOptions.__annotations__)

if TYPE_CHECKING:

    class AllOptions(ScanOptions, ClientOptions, total=False):
        """What a scan can be told, and what its client can be told."""


def scan(source: Any, *, client: Client | None = None, **options: Unpack[AllOptions]) -> Scan:
    """Asks about many images, each paid for once, and hands out one `ScanRow` for each.

        for row in aigclens.scan("photos/", store="run.sqlite", budget="50 USD"):
            print(row.key, row.label, row.confidence)

    Every answer is in the store, durably, before its row is handed out; a scan that was ended by whatever, `kill -9`
    included, goes on when it is run again with the same store. Equal images are paid for once.

    Args:
        source: A folder; a file of images (`.tar`, `.tar.gz`, `.zip`: WebDataset and img2dataset shards, also as
            `"{000000..000999}.tar"`); a list of paths or URLs (`.txt`, `.csv`, `.tsv`, `.jsonl`, `.parquet`); a
            pattern; or any iterable of sources as `detect` takes them, of `(key, source)` or `(key, source, extra)`.
        client: The client to ask with; what `Client.with_options` takes may be given beside it. Without it one is made
            from the other options, which are those of `aigclens.Client` (`region`, `credentials`, `service` ...).
        store: The file for results and for what is known of the money: SQLite, made if it is missing. Without it
            nothing is kept, and equal images are known within this scan alone.
        budget: What may be spent over all runs of the store: `"50 USD"`, or a whole number of calls. What is billed and
            what may be billed never passes it, at no instant.
        concurrency: Calls in flight together, 1 to 256; also the most that a crash can leave undecided.
        ordered: Rows in the order of the input instead of that of the answers.
        retry: Which of the items that earlier runs left are asked again: `unresolved` (a crash or a lost answer; they
            may be charged twice), `errors` (failures too), `none`.
        data_id: What the service is told as its name for the image: `key`, `hash` of the content, or nothing.
        precheck: What is done about what local images declare of themselves: `report` (`ScanRow.evidence`), `off`, or
            `skip_declared`: one that declares itself AI-generated is a row of its own (`engine="provenance"`) that
            costs nothing, and is kept in no store. An answer that the store has is worth more. What is not said is as
            the client has it.
        skip_sources: Whose declarations save the call: some of `c2pa`, `iptc`, `aigc_label`, `generator_text`, `exif`;
            `None` for all of them, or as the client has it. Only with `skip_declared`.
        patience: Seconds that an outage of the network or the service is sat out, during which nothing fails.
        progress: `True` for a progress bar (tqdm where it is installed), or a function that is given
            `aigclens.scanning.progress.Progress`.
        url_column: In a list with columns, the one with URLs.
        path_column: The one with paths, relative to the list's folder.
        binary_column: The one with images' bytes (Parquet).
        key_column: The one with keys; otherwise path or URL is the key.
        carry: Names of further columns to keep in `ScanRow.extra`, or `"*"`.
        root: The folder that relative paths of a list begin at.
        glob: Patterns of files to take from a folder instead of all with an image's ending.
        exclude: Patterns of files to leave out.
        follow_symlinks: Whether links to folders are followed.

    Returns:
        A `Scan`, which is an iterator and a context manager; `.summary` has the counts, `.stop()` ends it gently.

    Raises:
        ConfigError: An option is wrong, or the source cannot be read at all.
        StoreError: The store cannot be used: `StoreLocked`, `StoreFull`, `StoreDamaged`.

    After every finished row was handed out, the iteration raises what ended it early: `BudgetExceeded`;
    `AccountNotReady` or what else is wrong with the account; `ScanPaused`; `StoreError`; or what the input raised.
    """
    from aigclens.client import Client

    own, rest = _parted(options)
    asking = Client(**rest) if client is None else client.with_options(**rest)
    return Scan(asking, source, owns_client=client is None, **own)


def ascan(source: Any, *, client: AsyncClient | None = None, **options: Unpack[AllOptions]) -> AsyncScan:
    """`scan`, for `async for`. The source may be an asynchronous iterable too."""
    from aigclens.client import AsyncClient

    own, rest = _parted(options)
    asking = AsyncClient(**rest) if client is None else client.with_options(**rest)
    return AsyncScan(asking, source, owns_client=client is None, **own)


def estimate(source: Any, *, client: Client | None = None, **options: Unpack[AllOptions]) -> Estimate:
    """What `scan` would cost: the source is read and compared with itself and with the store; nothing is asked.

    Takes the options of `scan`; those that say how to ask have no effect. The store, if it is there, is only read.

    Raises:
        ConfigError: An option is wrong, or the source cannot be read at all.
        StoreError: The store cannot be read.
    """
    from aigclens.client import Client
    from aigclens.scanning.estimates import survey

    own, rest = _parted(options)
    given = {
        name: own[name]
        for name in ("store", "retry", "precheck", "skip_sources", *InputOptions.__annotations__)
        if name in own
    }
    asking = Client(**rest) if client is None else client.with_options(**rest)
    try:
        return survey(asking, source, **given)
    finally:
        if client is None:
            asking.close()


def _parted(options: Any) -> tuple[dict[str, Any], Any]:
    """The scan's own options, and the client's. One that neither knows is refused by name."""
    names = _NAMES
    for name in options.keys() - names - ClientOptions.__annotations__.keys() - CallOptions.__annotations__.keys():
        close = get_close_matches(name, [*names, *ClientOptions.__annotations__], 1)
        meant = f"; did you mean {close[0]}=?" if close else "; the options are those of a scan and of aigclens.Client"
        raise TypeError(f"a scan has no option {name}={meant}")
    own = {name: value for name, value in options.items() if name in names}
    return own, {name: value for name, value in options.items() if name not in names}

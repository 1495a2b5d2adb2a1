"""Reading the file that a scan keeps its results in.

    from aigclens.store import Store

    with Store("run.sqlite") as store:
        print(store.info().answered)
        store.export("verdicts.csv")

A store is one SQLite file; `docs/store.md` has its tables, for reading it with other programs. Do not open it with
`sqlite3` in a process that scans or reads it with this package: two SQLite libraries in one process take each other's
locks away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from aigclens._native import StoreReader

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from types import TracebackType

    from aigclens.scanning.rows import ScanRow

__all__ = ["Store", "StoreInfo", "StoreRun", "StoreSpend", "UnresolvedCall"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _time(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


@dataclass(frozen=True, slots=True)
class StoreSpend:
    """What requests cost over all runs.

    Attributes:
        billed_calls: Requests that were charged for certain.
        billed: What they cost, in millionths of a US dollar.
        possibly_billed_calls: Requests that may have been charged: sent, and no answer says what became of them.
        possibly_billed: What those cost at most, in millionths of a US dollar.
    """

    billed_calls: int
    billed: int
    possibly_billed_calls: int
    possibly_billed: int


@dataclass(frozen=True, slots=True)
class StoreRun:
    """One scan that wrote to the store.

    Attributes:
        service: The service that was asked.
        endpoint: Where it was asked: `https://host`, or an emulator's `http://127.0.0.1:port`.
        started_at: When it began, UTC.
        ended_at: When it ended, UTC; `None` while it is running, and for one that was killed.
        pid: The number of its process.
        host: The name of its machine.
        version: The version of this package.
        clean: Whether it wrote everything down before it ended.
    """

    service: str
    endpoint: str
    started_at: datetime
    ended_at: datetime | None
    pid: int
    host: str
    version: str
    clean: bool


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What a store holds, in numbers.

    Items are inputs. Contents are what is asked about: images of the same bytes, or the same URL, are one.

    Attributes:
        path: The file, without links.
        store_id: A random number that the store was given when it was made, as 32 hexadecimal digits.
        schema_version: The version of its tables.
        created_by: The package and version that made it.
        created_at: When it was made, UTC.
        size: Bytes of the file; its write-ahead log comes on top while a scan is running.
        items: Inputs that were looked at.
        answered: Contents that have an answer.
        failed: Contents whose last call failed for certain.
        unresolved: Contents of which a request was sent, or about to be, whose outcome nobody knows.
        open: Contents that nothing is known of yet.
        spend: What was spent on the service.
        emulator_spend: What emulators were asked; no money.
        runs: The scans that wrote to it, in order.
    """

    path: str
    store_id: str
    schema_version: int
    created_by: str
    created_at: datetime
    size: int
    items: int
    answered: int
    failed: int
    unresolved: int
    open: int
    spend: StoreSpend
    emulator_spend: StoreSpend
    runs: tuple[StoreRun, ...]


@dataclass(frozen=True, slots=True)
class UnresolvedCall:
    """A request that may have been charged, and whose answer nobody has.

    Attributes:
        key: The key of the item that was asked about.
        source: Where it is.
        service: The service that was asked.
        endpoint: Where it was asked.
        at: When the request was about to be sent, UTC.
        price: What it costs if it was charged, in millionths of a US dollar.
        region: The region asked, where it is known.
        request_id: The service's id of the request, where an answer had one.
        outcome: The class of the error; `Crashed` where the process ended before there was one; `Intended` where nobody
            has written an end, as in a scan that is running or was killed a moment ago.
        answered: Whether a later request about the same content was answered.
    """

    key: str
    source: str
    service: str
    endpoint: str
    at: datetime
    price: int
    region: str | None
    request_id: str | None
    outcome: str
    answered: bool


class Store:
    """A store, open for reading: a context manager. A scan may be writing to it meanwhile.

    What is read is one snapshot: whatever is written after the first method was called is not seen. Open it anew for
    later news, and do not leave it open for hours while a scan writes, since its log grows until then. It may be used
    by several threads, one at a time.

    Args:
        path: The file that was given to `scan(store=...)`.

    Raises:
        StoreDamaged: The file is damaged, or not a store.
        StoreError: There is no such file, it cannot be read, is on a network file system, or was made by a newer
            version.
    """

    __slots__ = ("_reader",)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._reader = StoreReader(path)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    def info(self) -> StoreInfo:
        """What it holds, in numbers. Takes a moment for each million of items."""
        path, store_id, version, created_by, created, size, counts, spend, emulated, runs = self._reader.info()
        items, answered, failed, unresolved, still_open = counts
        return StoreInfo(
            path=path,
            store_id=store_id,
            schema_version=version,
            created_by=created_by,
            created_at=_time(created),
            size=size,
            items=items,
            answered=answered,
            failed=failed,
            unresolved=unresolved,
            open=still_open,
            spend=StoreSpend(*spend),
            emulator_spend=StoreSpend(*emulated),
            runs=tuple(
                StoreRun(service, endpoint, _time(started), None if ended is None else _time(ended), *rest)
                for service, endpoint, started, ended, *rest in runs
            ),
        )

    def rows(self) -> Iterator[ScanRow]:
        """One row for each item that something is known of, in the order in which items were first looked at.

        The store as a whole is read as one run: `cached` is always false, and what a content cost over all runs stands
        on the row of the item that was asked about, while its duplicates cost nothing. A row that a broken disk has
        changed is told as a failure, `StoreDamaged`, and never as an answer.
        """
        from aigclens.scanning.rows import ScanRow

        after = 0
        while True:
            page, after = self._reader.rows(after)
            if not page:
                return
            for values in page:
                yield ScanRow(*values)

    def unresolved(self) -> list[UnresolvedCall]:
        """Every request that may have been charged, in the order of asking, those of running scans included."""
        return [
            UnresolvedCall(key, source, service, endpoint, _time(at), *rest)
            for key, source, service, endpoint, at, *rest in self._reader.unresolved()
        ]

    def verify(self) -> list[str]:
        """Reads everything, and compares each row with its checksum.

        Returns:
            Each problem as one line; an empty list for a store that is as it was written.
        """
        return self._reader.verify()

    def export(
        self,
        path: str | os.PathLike[str],
        format: str | None = None,  # noqa: A002 - the option's name everywhere
        *,
        force: bool = False,
    ) -> Any:
        """Writes all rows to a file: a snapshot, also while a scan is running.

        Args:
            path: The file to write.
            format: `jsonl`, `csv` or `parquet`; `None` takes it from the name's ending.
            force: Whether a file that is there may be replaced.

        Returns:
            What `aigclens.report.write` returns.
        """
        from aigclens import report

        return report.write(self.rows(), path, format=format, force=force)

    def close(self) -> None:
        """Lets go of the file; harmless when repeated."""
        self._reader.close()

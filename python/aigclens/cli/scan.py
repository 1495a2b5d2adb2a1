"""Ask about many images, each paid for once. Run the same command again to go on after whatever ended it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from aigclens.cli import OK, OUT_OF_BUDGET, SOME_FAILED, STOPPED, choices, engine, output
from aigclens.cli.display import Display
from aigclens.cli.stopping import Stopping
from aigclens.errors import AigcError, BudgetExceeded, ConfigError

if TYPE_CHECKING:
    from aigclens.report import Writer
    from aigclens.scanning.rows import ScanRow

_GO_ON = "the same command goes on where this one ended"


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `aigclens scan`."""
    choices.add_inputs(parser, "where every answer is kept (default: beside --out)")
    parser.add_argument("--out", metavar="FILE", help="where the rows go: .jsonl grows; .csv, .parquet, .html last")
    parser.add_argument(
        "--format", choices=["jsonl", "csv", "parquet", "html"], help="what --out is, if its name does not say"
    )
    parser.add_argument("--force", action="store_true", help="replace an --out or --summary that is another's file")
    parser.add_argument("--summary", metavar="FILE", help="where the counts go, as JSON")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, the summary last")
    parser.add_argument("--quiet", action="store_true", help="no progress and no summary on the standard error")
    parser.add_argument(
        "--budget", type=choices.budget, metavar="X", help="for all runs of the store: '50 USD', or a number of calls"
    )
    parser.add_argument("--dry-run", action="store_true", help="count and reckon, ask nothing: as `aigclens estimate`")
    parser.add_argument("--concurrency", type=int, default=16, metavar="N", help="calls in flight (default: 16)")
    parser.add_argument("--ordered", action="store_true", help="rows in the order of the input")
    parser.add_argument("--patience", type=float, metavar="SECONDS", help="sit out an outage so long (default: 900)")
    parser.add_argument(
        "--data-id", choices=["key", "hash"], help="what is sent as the service's own name for an image (default: none)"
    )
    choices.add_client(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Scans, and says how to go on where it ended early."""
    if options.dry_run:
        from aigclens.cli import estimate

        return estimate.run(options)
    # On a terminal that shows the rows these are the progress.
    rows_are_seen = not options.out and sys.stdout.isatty()
    display = Display(is_shown=not options.quiet and not rows_are_seen)
    try:
        with Stopping() as stopping:
            return _Run(options, display, stopping).run()
    except AigcError as error:
        display.say(f"{type(error).__name__}: {error}")
        return choices.refused(error)
    finally:
        display.close()


class _Run:
    def __init__(self, options: argparse.Namespace, display: Display, stopping: Stopping) -> None:
        self._options, self._display, self._stopping = options, display, stopping
        self._store: str | None = options.store
        self._writer: Writer | None = None

    def run(self) -> int:
        from aigclens.scanning.summary import check_place

        options = self._options
        if options.out == "-":
            raise ConfigError("--out is a file; --json prints the rows to the standard output")
        # What cannot be written is found out before anything is paid for.
        files = {f"source{number}": name for number, name in enumerate(options.sources) if engine.is_file(name)}
        choices.distinct(out=options.out, summary=options.summary, store=self._place_of_store(), **files)
        if options.summary:
            check_place(options.summary, force=options.force)
        if options.out:
            from aigclens.report import Writer

            self._writer = Writer(options.out, options.format, force=options.force, resume=True)
        try:
            self._choose_store()
            with choices.client_of(options) as client:
                return self._scan(client)
        finally:
            if self._writer is not None:
                self._writer.discard()

    def _place_of_store(self) -> str | None:
        beside = f"{self._options.out}.aigclens.sqlite" if self._options.out else None
        return self._store if self._store is not None else beside

    def _choose_store(self) -> None:
        if self._store is None and self._options.out:
            self._store = self._place_of_store()
            self._tell(f"every answer is kept in {self._store}; --store names another file")
        elif self._store is None:
            self._tell("answers are kept nowhere: with --store or --out, what was paid for is not paid for again")

    def _scan(self, client: Any) -> int:
        options = self._options
        scan = engine.start(
            options.sources,
            client,
            store=self._store,
            budget=options.budget,
            concurrency=options.concurrency,
            ordered=options.ordered,
            retry=options.retry,
            progress=self._display,
            **{name: value for name in ("patience", "data_id") if (value := getattr(options, name)) is not None},
            **choices.input_options(options),
        )
        self._stopping.watch(scan)
        why: BaseException | None = None
        with scan:
            try:
                for row in scan:
                    self._put(row)
            except BrokenPipeError:
                # Whoever read us has gone: no reason to lose what is in flight.
                scan.close()
                self._close(complete=False)
                raise
            except (AigcError, OSError) as error:
                why = error
        return self._conclude(scan.summary, why)

    def _put(self, row: ScanRow) -> None:
        if self._writer is not None:
            self._writer.write(row)
        if self._options.json:
            from aigclens.report.jsonl import text

            print(text(row.to_dict()), flush=True)
        elif self._writer is None:
            print("\t".join(map(output.shown, _cells(row))), flush=True)

    def _conclude(self, summary: Any, why: BaseException | None) -> int:
        code, stopped, resume = self._ending(summary, why)
        try:
            self._close(complete=stopped is None)
        except OSError as error:
            code, stopped, resume = STOPPED, f"{self._options.out}: {_reason(error)}", self._way_on(error)
        summary.end(stopped, resume)
        # One line that says why and how to go on: it is the engine's word where the engine ended it.
        summary.resume = resume
        if self._options.summary:
            try:
                summary.write(self._options.summary, force=self._options.force)
            except (AigcError, OSError) as error:
                self._display.say(f"{self._options.summary}: {_reason(error)}")
                code = code or STOPPED
        self._display.close()
        if self._options.json:
            from aigclens.report.jsonl import text

            print(text({"summary": summary.to_dict()}), flush=True)
        if not self._options.quiet:
            for line in _told(summary):
                self._display.say(line)
        if stopped is not None:
            self._display.say(f"{stopped}; {resume}")
        return code

    def _ending(self, summary: Any, why: BaseException | None) -> tuple[int, str | None, str | None]:
        if self._stopping.number is not None:
            return self._stopping.code, "interrupted", self._way_on(why)
        if why is None:
            return (SOME_FAILED if summary.failed else OK), None, None
        stopped = f"{type(why).__name__}: {why}" if isinstance(why, AigcError) else _reason(why)
        if isinstance(why, BudgetExceeded):
            # How to go on is said in the command's own words.
            stopped = stopped.partition(";")[0]
        return (OUT_OF_BUDGET if isinstance(why, BudgetExceeded) else STOPPED), stopped, self._way_on(why)

    def _way_on(self, why: BaseException | None) -> str:
        if self._store is None:
            return "nothing was kept; with --store a scan goes on where it ended"
        if isinstance(why, BudgetExceeded):
            return f"{_GO_ON}, with a larger --budget"
        return _GO_ON if why is None else f"{_GO_ON}, once that is mended"

    def _close(self, *, complete: bool) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close(complete=complete)
            finally:
                writer.discard()
            if writer.kept:
                self._display.say(f"{writer.path} has more rows than this run came to, and is left as it was")

    def _tell(self, text: str) -> None:
        if not self._options.quiet:
            self._display.say(text)


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and not isinstance(error, AigcError):
        name = f"{error.filename}: " if error.filename else ""
        return f"{name}{error.strerror or error}"
    return f"{type(error).__name__}: {error}"


def _cells(row: ScanRow) -> tuple[str, ...]:
    verdict = {True: "yes", False: "no", None: "?"}[row.is_aigc] if row.ok else "failed"
    if row.cached or row.duplicate_of is not None:
        cost = "cached" if row.cached else "duplicate"
    else:
        cost = "declared" if row.engine == "provenance" else row.billing
    return (
        row.key,
        verdict,
        row.label or "-",
        output.number(row.confidence),
        row.risk_level or "-",
        cost,
        row.error or "-",
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _told(summary: Any) -> list[str]:
    """The summary as lines for people."""
    from aigclens.scanning.budget import dollars
    from aigclens.scanning.progress import span

    if not summary.items and summary.stopped is None:
        return [f"there is no image to ask about; {summary.skipped:,} passed over"]
    first = (
        f"{_counted(summary.items, 'image')}: {summary.ok:,} answered, {summary.failed:,} failed, "
        f"{summary.cached:,} from the store, {_counted(summary.duplicates, 'duplicate')}; "
        f"{span(summary.elapsed)}, {summary.rate:.1f}/s"
    )
    cost = f"{_counted(summary.billed_calls, 'call')} billed: {summary.billed_usd:f} USD"
    if summary.possibly_billed_calls:
        cost += f"; {summary.possibly_billed_calls:,} possibly billed: {summary.possibly_billed_usd:f} USD"
    if summary.left is not None:
        cost += f"; {dollars(max(0, summary.left)):f} USD left of the budget"
    lines = [first, cost]
    if summary.engines["emulator"]:
        lines.append(f"{summary.engines['emulator']:,} answered by an emulator, which looks at no pixels: no money")
    if summary.declared:
        lines.append(f"{summary.declared:,} not asked about: declared to be AI-generated")
    if summary.disagreements:
        lines.append(f"declaration and verdict disagree: {_counted(summary.disagreements, 'image')}")
    if summary.skipped:
        lines.append(f"{summary.skipped:,} passed over, no images")
    if summary.labels:
        lines.append("labels: " + ", ".join(f"{name} {count:,}" for name, count in summary.labels.most_common(10)))
    if summary.errors:
        lines.append("errors: " + ", ".join(f"{name} {count:,}" for name, count in summary.errors.most_common(10)))
    return lines

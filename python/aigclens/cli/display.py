"""Progress of a scan on the standard error, and lines for people in between."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from aigclens.cli import output
from aigclens.scanning.progress import Line, described

if TYPE_CHECKING:
    from aigclens.scanning.progress import Progress

__all__ = ["Display"]


class Display:
    """Shows progress: prettily on a terminal where `rich` is installed, as a line that changes where it is not, and as
    a line every ten seconds where nobody sees one change.
    """

    def __init__(self, *, is_shown: bool) -> None:
        self._line: Line | None = None
        self._pretty: Any = None
        if not is_shown or sys.stderr is None:
            return
        if sys.stderr.isatty():
            self._pretty = _pretty()
        if self._pretty is None:
            self._line = Line(sys.stderr)

    def __call__(self, progress: Progress) -> None:
        """What `progress=` of a scan takes."""
        if self._pretty is not None:
            self._pretty(progress)
        elif self._line is not None:
            self._line(progress)

    def say(self, text: str) -> None:
        """A line for people that does not run into the progress."""
        if self._pretty is not None:
            self._pretty.say(text)
            return
        if self._line is not None:
            self._line.clear()
        output.say(text)

    def close(self) -> None:
        """Leaves the terminal as it was. Harmless when repeated."""
        if self._pretty is not None:
            self._pretty.close()
            self._pretty = None
        if self._line is not None:
            self._line.close()


def _pretty() -> Any:
    try:
        from rich.console import Console
        from rich.progress import BarColumn, ProgressColumn, SpinnerColumn
        from rich.progress import Progress as Bars
        from rich.text import Text
    except ImportError:
        return None

    class Facts(ProgressColumn):
        def render(self, task: Any) -> Any:
            # Never markup: a state has words of the service's.
            return Text(str(task.fields.get("facts", "")), overflow="ellipsis", no_wrap=True)

    class Pretty:
        def __init__(self) -> None:
            console = Console(stderr=True)
            # Drawn when there are news, by whoever has them: no thread of its own.
            self._bars = Bars(SpinnerColumn(), BarColumn(), Facts(), console=console, auto_refresh=False)
            self._task = self._bars.add_task("", total=None)
            self._bars.start()

        def __call__(self, progress: Progress) -> None:
            facts = described(progress)
            self._bars.update(self._task, completed=progress.done, total=progress.total, facts=facts, refresh=True)

        def say(self, text: str) -> None:
            self._bars.console.print(Text(f"aigclens: {output.shown(text)}"), soft_wrap=True)

        def close(self) -> None:
            self._bars.stop()

    return Pretty()

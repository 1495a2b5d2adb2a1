"""What every kind of input comes to: items with a key each, and the options by which they are read."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from aigclens.errors import ConfigError, ImageFileError, InputError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|https?:|oss:", re.IGNORECASE)


class Item(NamedTuple):
    """One image to be asked about, or the error that stands in its place.

    Attributes:
        key: The input's own name for it; always valid Unicode. Two items may have the same.
        source: What `Client.detect` takes, a member of an archive, or an `InputError` where the input is broken here.
        shown: The source for people.
        extra: The input's other columns where they were asked for, else `None`.
    """

    key: str
    source: object
    shown: str
    extra: dict[str, Any] | None = None


Items: TypeAlias = "Generator[Item, None, None]"
Named: TypeAlias = Literal["url_column", "path_column", "binary_column"]


class Tally:
    """What was passed over on the way."""

    __slots__ = ("skipped",)

    def __init__(self) -> None:
        self.skipped = 0


class Options:
    """How a source is read, checked once."""

    __slots__ = ("carry", "columns", "exclude", "follow_symlinks", "glob", "key_column", "root", "tally")

    def __init__(
        self,
        columns: dict[Named, str | None],
        *,
        key_column: str | None,
        carry: str | Sequence[str],
        root: str | None,
        glob: tuple[str, ...],
        exclude: tuple[str, ...],
        follow_symlinks: bool,
    ) -> None:
        named: dict[Named, str] = {option: name for option, name in columns.items() if name is not None}
        if len(named) > 1:
            raise ConfigError(f"{' and '.join(named)} were both given; an item has one source")
        self.columns = named
        self.key_column = key_column
        self.carry: Literal["*"] | tuple[str, ...] = "*" if carry == "*" else texts("carry", carry)
        self.root = root
        self.glob = glob
        self.exclude = exclude
        self.follow_symlinks = follow_symlinks
        self.tally = Tally()

    def without_patterns(self) -> Options:
        """The same for a file that the patterns have chosen. What is passed over is counted together."""
        made = copy.copy(self)
        made.glob = made.exclude = ()
        return made

    def no_columns(self, what: str) -> None:
        """Refuses options about columns where there are none: an option without effect is a mistake."""
        options = [*self.columns, *(["key_column"] if self.key_column is not None else [])]
        if options:
            raise ConfigError(f"{options[0]} is for CSV, JSONL and Parquet; {what} has no columns to choose from")

    def no_patterns(self, what: str) -> None:
        """Refuses patterns where there is nothing to look through."""
        if self.glob or self.exclude:
            raise ConfigError(f"{'glob' if self.glob else 'exclude'} is for a folder, and not for {what}")

    def carried(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Those of the fields that were asked for; `None` for those that are not there."""
        if self.carry == "*":
            return fields
        return {name: fields.get(name) for name in self.carry}


def texts(option: str, value: str | Sequence[str] | None) -> tuple[str, ...]:
    """One text or several, as a tuple."""
    if value is None:
        return ()
    several = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not all(isinstance(one, str) and one for one in several):
        raise ConfigError(f"{option} is a text or a list of texts, none of them empty")
    return several


def storable(text: str) -> str:
    """A text that every store and format can hold. Bytes that were no UTF-8 become `\\xff`; nothing is lost."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape" if _only_bytes(text) else "surrogatepass").decode(
            "utf-8", "backslashreplace"
        )
    return text


def cleaned(value: Any) -> Any:
    """The same for every text of a value that was read as JSON."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [cleaned(one) for one in value]
    if isinstance(value, dict):
        return {storable(name): cleaned(one) for name, one in value.items()}
    return value


def _only_bytes(text: str) -> bool:
    return not any("\ud800" <= one <= "\udfff" and not "\udc80" <= one <= "\udcff" for one in text)


def is_url(text: str) -> bool:
    """Whether a text begins like a URL of whatever scheme."""
    return _SCHEME.match(text) is not None


def broken(key: str, shown: str, why: str, kind: type[InputError] = InputError) -> Item:
    """The item that stands for something that cannot be read; it costs nothing and becomes a failed row."""
    return Item(storable(key), kind(storable(why)), storable(shown))


def unreadable(key: str, shown: str, problem: OSError) -> Item:
    """The same for what the operating system said no to."""
    why = problem.strerror or str(problem)
    error = ImageFileError(storable(f"cannot read '{shown}': {why}"), errno=problem.errno, filename=storable(shown))
    return Item(storable(key), error, storable(shown))

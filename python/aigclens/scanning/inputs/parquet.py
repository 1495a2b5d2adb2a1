"""Parquet files through pyarrow, a few rows at a time and only the columns that are needed."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from aigclens.errors import ConfigError, InputError, InvalidParameter
from aigclens.scanning.inputs import columns
from aigclens.scanning.inputs.item import Item, Items, Options, broken, storable

if TYPE_CHECKING:
    from collections.abc import Iterator

# Rows in memory at a time: texts, and images.
TEXTS = 4096
IMAGES = 8


def _library() -> Any:
    try:
        # By name, since it has no types and need not be there.
        import_module("pyarrow.parquet")
        return import_module("pyarrow")
    except ImportError:
        raise ConfigError(
            "Parquet is read with pyarrow, which is not installed: pip install 'aigclens[arrow]'"
        ) from None


def count(path: str) -> int:
    """How many rows a file says that it has; only its end is read."""
    library = _library()
    with open(path, "rb") as file:
        return int(library.parquet.read_metadata(file).num_rows)


def read(path: str, options: Options) -> Items:
    """The items of a file, which is closed at the end or with the generator. A row group that is damaged is one item of
    error, and the next is read.
    """
    library = _library()
    shown = storable(path)
    options.no_patterns(f"a table such as '{shown}'")
    base = options.root or os.path.dirname(path) or "."
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as problem:
        raise ConfigError(f"cannot read '{shown}': {problem.strerror or problem}") from problem
    with file:
        try:
            table = library.parquet.ParquetFile(file, pre_buffer=False, buffer_size=1024 * 1024)
        except (library.ArrowException, OSError, ValueError) as problem:
            raise ConfigError(f"'{shown}' is no Parquet file that pyarrow can read: {problem}") from problem
        yield from _Table(library, table, base, shown, options).items()


class _Table:
    """One open file."""

    def __init__(self, library: Any, table: Any, base: str, shown: str, options: Options) -> None:
        self._library = library
        self._table = table
        self._base = base
        self._shown = shown
        self._options = options
        schema = table.schema_arrow
        guesses = columns.GUESSES if options.columns else (*columns.GUESSES, *columns.BINARY_GUESSES)
        layout = columns.choose(list(schema.names), options, shown, guesses)
        self._types = {name: schema.field(name).type for name in schema.names}
        # What the image's column is: text, bytes, or Hugging Face's structure of both.
        self._form = self._form_of(layout.column)
        if layout.kind == "value" and self._form == "text":
            raise ConfigError(
                f"the column '{layout.column}' of '{shown}' is text; name it as url_column or path_column"
            )
        if layout.kind in ("url", "path") and self._form != "text":
            raise ConfigError(f"the column '{layout.column}' of '{shown}' is no text; name it as binary_column")
        carried = layout.carried
        if options.carry == "*":
            carried = tuple(name for name in carried if not self._is_heavy(name))
        for name in carried:
            if self._is_heavy(name):
                raise ConfigError(f"the column '{name}' of '{shown}' holds bytes, which are not carried to an output")
        self._layout = layout._replace(carried=carried)

    def items(self) -> Iterator[Item]:
        """Row group by row group, so that damage costs no more than one."""
        before = 0
        for group in range(self._table.num_row_groups):
            rows = self._table.metadata.row_group(group).num_rows
            done = 0
            try:
                for batch in self._batches(group):
                    for item in self._of_batch(batch, before + done):
                        done += 1
                        yield item
            except (self._library.ArrowException, OSError, ValueError) as problem:
                if isinstance(problem, InputError):
                    raise
                first, last = before + done + 1, before + rows
                why = f"rows {first} to {last} of '{self._shown}' cannot be read: {problem}"
                yield broken(f"{self._shown}:{first}", f"{self._shown}:{first}", why, InvalidParameter)
            before += rows

    def _batches(self, group: int) -> Iterator[Any]:
        layout = self._layout
        names = list(dict.fromkeys([layout.column, *([layout.key] if layout.key else []), *layout.carried]))
        size = TEXTS if self._form == "text" else IMAGES
        return self._table.iter_batches(batch_size=size, row_groups=[group], columns=names)  # type: ignore[no-any-return]

    def _of_batch(self, batch: Any, before: int) -> Iterator[Item]:
        layout = self._layout
        resolve = columns.resolver(layout.kind, self._base)
        values = batch.column(layout.column).to_pylist()
        keys = batch.column(layout.key).to_pylist() if layout.key else [None] * len(values)
        carried = [batch.column(name).to_pylist() for name in layout.carried]
        for at, value in enumerate(values):
            place = f"{self._shown}:{before + at + 1}"
            key, text = keys[at], value
            if isinstance(value, dict):
                value, text = self._of_struct(value)  # noqa: PLW2901
            source, name = columns.cell(value, resolve, layout.column)
            if isinstance(source, InputError):
                source = type(source)(f"row {before + at + 1}: {source}")
            if key is None or key == "":
                key = text.strip() if isinstance(text, str) else ""
            extra = {one: cells[at] for one, cells in zip(layout.carried, carried, strict=True)}
            shown = place if name in ("", "<bytes>") else name
            yield Item(storable(str(key)) or place, source, shown, extra if self._options.carry else None)

    @staticmethod
    def _of_struct(value: dict[str, Any]) -> tuple[Any, Any]:
        """Hugging Face's images: the bytes, or else where they are."""
        held, path = value.get("bytes"), value.get("path")
        return (held if held is not None else path), path

    def _form_of(self, column: str) -> str:
        types = self._library.types
        kind = self._types[column]
        if types.is_dictionary(kind):
            kind = kind.value_type
        if self._is_text(kind):
            return "text"
        if self._is_bytes(kind):
            return "bytes"
        if types.is_struct(kind):
            fields = {kind.field(at).name: kind.field(at).type for at in range(kind.num_fields)}
            if "bytes" in fields and self._is_bytes(fields["bytes"]):
                return "struct"
        raise ConfigError(
            f"the column '{column}' of '{self._shown}' is {str(self._types[column])[:80]}; images are in columns "
            "of text, of bytes, or of a structure with 'bytes' and 'path'"
        )

    def _is_text(self, kind: Any) -> bool:
        return self._is_any(kind, "is_string", "is_large_string", "is_string_view")

    def _is_bytes(self, kind: Any) -> bool:
        return self._is_any(kind, "is_binary", "is_large_binary", "is_fixed_size_binary", "is_binary_view")

    def _is_any(self, kind: Any, *checks: str) -> bool:
        # The views are younger than the oldest pyarrow that is taken.
        known = (getattr(self._library.types, check, None) for check in checks)
        return any(check(kind) for check in known if check is not None)

    def _is_heavy(self, column: str) -> bool:
        kind = self._types[column]
        if self._library.types.is_struct(kind):
            return any(self._is_bytes(kind.field(at).type) for at in range(kind.num_fields))
        return self._is_bytes(kind)

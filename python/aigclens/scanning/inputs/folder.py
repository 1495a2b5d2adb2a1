"""A folder and everything below it, as a stream: a directory of a million files takes no more memory than one of ten
thousand.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from aigclens.errors import ConfigError, ImageFileError
from aigclens.scanning.inputs import kinds, patterns
from aigclens.scanning.inputs.item import Item, Options, broken, storable, unreadable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

# A directory of up to that many entries comes in the order of its names; a larger one in sorted parts of that many.
BATCH = 10_000


class File(NamedTuple):
    """A file that was found: where it is, and its path below the folder."""

    path: str
    relative: str
    # Whether its ending was named by a pattern, so that a list or an archive is meant as one.
    as_its_kind: bool


class Level:
    """One directory on its way. It is open only as long as it has entries that nobody has seen."""

    __slots__ = ("_batch", "_scan", "identity", "path", "relative")

    def __init__(self, path: str, relative: str, identity: tuple[int, int] | None) -> None:
        self._scan: Iterator[os.DirEntry[str]] | None = os.scandir(path)
        self._batch: list[os.DirEntry[str]] = []
        self.path = path
        self.relative = relative
        self.identity = identity

    def next(self) -> os.DirEntry[str] | OSError | None:
        """The next entry, or the error that ends the directory, or nothing."""
        if not self._batch and self._scan is not None:
            problem = self._fill()
            if problem is not None:
                return problem
        return self._batch.pop() if self._batch else None

    def _fill(self) -> OSError | None:
        try:
            for entry in self._scan or ():
                self._batch.append(entry)
                if len(self._batch) >= BATCH:
                    break
            else:
                self.close()
        except OSError as problem:
            self.close()
            self._sort()
            return problem
        self._sort()
        return None

    def _sort(self) -> None:
        self._batch.sort(key=lambda entry: entry.name, reverse=True)

    def close(self) -> None:
        """Gives the directory's handle back."""
        if self._scan is not None:
            self._scan.close()  # type: ignore[attr-defined]
            self._scan = None


class Filter:
    """Which files and folders are looked at."""

    __slots__ = ("_exclude", "_glob", "_hidden", "lists_only", "passed_over")

    def __init__(self, options: Options, anchored: str | None) -> None:
        if anchored is not None and options.glob:
            raise ConfigError("the source is a pattern already; give glob with a folder")
        self._glob = patterns.read((anchored,), anchored=True) if anchored else patterns.read(options.glob)
        self._exclude = patterns.read(options.exclude)
        self.lists_only = bool(options.columns) or options.key_column is not None
        self._hidden = any(pattern.hidden for pattern in self._glob)
        # Lists and archives that a plain folder does not open: how many, by their ending.
        self.passed_over: dict[str, int] = {}

    def takes(self, name: str, relative: str) -> tuple[bool, bool]:
        """Whether a file is taken, and whether as what its ending says."""
        if (name.startswith(".") and not self._hidden) or self._excluded(relative):
            return False, False
        if self._glob:
            chosen = [pattern for pattern in self._glob if pattern.takes(relative)]
            return bool(chosen), any(pattern.names_kind for pattern in chosen)
        if self.lists_only:
            return kinds.kind_of(name) in ("csv", "tsv", "jsonl", "parquet"), True
        if kinds.is_image(name):
            return True, False
        kind = kinds.kind_of(name)
        if kind in ("archive", "parquet", "csv", "jsonl"):
            ending = name[name.index(".", 1) :] if name.lower().endswith(".gz") else name[name.rindex(".") :]
            if len(self.passed_over) < 100:
                self.passed_over[ending] = self.passed_over.get(ending, 0) + 1
        return False, False

    def enters(self, name: str, relative: str) -> bool:
        """Whether a folder is looked into."""
        if (name.startswith(".") and not self._hidden) or self._excluded(relative):
            return False
        return not self._glob or any(pattern.may_hold(relative) for pattern in self._glob)

    def _excluded(self, relative: str) -> bool:
        return any(pattern.takes(relative) for pattern in self._exclude)


def walk(folder: str, options: Options, anchored: str | None = None) -> Generator[File | Item, None, None]:
    """The files of a folder that are meant, and an item for every directory that cannot be read.

    Raises:
        ConfigError: The folder itself cannot be read, or has nothing of what is looked for but lists or archives.
    """
    chosen = Filter(options, anchored)
    found = False
    with contextlib.closing(_Walk(folder, options, chosen)) as walking:
        for one in walking.all():
            found = True
            yield one
    if not found:
        _explain(folder, options, chosen, anchored)


class _Walk:
    """The directories that a walk is in, from the folder down to where it is."""

    def __init__(self, folder: str, options: Options, chosen: Filter) -> None:
        self._options = options
        self._chosen = chosen
        try:
            first = Level(folder, "", _identity(folder) if options.follow_symlinks else None)
        except OSError as problem:
            raise ConfigError(storable(f"cannot read the folder '{folder}': {problem.strerror}")) from problem
        self._levels = [first]
        # Directories that were entered, where a link could lead to one of them again.
        self._seen = {first.identity}

    def all(self) -> Iterator[File | Item]:
        while self._levels:
            level = self._levels[-1]
            entry = level.next()
            if entry is None:
                self._levels.pop()
            elif isinstance(entry, OSError):
                yield unreadable(level.relative or ".", level.path, entry)
            else:
                relative = f"{level.relative}/{entry.name}" if level.relative else entry.name
                one = self._below(entry, relative) if _is_folder(entry) else self._file(entry, relative)
                if one is not None:
                    yield one

    def _file(self, entry: os.DirEntry[str], relative: str) -> File | None:
        taken, as_its_kind = self._chosen.takes(entry.name, relative)
        if taken:
            return File(entry.path, relative, as_its_kind)
        self._options.tally.skipped += 1
        return None

    def _below(self, entry: os.DirEntry[str], relative: str) -> Item | None:
        """Goes down into a directory, if it is meant; or says why that is not possible."""
        follow = self._options.follow_symlinks
        if not self._chosen.enters(entry.name, relative) or (entry.is_symlink() and not follow):
            self._options.tally.skipped += 1
            return None
        identity = None
        try:
            if follow:
                identity = _identity(entry.path)
                if any(level.identity == identity for level in self._levels):
                    why = f"the link '{entry.path}' leads back to a folder that it is in; it is not followed"
                    return broken(relative, entry.path, why, ImageFileError)
                if identity in self._seen:
                    self._options.tally.skipped += 1
                    return None
                self._seen.add(identity)
            self._levels.append(Level(entry.path, relative, identity))
        except OSError as problem:
            return unreadable(relative, entry.path, problem)
        return None

    def close(self) -> None:
        for level in self._levels:
            level.close()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link to itself, or to where nobody may look: reading it says so.
        return False


def _identity(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _explain(folder: str, options: Options, chosen: Filter, anchored: str | None) -> None:
    if anchored is not None:
        raise ConfigError(storable(f"no file matches '{os.path.join(folder, anchored)}'"))
    if chosen.lists_only and not options.glob:
        raise ConfigError(
            storable(f"'{folder}' has no CSV, JSONL or Parquet file, which alone have the columns that were named")
        )
    if chosen.passed_over:
        ending, count = max(chosen.passed_over.items(), key=lambda pair: pair[1])
        raise ConfigError(
            storable(
                f"'{folder}' has no image, and {count} file(s) ending in '{ending}' that a plain folder does not open; "
                f"to scan them pass '{os.path.join(folder, '**', '*' + ending)}'"
            )
        )

"""Where outputs are written: nothing is overwritten by accident, no link is followed, nothing half is ever seen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path

from aigclens.errors import ConfigError

__all__ = ["Replacement", "checked", "open_alone", "unwritable", "write_whole"]

# What a file system that knows no locks, or no second names, says.
_UNSUPPORTED = {38, 95, 37, 1, 22}  # ENOSYS, EOPNOTSUPP, ENOLCK, EPERM, EINVAL


def checked(path: str | os.PathLike[str]) -> tuple[Path, os.stat_result | None]:
    """A path that a file may be written to, and what is there.

    Raises:
        ConfigError: It is a link, a folder or a device, or its folder does not exist.
    """
    target = Path(os.fspath(path))
    try:
        if not target.parent.is_dir():
            raise ConfigError(f"{target}: the folder {target.parent} does not exist; make it first")
        found = target.lstat()
    except FileNotFoundError:
        return target, None
    except ConfigError:
        raise
    except (OSError, ValueError) as problem:
        raise unwritable(target, problem) from None
    if stat.S_ISLNK(found.st_mode):
        raise ConfigError(f"{target} is a symbolic link, which is not followed: name the file itself")
    if stat.S_ISDIR(found.st_mode):
        raise ConfigError(f"{target} is a folder; name a file in it")
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{target} is no regular file")
    return target, found


def unwritable(path: Path, problem: OSError | ValueError) -> ConfigError:
    """What to say of a place that cannot be written to."""
    reason = problem.strerror if isinstance(problem, OSError) else problem
    return ConfigError(f"{path} cannot be written: {reason}")


def open_alone(path: Path) -> int:
    """Opens a file for reading and appending, made if need be, for this process alone.

    Raises:
        ConfigError: It cannot be opened, is not a plain file of one name, or another process is writing to it.
    """
    while True:
        try:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            opened = os.open(path, flags, 0o666)
        except OSError as problem:
            raise unwritable(path, problem) from None
        try:
            if _is_alone(opened, path):
                return opened
        except BaseException:
            os.close(opened)
            raise
        # Whoever held it has renamed it meanwhile.
        os.close(opened)


def _is_alone(opened: int, path: Path) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(f"{path}: another process is writing to it") from None
    except OSError as problem:
        if problem.errno not in _UNSUPPORTED:
            raise unwritable(path, problem) from None
    mine = os.fstat(opened)
    if not stat.S_ISREG(mine.st_mode) or mine.st_nlink > 1:
        raise ConfigError(f"{path} is no plain file of one name")
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)


def write_whole(file: int, line: bytes) -> None:
    """Appends all of it or, where the disk is full, nothing; then the error is raised."""
    written = os.write(file, line)
    if written == len(line):
        return
    try:
        while written < len(line):
            written += os.write(file, line[written:])
    except OSError:
        os.ftruncate(file, os.fstat(file).st_size - written)
        raise


class Replacement:
    """A file that is written under a name of its own and takes its place when it is complete, at once.

    Attributes:
        path: The name it will have.
        part: The name it has until then.
        earlier: Rows of the file of ours that it takes the place of; `None` where there is none.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        force: bool = False,
        rows_of_ours: Callable[[Path], int | None] | None = None,
    ) -> None:
        """Refuses now what could not be written later.

        Args:
            path: The name it will have.
            force: Whether a file that is there may be replaced.
            rows_of_ours: How many rows a file has that this package wrote, `None` for any other file. Where it is
                given, files of ours are replaced without `force`.
        """
        self.path, found = checked(path)
        self.part = self.path.with_name(f".{self.path.name}.part")
        if found is not None:
            self._finish(found)
        self.earlier: int | None = None
        if found is not None and not force:
            self.earlier = None if rows_of_ours is None else rows_of_ours(self.path)
            if self.earlier is None:
                raise ConfigError(f"{self.path} exists already; --force (force=True) replaces it")
        self._may_replace = force or self.earlier is not None
        self.file = open_alone(self.part)
        os.ftruncate(self.file, 0)

    def _finish(self, found: os.stat_result) -> None:
        """Takes away the second name of a file whose publisher was killed before it could."""
        with contextlib.suppress(OSError):
            part = self.part.lstat()
            if (part.st_dev, part.st_ino) == (found.st_dev, found.st_ino):
                self.part.unlink()

    def publish(self) -> None:
        """Gives it its name. What is there is replaced only where that was agreed to."""
        if self._may_replace:
            checked(self.path)
            self.part.replace(self.path)
        else:
            self._publish_new()
        self._let_go()

    def _publish_new(self) -> None:
        try:
            # Unlike a renaming, a second name never takes the place of a file that somebody made meanwhile.
            self.path.hardlink_to(self.part)
        except FileExistsError:
            self._let_go()
            raise ConfigError(f"{self.path} was made by somebody else meanwhile; the rows are in {self.part}") from None
        except OSError as problem:
            if problem.errno not in _UNSUPPORTED:
                raise
            checked(self.path)
            self.part.rename(self.path)
        else:
            self.part.unlink()

    def restart(self) -> None:
        """Begins with an empty file again. The one so far lasts for whoever has it open."""
        self.part.unlink()
        opened, self.file = self.file, -1
        os.close(opened)
        self.file = open_alone(self.part)

    def discard(self) -> None:
        """Leaves nothing behind, and what was there as it was."""
        if self.file < 0:
            return
        with contextlib.suppress(FileNotFoundError):
            self.part.unlink()
        self._let_go()

    def _let_go(self) -> None:
        opened, self.file = self.file, -1
        if opened >= 0:
            os.close(opened)

"""Size and times of a file: a cheap hint that its content has changed; only a hash of the content proves it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class FileAge(NamedTuple):
    """`bytes`: its size; `modified`: when its content was written, ns; `changed`: when anything of it was, its name
    too, ns, 0 where that is not known (it is not stored)."""

    bytes: int
    modified: int
    changed: int = 0

    def is_same(self, other: FileAge) -> bool:
        """Whether the content is most likely the same."""
        is_known = self.changed and other.changed
        return self[:2] == other[:2] and (not is_known or self.changed == other.changed)


def file_age(path: Path) -> FileAge:
    """The age of the file at a path, or behind the link there. Raises OSError."""
    status = os.stat(path)  # noqa: PTH116  (called for a hundred thousand files)
    return FileAge(status.st_size, status.st_mtime_ns, status.st_ctime_ns)

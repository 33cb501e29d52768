"""The hierarchy of exceptions.

MaskloopError
├── UserError          a cause outside the program: the message is for people, in whole sentences, and says what to do
│   ├── ImageError     a picture cannot be read
│   ├── ProjectError   a project cannot be opened or written
│   │   ├── DiskError            the disk refuses; trying again may help
│   │   │   └── ProjectFileGoneError   the file that is open is no longer the one on the disk
│   │   │       └── ProjectTakenOverError   another program has taken over the lock
│   │   ├── ProjectLockedError   another process is writing to it
│   │   ├── ProjectFolderError   its folder cannot be written to, or has no file locks
│   │   ├── ProjectReadOnlyError   it is open for reading alone
│   │   └── ProjectTooNewError   a newer Maskloop made it
│   ├── FormatError    a dataset cannot be read or written
│   ├── ModelError     a network cannot be built, loaded or saved
│   │   └── PretrainedWeightsError   the weights it should start from cannot be had; random ones can
│   └── TrainingError  training cannot start or continue
└── Cancelled          the user cancelled; nothing is wrong

Every other exception is a bug and is reported as one.
"""

from pathlib import Path


class MaskloopError(Exception):
    """Base class of all exceptions that Maskloop raises on purpose."""


class UserError(MaskloopError):
    """Something outside Maskloop is not as needed; `str(error)` is a message for people."""


class ImageError(UserError):
    """A picture cannot be read. The message names the file and the reason."""


class ProjectError(UserError):
    """A project cannot be opened, created or written."""


class DiskError(ProjectError):
    """The disk refuses to read or write: it is full, busy or failing. Trying again may help."""


class ProjectFileGoneError(DiskError):
    """The project file was deleted, moved or replaced while it was open: what is written to it would be lost."""


class ProjectTakenOverError(ProjectFileGoneError):
    """Another program has taken over the writer lock: what is written from here would conflict with its edits."""


class ProjectLockedError(ProjectError):
    """Another window or command is writing to this project. `can_take_over`: nobody can know whether it still runs, so
    the user may say that it does not. `home`: the folder of the project."""

    def __init__(self, message: str, home: Path, *, can_take_over: bool = False) -> None:
        super().__init__(message)
        self.home, self.can_take_over = home, can_take_over


class ProjectFolderError(ProjectError):
    """The folder of the project cannot be written to, or has no file locks; the project can be kept in another one."""


class ProjectReadOnlyError(ProjectError):
    """The project is open for reading alone."""


class ProjectTooNewError(ProjectError):
    """A newer Maskloop made the project; it was not changed."""


class FormatError(UserError):
    """A dataset cannot be read or written."""


class ModelError(UserError):
    """A network cannot be built, loaded or saved."""


class PretrainedWeightsError(ModelError):
    """The weights that a network should start from are not there; it can be trained from random ones."""


class TrainingError(UserError):
    """Training cannot start or continue."""


class Cancelled(MaskloopError):  # noqa: N818  (it is not an error, only the end)
    """The user asked to stop."""

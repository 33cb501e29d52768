"""The tree of things that can go wrong.

MaskloopError
├── UserError          the world's fault: the message is for people, whole sentences, says what to do
│   ├── ImageError     a picture cannot be read
│   ├── ProjectError   a project cannot be opened or written
│   │   ├── DiskError            the disk refuses, perhaps not for long
│   │   ├── ProjectLockedError   somebody else is writing to it
│   │   └── ProjectTooNewError   a newer Maskloop made it
│   ├── FormatError    a dataset cannot be read or written
│   ├── ModelError     a network cannot be built, loaded or saved
│   └── TrainingError  training cannot start or go on
└── Cancelled          somebody pressed cancel; nothing is wrong

Anything else that is raised is our own mistake and is reported as such.
"""


class MaskloopError(Exception):
    """Root of all errors that Maskloop raises on purpose."""


class UserError(MaskloopError):
    """Something outside Maskloop is not as needed; `str(error)` is a sentence for people."""


class ImageError(UserError):
    """A picture cannot be read. The message names the file and the reason."""


class ProjectError(UserError):
    """A project cannot be opened, made or written."""


class DiskError(ProjectError):
    """The disk does not take or give what is asked of it: full, busy, failing. The same may go well later."""


class ProjectLockedError(ProjectError):
    """Another window or command is writing to this project."""


class ProjectTooNewError(ProjectError):
    """The project was made by a newer Maskloop; it was left untouched."""


class FormatError(UserError):
    """A dataset cannot be read or written."""


class ModelError(UserError):
    """A network cannot be built, loaded or saved."""


class TrainingError(UserError):
    """Training cannot start or go on."""


class Cancelled(MaskloopError):  # noqa: N818  (it is not an error, only the end)
    """The user asked to stop."""

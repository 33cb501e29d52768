"""torch's optimizers without the wrappers that import torch's compiler.

The wrappers keep `torch.compile` away from an optimizer. To do so they import the compiler on the first call, which
takes longer than fitting the first head of a project. Only networks are compiled here, so nothing is lost without them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

import torch
from torch.optim import Optimizer

_WRAPPED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict", "step")


@functools.cache
def eager(kind: type[Optimizer]) -> Callable[..., Optimizer]:
    """The same optimizer, whose methods run as they are written.

    With a torch that wraps them differently it is slower to start and works all the same.
    """
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in _WRAPPED}
    methods["step"] = torch.no_grad()(methods["step"])
    return type(kind.__name__, (kind,), methods)

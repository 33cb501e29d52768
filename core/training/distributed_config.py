"""Number of processes and machines of a command, and whether this process is rank zero. Does not import torch."""

from __future__ import annotations

import os
from dataclasses import dataclass

_RANK_VARIABLES = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
"""Variables in which torchrun, Fabric and Slurm give a process its rank; one that is not 0 makes it a follower."""


@dataclass(frozen=True, slots=True)
class DistributedConfig:
    """devices: processes on each of `nodes` machines; strategy: Fabric's, such as "ddp"."""

    devices: int = 1
    nodes: int = 1
    strategy: str = "auto"

    @property
    def world_size(self) -> int:
        return self.devices * self.nodes

    @classmethod
    def resolve(cls, devices: int, nodes: int, strategy: str) -> DistributedConfig:
        """From the options of the command line; from the environment when torchrun started this process."""
        if "TORCHELASTIC_RUN_ID" in os.environ:
            devices = int(os.environ["LOCAL_WORLD_SIZE"])
            nodes = int(os.environ["WORLD_SIZE"]) // devices
        if devices * nodes > 1 and strategy == "auto":
            strategy = "ddp"
        return cls(devices, nodes, strategy)

    def is_follower(self) -> bool:
        """Whether another process is rank zero."""
        return self.world_size > 1 and any(os.environ.get(name, "0") != "0" for name in _RANK_VARIABLES)

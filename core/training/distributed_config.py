"""Over how many processes and machines a command is spread, and which of them this process is. No torch in here."""

from __future__ import annotations

import os
from dataclasses import dataclass

_RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
"""How torchrun, Fabric and a cluster tell a process its number; one that is not 0 makes it a follower."""


@dataclass(frozen=True, slots=True)
class DistributedConfig:
    """devices: processes on each of `nodes` machines; strategy: what Fabric calls the way they keep in step."""

    devices: int = 1
    nodes: int = 1
    strategy: str = "auto"

    @property
    def world_size(self) -> int:
        return self.devices * self.nodes

    @classmethod
    def resolve(cls, devices: int, nodes: int, strategy: str) -> DistributedConfig:
        """As the command line says; started by torchrun, as that says."""
        if "TORCHELASTIC_RUN_ID" in os.environ:
            devices = int(os.environ["LOCAL_WORLD_SIZE"])
            nodes = int(os.environ["WORLD_SIZE"]) // devices
        if devices * nodes > 1 and strategy == "auto":
            strategy = "ddp"
        return cls(devices, nodes, strategy)

    def is_follower(self) -> bool:
        """Whether this process was started by or beside one that leads."""
        return self.world_size > 1 and any(os.environ.get(name, "0") != "0" for name in _RANKS)

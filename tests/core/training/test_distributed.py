"""Two real processes on the CPU: the weights of one, events of rank zero only, predictions divided."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.labels.prediction import read_prediction
from core.project.project import Project
from tests.distributed_training import learn
from tests.factories import label_all, project_in

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="torch for Windows has no gloo over localhost here"
)


def done(*words: object, launcher: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    own = {
        name: value for name, value in os.environ.items() if name not in ("RANK", "LOCAL_RANK", "WORLD_SIZE")
    }
    own |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo"}
    if sys.platform != "linux":
        del own["GLOO_SOCKET_IFNAME"]
    return subprocess.run(
        [sys.executable, *launcher, "-m", *map(str, words)],
        cwd=ROOT, env=own, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def test_two_processes_train_to_the_weights_of_one(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    learn(one, devices=1)
    ran = done("tests.distributed_training", two)
    assert ran.returncode == 0, ran.stderr
    expected, leader, follower = (
        load_file(path) for path in (one / "0.safetensors", two / "0.safetensors", two / "1.safetensors")
    )
    for name, tensor in expected.items():
        torch.testing.assert_close(leader[name], tensor, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(follower[name], leader[name], rtol=0, atol=0)
    alone, led, followed = (
        json.loads(path.read_text()) for path in (one / "0.json", two / "0.json", two / "1.json")
    )
    assert led["scores"][-1][2] == alone["scores"][-1][2] == 3
    assert led["scores"][-1][0] == pytest.approx(alone["scores"][-1][0], abs=0.02)
    assert sum(map(sum, led["scores"][-1][1])) == sum(map(sum, alone["scores"][-1][1]))
    assert followed["events"] == 0


def test_commands_work_on_two_devices(tmp_path: Path) -> None:
    """Started by torchrun, which knows how many there are, and by ourselves."""
    folder = tmp_path / "pictures"
    with project_in(folder, count=6) as project:
        label_all(project, project.pictures.all()[:4])
    words = ("--project", folder, "--device", "cpu", "--json")
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    ran = done(
        "desktop",
        "train",
        "--arch",
        "hypercolumn",  # no other network with an encoder is imported as quickly
        "--weights",
        "none",
        "--size",
        32,
        "--steps",
        2,
        *words,
        launcher=torchrun,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)  # one voice: two would be no JSON
    assert (said["state"], said["steps"], said["pictures"]) == ("finished", 2, 4)
    more = ("--resume", 1, "--steps", 2, "--lr", "auto", "--freeze-encoder", 0.5, "--devices", 2)
    ran = done("desktop", "train", *more, *words)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert (said["state"], said["steps"], said["resumed"]) == ("finished", 4, "state")
    (folder / "p5.png").unlink()
    ran = done("desktop", "predict", "--devices", 2, *words)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert said["pictures"] == 1
    assert len(said["problems"]) == 1
    assert "p5.png" in said["problems"][0]
    with Project.open_read_only(folder) as project:
        assert project.runs.prediction_runs() == {5: 1}
        assert read_prediction(project.prediction_path(5)).values.shape == (64, 96)

"""Two real processes on the processor: the weights of one, one voice, and predictions shared out."""

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
from tests.factories import label_all, project_in

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("one")
    ran = done("tests.ranks", out, 1)
    assert ran.returncode == 0, ran.stderr
    return out


@pytest.mark.parametrize("how", ["fabric", "torchrun"])
def test_two_processes_learn_what_one_does(one: Path, tmp_path: Path, how: str) -> None:
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    ran = done("tests.ranks", tmp_path, 2, launcher=torchrun if how == "torchrun" else ())
    assert ran.returncode == 0, ran.stderr
    expected, leader, follower = (
        load_file(folder / name)
        for folder, name in ((one, "0.safetensors"), (tmp_path, "0.safetensors"), (tmp_path, "1.safetensors"))
    )
    for name, tensor in expected.items():
        torch.testing.assert_close(leader[name], tensor, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(follower[name], leader[name], rtol=0, atol=0)
    alone, led, followed = (
        json.loads((folder / name).read_text())
        for folder, name in ((one, "0.json"), (tmp_path, "0.json"), (tmp_path, "1.json"))
    )
    assert led["scores"][-1][2] == alone["scores"][-1][2] == 3
    assert led["scores"][-1][0] == pytest.approx(alone["scores"][-1][0], abs=0.02)
    assert sum(map(sum, led["scores"][-1][1])) == sum(map(sum, alone["scores"][-1][1]))
    assert followed["events"] == 0


def test_the_commands_work_on_two_devices(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    with project_in(folder, count=6) as project:
        label_all(project, project.pictures.all()[:4])
    words = ("--project", folder, "--device", "cpu", "--devices", 2, "--json")
    ran = done("desktop", "train", "--size", 32, "--steps", 2, "--strategy", "ddp", *words)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)  # one voice: two would be no JSON
    assert (said["state"], said["steps"], said["pictures"]) == ("finished", 2, 4)
    (folder / "p5.png").unlink()
    ran = done("desktop", "predict", *words)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert said["pictures"] == 1
    assert len(said["problems"]) == 1
    assert "p5.png" in said["problems"][0]
    with Project.read(folder) as project:
        assert project.runs.prediction_runs() == {5: 1}
        assert read_prediction(project.prediction_path(5)).values.shape == (64, 96)
    refused = done("desktop", "train", *words, "--steps", 1, "--device", "cuda:1")
    assert refused.returncode == 2
    assert "names a single device" in refused.stderr

"""The commands on a GPU."""

import json

import pytest
import torch

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
ON_GPU = ("trainer.accelerator=gpu", "data.num_workers=2", "benchmark=synthetic", "logger=csv")


def figures(folder):
    return flat(json.loads((folder / "metrics.json").read_text()))


def train(command, folder, *more):
    command("train", *command.small(*ON_GPU, "callbacks.last.every_n_train_steps=7", f"hydra.run.dir={folder}", *more))
    return folder / "checkpoints" / "last.ckpt"


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_a_model_trained_on_a_gpu_is_judged_alike_on_the_cpu(command, tmp_path, precision):
    ckpt = train(command, tmp_path / "gpu", f"trainer.precision={precision}")
    judge = ("benchmark=synthetic", f"data.root={command.faces}", f"ckpt={ckpt}", "trainer.precision=32-true")
    for device in ("gpu", "cpu"):
        command("eval", *judge, f"trainer.accelerator={device}", f"hydra.run.dir={tmp_path / device / 'eval'}")
    first, second = (figures(tmp_path / device / "eval") for device in ("gpu", "cpu"))
    assert first.keys() == second.keys()
    assert first == pytest.approx(second, abs=0.05, nan_ok=True)  # a pair at a cut may change sides


def test_a_run_goes_on_in_mid_epoch_on_a_gpu(command, tmp_path):
    every = ("callbacks.last.save_top_k=-1", "+callbacks.last.filename='{step}'")
    train(command, tmp_path / "whole", *every, "test=false")
    middle, end = (tmp_path / "whole" / "checkpoints" / f"step={step}.ckpt" for step in (7, 14))
    train(command, tmp_path / "again", *every, "test=false", f"ckpt='{middle}'")
    whole, resumed = (torch.load(p, weights_only=True) for p in (end, tmp_path / "again" / "checkpoints" / end.name))
    for name, value in whole["state_dict"].items():
        if isinstance(value, torch.Tensor):  # cuDNN's gradients are not the same bit for bit
            torch.testing.assert_close(resumed["state_dict"][name].float(), value.float(), rtol=0.02, atol=2e-3)


def test_a_sharded_and_a_compiled_run(command, tmp_path):
    train(command, tmp_path / "sharded", "classifier=sharded", "trainer=sharded", "head=sphereface2")
    train(command, tmp_path / "compiled", "compile=true", "classifier.compile=true", "trainer.precision=auto")


def flat(tree, name=""):
    """Numbers of nested mappings, by their path."""
    if not isinstance(tree, dict):
        return {name: tree} if isinstance(tree, int | float) else {}
    return {key: value for part in tree for key, value in flat(tree[part], f"{name}/{part}").items()}

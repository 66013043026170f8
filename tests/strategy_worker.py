"""Run by torch's process launcher in test_strategy: what each of two processes does when their centres differ."""

import sys
from pathlib import Path
from unittest import mock

import torch
import torch.distributed as dist
from lightning.pytorch.plugins.environments import TorchElasticEnvironment
from lightning.pytorch.plugins.precision import MixedPrecision
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, nn

import marginface.strategy
from marginface.checkpoint.io import AtomicCheckpointIO
from marginface.checkpoint.shards import Shard, ShardFolder
from marginface.parameters import clip_by_whole_norm
from marginface.strategy import ShardedStrategy


def clipped(limit: float) -> list[Tensor]:
    """Gradients of a shared parameter, of this process's centres and of its biases: none on the second process."""
    rank = dist.get_rank()
    rows = 3 - 3 * rank
    shared, centres, bias = (nn.Parameter(torch.zeros(s, dtype=torch.float64)) for s in ((2, 2), (4, 5), (rows,)))
    shared.grad, centres.grad, bias.grad = (
        torch.full_like(p, v) for p, v in ((shared, 1), (centres, 2 + rank), (bias, 3))
    )
    clip_by_whole_norm(torch.optim.SGD([shared, centres, bias], lr=1.0), (centres, bias, None), limit)
    return [shared.grad, centres.grad, bias.grad]


def strategy_of(plugin: MixedPrecision) -> ShardedStrategy:
    return ShardedStrategy(
        parallel_devices=[torch.device("cpu")] * 2,
        cluster_environment=TorchElasticEnvironment(),
        checkpoint_io=AtomicCheckpointIO(),
        precision_plugin=plugin,
    )


def half_precision_steps() -> list[dict[str, Tensor]]:
    """Two steps, of which the first has an infinite gradient on the second process."""
    plugin = MixedPrecision("16-mixed", "cpu")
    with mock.patch.object(DDPStrategy, "setup"):  # the rest of it needs a whole trainer
        strategy_of(plugin).setup(None)
    scaler, centres = plugin.scaler, nn.Parameter(torch.ones(2, 3))
    optimizer, seen = torch.optim.SGD([centres], lr=0.5), []
    for overflows in (True, False):
        scaler.scale(centres.sum()).backward()
        if overflows and dist.get_rank() == 1:
            centres.grad[0, 0] = float("inf")
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        seen.append({"centres": centres.detach().clone(), "scale": torch.tensor(scaler.get_scale())})
    return seen


def checkpoints(folder: Path) -> dict[str, list[str]]:
    """Files after a save, after one that fails on the second process, after another one, and after the removal."""
    strategy, path, rank = strategy_of(MixedPrecision("bf16-mixed", "cpu")), folder / "x[1].ckpt", dist.get_rank()
    seen: dict[str, list[str]] = {}

    def save(value: float) -> None:
        shard = Shard(2 * rank, 2, {"weight": torch.full((2, 3), value + rank)})
        strategy.save_checkpoint({"marginface": {}, "centres": shard, "value": value}, path)

    def look(key: str) -> None:
        dist.barrier()
        seen[key] = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
        if path.is_file():
            saved = strategy.load_checkpoint(path, weights_only=True)
            rows = ShardFolder(Path(saved["marginface"]["centres"])).read("weight", 1, 2)
            seen[key] += [str([saved["value"], *rows[:, 0].tolist()])]
        dist.barrier()

    save(1.0)
    look("first")
    full = mock.Mock(side_effect=OSError("no space left")) if rank == 1 else marginface.strategy.write_shard
    with mock.patch.object(marginface.strategy, "write_shard", full):
        try:
            save(2.0)
        except OSError as error:
            seen["error"] = [str(error)]
    look("failed")
    writer = mock.Mock(side_effect=OSError("no space left"))
    with mock.patch.object(strategy.checkpoint_io, "save_checkpoint", writer):
        try:
            save(3.0)
        except OSError as error:
            seen["error of the file"] = [str(error)]
    look("file failed")
    save(4.0)
    look("second")
    strategy.remove_checkpoint(path)
    look("removed")
    return seen


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    result = {
        "clipped": clipped(1.0),
        "not clipped": clipped(100.0),
        "half": half_precision_steps(),
        "checkpoints": checkpoints(folder / "run"),
    }
    torch.save(result, folder / f"{dist.get_rank()}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

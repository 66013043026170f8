"""The position within an epoch, which checkpoints keep."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import lightning as L
import pytest
import torch
from small_module import fit, module

from marginface import FaceDataModule
from marginface.data import BalancedSampler, PKSampler


class CountBatches(L.Callback):
    """Batches of each epoch, by its number."""

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}

    def on_train_batch_end(self, trainer: L.Trainer, *args) -> None:
        self.seen[trainer.current_epoch] = self.seen.get(trainer.current_epoch, 0) + 1


class Checkpoint(L.Callback):
    """Saves after the fifth batch of the first epoch."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_batch_end(self, trainer: L.Trainer, *args) -> None:
        if trainer.global_step == 5:
            trainer.save_checkpoint(self.path)


def test_the_position_is_saved_and_restored(tiny_records: Path) -> None:
    first, second = module(tiny_records), module(tiny_records)
    whole = list(module(tiny_records).train_dataloader())
    batches = iter(first.train_dataloader())
    for _ in range(5):
        next(batches)
    second.load_state_dict(first.state_dict())
    rest = list(second.train_dataloader())
    assert len(rest) == 7
    for one, other in zip(rest, whole[5:], strict=True):
        assert torch.equal(one["image"], other["image"])


@pytest.mark.parametrize("reload_every", [0, 1])
def test_a_resumed_run_does_the_rest_and_a_fresh_one_after_it_everything(
    tiny_records: Path, tmp_path: Path, reload_every: int
) -> None:
    path = tmp_path / "mid.ckpt"
    fit(module(tiny_records), tmp_path, callbacks=[Checkpoint(path)])
    data, count, again = module(tiny_records), CountBatches(), CountBatches()
    options = {"max_epochs": 3, "reload_dataloaders_every_n_epochs": reload_every}
    fit(data, tmp_path, ckpt=path, callbacks=[count], **options)
    assert count.seen == {0: 7, 1: 12, 2: 12}
    fit(data, tmp_path, callbacks=[again], **options)
    assert again.seen == {0: 12, 1: 12, 2: 12}


@pytest.mark.parametrize("sampler", [BalancedSampler, partial(PKSampler, num_images=2)], ids=["balanced", "pk"])
def test_every_sampler_resumes_exactly(tiny_records: Path, sampler: Callable) -> None:
    first, second = module(tiny_records, sampler=sampler), module(tiny_records, sampler=sampler)
    whole = list(module(tiny_records, sampler=sampler).train_dataloader())
    batches = iter(first.train_dataloader())
    for _ in range(5):
        next(batches)
    second.load_state_dict(first.state_dict())
    for one, other in zip(second.train_dataloader(), whole[5:], strict=True):
        assert torch.equal(one["image"], other["image"])


def test_an_epoch_cannot_go_on_with_another_sampler_but_the_next_can_begin(tiny_records: Path) -> None:
    first, second = module(tiny_records), module(tiny_records, sampler=BalancedSampler)
    batches = iter(first.train_dataloader())
    next(batches)
    second.load_state_dict(first.state_dict())
    with pytest.raises(
        ValueError, match=r"sampler=BalancedSampler, but .* within an epoch of sampler=BatchSampler: resume"
    ):
        second.train_dataloader()
    for _ in batches:
        pass
    second.load_state_dict(first.state_dict())
    assert second.train_dataloader().batches.epoch == 1


def begun(data: FaceDataModule) -> dict:
    """State after the first batch."""
    next(iter(data.train_dataloader()))
    return data.state_dict()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"seed": 1}, "seed=1, .* of seed=0"),
        ({"batch_size": 4}, "batch_size x processes=4, .* of batch_size x processes=8"),
        ({"num_identities": 11}, "training images=88, .* of training images=96"),
        ({"sampler": partial(PKSampler, num_images=4)}, "sampler=PKSampler, .* of sampler=BatchSampler"),
    ],
)
def test_an_epoch_cannot_go_on_in_another_order(tiny_records: Path, options: dict, named: str) -> None:
    other = module(tiny_records, **options)
    other.load_state_dict(begun(module(tiny_records)))
    with pytest.raises(ValueError, match=f"{named}: resume with that, or from .* a finished epoch"):
        other.train_dataloader()


def test_nor_with_another_number_of_images_per_identity(tiny_records: Path) -> None:
    first, second = (module(tiny_records, sampler=partial(PKSampler, num_images=k)) for k in (2, 4))
    second.load_state_dict(begun(first))
    with pytest.raises(ValueError, match=r"num_images=4, .* of num_images=2"):
        second.train_dataloader()


def test_nor_with_as_many_other_images(tiny_records: Path, tmp_path: Path) -> None:
    (tmp_path / "first.txt").write_text("3\n")
    (tmp_path / "second.txt").write_text("4\n")
    first, second = (module(tiny_records, drop_list=tmp_path / name) for name in ("first.txt", "second.txt"))
    assert len(first.train_indices) == len(second.train_indices) == 95
    second.load_state_dict(begun(first))
    with pytest.raises(ValueError, match=r"training set=[0-9a-f]{8}, but the checkpoint"):
        second.train_dataloader()


def test_the_next_epoch_may_have_other_images_in_other_batches(tiny_records: Path, tmp_path: Path) -> None:
    first, path = module(tiny_records), tmp_path / "end.ckpt"
    fit(first, tmp_path).save_checkpoint(path)
    assert first.state_dict()["finished"]
    for options, batches in (({"batch_size": 16}, 6), ({"batch_size": 3}, 32), ({"sampler": BalancedSampler}, 12)):
        count = CountBatches()
        fit(module(tiny_records, **options), tmp_path, ckpt=path, callbacks=[count], max_epochs=2)
        assert count.seen == {1: batches}

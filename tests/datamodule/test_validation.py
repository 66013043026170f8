"""Who is held out of training, and what training is validated on."""

from pathlib import Path

import albumentations as A
import numpy as np
import pytest
import torch
from small_module import SPLIT, module, pair_file

from marginface.benchmark import PairBenchmark
from marginface.data import FaceRecords, PairsError
from marginface.datamodule import HELDOUT


def test_training_and_validation_share_no_identity_and_lose_no_image(tiny_records: Path) -> None:
    data = module(tiny_records, **SPLIT)
    source = FaceRecords(tiny_records)
    trained = {source.read(i) for i in data.train_indices}
    held_out = set(data.validation[HELDOUT].images)
    everyone = {source.read(i): int(c) for i, c in enumerate(source.labels)}
    assert len(trained) == 8 * 8
    assert {everyone[image] for image in trained}.isdisjoint(everyone[image] for image in held_out)
    assert len({everyone[image] for image in held_out}) <= 4
    pairs = data.validation[HELDOUT].pairs
    persons = [[everyone[pairs.images[i]] for i in side] for side in (pairs.first, pairs.second)]
    assert [a == b for a, b in zip(*persons, strict=True)] == pairs.same.tolist()
    assert len(pairs) == 16


def test_training_labels_are_contiguous(tiny_records: Path) -> None:
    data = module(tiny_records, **SPLIT)
    assert data.num_classes == 8
    assert sorted(set(data.train_labels)) == list(range(8))
    batches = list(data.train_dataloader())
    assert sorted(torch.cat([batch["label"] for batch in batches]).tolist()) == sorted(list(range(8)) * 8)


def test_the_seed_decides_on_split_and_order(tiny_records: Path) -> None:
    first, second, other = (module(tiny_records, seed=seed, **SPLIT) for seed in (1, 1, 2))
    assert np.array_equal(first.train_indices, second.train_indices)
    assert list(first.validation[HELDOUT].images) == list(second.validation[HELDOUT].images)
    assert torch.equal(next(iter(first.train_dataloader()))["image"], next(iter(second.train_dataloader()))["image"])
    assert not torch.equal(next(iter(first.train_dataloader()))["image"], next(iter(other.train_dataloader()))["image"])


def test_without_validation_all_identities_are_trained_on(tiny_records: Path) -> None:
    data = module(tiny_records)
    assert data.num_classes == 12
    assert len(data.train_indices) == 96
    assert data.validation == {}
    assert data.val_dataloader() == []


def test_on_request_they_are_also_followed_during_training(tiny_records: Path, tmp_path: Path) -> None:
    benchmark = PairBenchmark(pair_file(tmp_path / "lfw.bin"), num_folds=2)
    data = module(tiny_records, benchmarks={"lfw": benchmark}, validate_benchmarks=True, **SPLIT)
    assert list(data.validation) == [HELDOUT, "lfw"]
    sizes = [len(loader.dataset) for loader in data.val_dataloader()]
    assert sizes == [len(data.validation[HELDOUT].images), 8]


def test_evaluation_is_neither_augmented_nor_shuffled_and_loses_no_image(tiny_records: Path) -> None:
    data = module(tiny_records, transform=A.Compose([A.Solarize(p=1.0)]), eval_batch_size=5, **SPLIT)
    [loader] = data.val_dataloader()
    batches = list(loader)
    assert torch.equal(torch.cat([b["index"] for b in batches]), torch.arange(len(data.validation[HELDOUT].images)))
    for position, image in enumerate(torch.cat([b["image"] for b in batches])):
        assert torch.equal(image, loader.dataset[position]["image"])
    trained = next(iter(data.train_dataloader()))["image"]
    plain = next(iter(module(tiny_records, **SPLIT).train_dataloader()))["image"]
    assert not torch.equal(trained, plain)


def test_too_few_held_out_identities_for_the_pairs(tiny_records: Path) -> None:
    with pytest.raises(PairsError, match="num_pairs=1000"):
        module(tiny_records, **(SPLIT | {"num_validation_pairs": 1000}))

"""Which images meet in a batch: samplers and weighted sets."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from small_module import SPLIT, flat, module

from marginface.data import BalancedSampler, FaceRecords, MixedFaces, PKSampler, write_face_records


def test_pk_batches_reach_the_network(tiny_records: Path) -> None:
    data = module(tiny_records, sampler=partial(PKSampler, num_images=4), **SPLIT)
    for batch in data.train_dataloader():
        assert sorted(torch.bincount(batch["label"], minlength=8).tolist()) == [0] * 6 + [4, 4]


def mixture(root: Path, weights: dict[str, float] | None) -> Callable[[Path], MixedFaces]:
    """Set one: 4 identities of 8 images from value 0 on; set two: 2 of 4 from 200 on."""
    write_face_records(root / "one", [(c, flat(8 * c + i)) for c in range(4) for i in range(8)])
    write_face_records(root / "two", [(c, flat(200 + 4 * c + i)) for c in range(2) for i in range(4)])
    return partial(MixedFaces, sources={"one": FaceRecords, "two": FaceRecords}, weights=weights)


def test_sets_are_mixed_by_their_weights(tmp_path: Path) -> None:
    data = module(tmp_path, source=mixture(tmp_path, {"one": 1, "two": 9}), batch_size=40)
    assert data.num_classes == 6
    [batch] = data.train_dataloader()
    assert sum(batch["label"] >= 4) > 20
    assert torch.equal(batch["label"] >= 4, batch["image"][:, 0, 0, 0] >= 150)
    [alike] = module(tmp_path, source=mixture(tmp_path, None), batch_size=40).train_dataloader()
    assert sum(alike["label"] >= 4) == 8


def test_weights_and_another_sampler_are_refused(tmp_path: Path) -> None:
    source = mixture(tmp_path, {"one": 1, "two": 9})
    with pytest.raises(ValueError, match=r"sampler and weights=\[1, 9\] of sets are two ways to draw: leave one"):
        module(tmp_path, source=source, sampler=BalancedSampler)

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import albumentations as A
import lightning as L
import numpy as np
import pytest
import torch

from marginface import FaceDataModule, FaceRecognizer
from marginface.backbone import SphereNet
from marginface.benchmark import PairBenchmark
from marginface.data import (
    BalancedSampler,
    DataNotFoundError,
    FacePairs,
    FaceRecords,
    ImageDecodeError,
    ImageFolder,
    MixedFaces,
    PairsError,
    PKSampler,
    encode,
    read_pairs,
    write_face_records,
    write_pairs,
)
from marginface.datamodule import HELDOUT, BenchmarkDataModule
from marginface.head import CosFace

SPLIT = {"num_validation_identities": 4, "num_validation_pairs": 16, "num_validation_folds": 2}


def module(root: Path, **options) -> FaceDataModule:
    return FaceDataModule(root, **({"batch_size": 8, "num_workers": 0} | options))


def flat(value: int, size: tuple[int, int] = (112, 112)) -> bytes:
    return encode(np.full((*size, 3), value, dtype=np.uint8))


def damaged(root: Path, key: int) -> Path:
    """Four identities with four images each, of which the one with that key is cut short."""
    images = [(c, flat(20 * c + i)) for c in range(4) for i in range(4)]
    images[key - 1] = (images[key - 1][0], images[key - 1][1][:200])
    write_face_records(root, images)
    return root


def pair_file(path: Path, size: tuple[int, int] = (112, 112)) -> Path:
    pictures = [flat(10 * i, size) for i in range(8)]
    write_pairs(path, FacePairs(pictures, np.arange(0, 8, 2), np.arange(1, 8, 2), np.array([True, False] * 2)))
    return path


def fit(data: FaceDataModule, folder: Path, ckpt: Path | None = None, model: FaceRecognizer | None = None, **options):
    trainer = L.Trainer(
        accelerator="cpu",
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **({"max_epochs": 1, "enable_checkpointing": False} | options),
    )
    model = model or FaceRecognizer(SphereNet(4, 8, (32, 32)), CosFace(scale=8), data.num_classes)
    trainer.fit(model, data, ckpt_path=ckpt, weights_only=True)
    return trainer


# ---- the split


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


def test_benchmarks_are_reported_not_validated_on(tiny_records: Path, tmp_path: Path) -> None:
    path = pair_file(tmp_path / "lfw.bin")
    before = path.read_bytes()
    data = module(tiny_records, benchmarks={"lfw": PairBenchmark(path, num_folds=2)}, **SPLIT)
    data.setup("fit")
    data.setup("test")
    assert list(data.validation) == [HELDOUT]
    assert list(data.benchmarks) == ["lfw"]
    [loader] = data.test_dataloader()
    batch = torch.cat([b["image"] for b in loader])
    assert batch[:, 0, 0, 0].tolist() == [10 * i for i in range(8)]
    assert path.read_bytes() == before
    assert list(data.benchmarks["lfw"].images) == list(read_pairs(path).images)


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


# ---- damaged data


@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_undecodable_image_fails_with_its_key(tmp_path: Path, num_workers: int) -> None:
    data = module(damaged(tmp_path, key=7), num_workers=num_workers)
    with pytest.raises(ImageDecodeError, match=r"train\.rec, key 7: cannot decode"):
        list(data.train_dataloader())


def test_before_training_starts_if_it_is_the_first(tmp_path: Path) -> None:
    with pytest.raises(ImageDecodeError, match=r"train\.rec, key 1: cannot decode"):
        module(damaged(tmp_path, key=1)).setup("fit")


@pytest.mark.parametrize("key", [1, 7])
def test_or_is_skipped_and_counted(tmp_path: Path, key: int) -> None:
    data = module(damaged(tmp_path / "data", key), on_error="skip")
    data.setup("fit")
    batches = list(data.train_dataloader())
    assert sorted(len(batch["label"]) for batch in batches) == [7, 8]
    assert sum(int(batch["skipped"]) for batch in batches) == 1
    trainer = fit(data, tmp_path)
    assert trainer.callback_metrics["train/skipped"] == 1


def test_a_wrong_image_size_is_named_before_training_starts(tmp_path: Path) -> None:
    write_face_records(tmp_path, [(0, flat(1, (112, 96))), (1, flat(2, (112, 96)))])
    data = module(tmp_path, batch_size=2)
    with pytest.raises(ValueError, match=r"train\.rec, key \d has size \(112, 96\).*expected \(112, 112\)"):
        data.setup("fit")


@pytest.mark.parametrize("stage", ["fit", "test"])
def test_and_of_a_benchmark_too(tiny_records: Path, tmp_path: Path, stage: str) -> None:
    benchmark = PairBenchmark(pair_file(tmp_path / "lfw.bin", (96, 96)), num_folds=2)
    with pytest.raises(ValueError, match=r"image 0 of lfw.bin has size \(96, 96\)"):
        module(tiny_records, benchmarks={"lfw": benchmark}).setup(stage)


def test_faces_of_another_size_can_be_declared(tmp_path: Path) -> None:
    write_face_records(tmp_path, [(c, flat(c, (96, 80))) for c in (0, 0, 1, 1)], image_size=(96, 80))
    data = module(tmp_path, batch_size=2)
    data.setup("fit")
    assert data.image_size == (96, 80)
    assert next(iter(data.train_dataloader()))["image"].shape == (2, 3, 96, 80)


def test_a_benchmark_that_does_not_suit_its_metric_is_refused_at_once(tiny_records: Path, tmp_path: Path) -> None:
    benchmark = PairBenchmark(pair_file(tmp_path / "lfw.bin"), num_folds=10)
    with pytest.raises(ValueError, match="num_folds=10"):
        module(tiny_records, benchmarks={"lfw": benchmark}).setup("test")


# ---- arguments


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"batch_size": 0}, "batch_size=0 is less than 1"),
        ({"eval_batch_size": 0}, "eval_batch_size=0 is less than 1"),
        ({"num_workers": -1}, "num_workers=-1 is less than 0"),
        ({"min_images_per_identity": 0}, "min_images_per_identity=0 is less than 1"),
        ({"min_images_per_identity": 9}, "min_images_per_identity=9 leaves 0 of 12"),
        ({"num_identities": 13}, "num_identities=13, but 12 identities are left"),
        ({"num_validation_identities": -1}, "num_validation_identities=-1 is less than 0"),
        ({"num_validation_identities": 11}, "num_validation=11.*between 0 and 10"),
        ({"on_error": "ignore"}, "on_error='ignore'.*'fail' or 'skip'"),
        ({"benchmarks": {"heldout": None}}, "benchmark name 'heldout' is taken"),
    ],
)
def test_arguments_out_of_range_are_named(tiny_records: Path, options: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        module(tiny_records, **options)


def test_too_few_held_out_identities_for_the_pairs(tiny_records: Path) -> None:
    with pytest.raises(PairsError, match="num_pairs=1000"):
        module(tiny_records, **(SPLIT | {"num_validation_pairs": 1000}))


def test_a_batch_larger_than_the_data_is_refused(tiny_records: Path) -> None:
    with pytest.raises(ValueError, match=r"batch_size=97 .*there are 96"):
        module(tiny_records, batch_size=97).train_dataloader()


def test_missing_data_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="property is missing"):
        module(tmp_path / "absent")


def test_data_are_generated_once_where_there_are_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = []

    def generate(root: Path) -> None:
        made.append(root)
        write_face_records(root, [(c, flat(c)) for c in range(8)])

    with caplog.at_level(logging.INFO):
        assert module(tmp_path / "faces", generate=generate).num_classes == 8
    assert "generating" in caplog.text
    assert module(tmp_path / "faces", generate=generate).num_classes == 8
    assert made == [tmp_path / "faces"]


def test_another_source(tmp_path: Path) -> None:
    for person in ("ann", "bob"):
        (tmp_path / person).mkdir()
        for i in range(4):
            (tmp_path / person / f"{i}.jpg").write_bytes(flat(i))
    data = module(tmp_path, source=ImageFolder)
    assert data.num_classes == 2
    assert next(iter(data.train_dataloader()))["image"].shape == (8, 3, 112, 112)


# ---- position within an epoch


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


# ---- which identities, in what order


def test_a_subset_of_identities_is_validated_like_the_whole(tiny_records: Path) -> None:
    whole, some = module(tiny_records, **SPLIT), module(tiny_records, num_identities=3, **SPLIT)
    assert some.num_classes == 3
    assert sorted(set(some.train_labels)) == [0, 1, 2]
    assert len(some.train_indices) == 3 * 8
    assert set(some.train_indices) < set(whole.train_indices)
    assert list(some.validation[HELDOUT].images) == list(whole.validation[HELDOUT].images)


def test_small_identities_are_neither_trained_nor_validated_on(tmp_path: Path) -> None:
    counts = [6, 1, 6, 2, 6, 6]
    write_face_records(tmp_path, [(c, flat(40 * c + i)) for c, n in enumerate(counts) for i in range(n)])
    split = {"num_validation_identities": 2, "num_validation_pairs": 4, "num_validation_folds": 1}
    data = module(tmp_path, batch_size=4, min_images_per_identity=3, **split)
    assert data.num_classes == 2
    assert np.bincount(data.train_labels).tolist() == [6, 6]
    assert set(data.source.labels[data.train_indices]) < {0, 2, 4, 5}


def test_pk_batches_reach_the_network(tiny_records: Path) -> None:
    data = module(tiny_records, sampler=partial(PKSampler, num_images=4), **SPLIT)
    for batch in data.train_dataloader():
        assert sorted(torch.bincount(batch["label"], minlength=8).tolist()) == [0] * 6 + [4, 4]


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
    with pytest.raises(ValueError, match=r"sampler=BalancedSampler, but .* within an epoch of BatchSampler: resume"):
        second.train_dataloader()
    for _ in batches:
        pass
    second.load_state_dict(first.state_dict())
    assert second.train_dataloader().batches.epoch == 1


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
    with pytest.raises(ValueError, match=r"knows no weights=\[1, 9\] of sets: leave one of them null"):
        module(tmp_path, source=source, sampler=BalancedSampler)


def test_classes_of_a_closed_set_all_stay(tmp_path: Path) -> None:
    class Closed(FaceRecords):
        closed_set = True

    write_face_records(tmp_path, [(c, flat(c)) for c in range(8)])
    assert module(tmp_path, source=Closed).num_classes == 8
    for option in ({"num_identities": 4}, {"min_images_per_identity": 2}, {"num_validation_identities": 2}):
        with pytest.raises(ValueError, match=rf"{next(iter(option))}={next(iter(option.values()))}.*leave them at"):
            module(tmp_path, source=Closed, **option)


def test_a_drop_list_is_not_trained_on_and_belongs_to_its_set(tmp_path: Path) -> None:
    write_face_records(tmp_path, [(c, flat(c)) for c in range(8) for _ in range(2)])
    (tmp_path / "drop.txt").write_text("# one image of class 1, all of class 3\n2\n6\n7\n")
    data = module(tmp_path, drop_list=tmp_path / "drop.txt")
    assert (len(data.train_indices), data.num_classes) == (13, 7)
    (tmp_path / "drop.txt").write_text("99\n")
    with pytest.raises(ValueError, match="99"):
        module(tmp_path, drop_list=tmp_path / "drop.txt")


def test_benchmarks_alone_need_no_training_data(tmp_path: Path) -> None:
    data = BenchmarkDataModule({"lfw": PairBenchmark(pair_file(tmp_path / "lfw.bin"), num_folds=2)}, num_workers=0)
    data.setup("test")
    assert [len(loader.dataset) for loader in data.test_dataloader()] == [8]
    with pytest.raises(ValueError, match="eval_batch_size=0"):
        BenchmarkDataModule({}, eval_batch_size=0)

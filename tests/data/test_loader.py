import multiprocessing
import os
import signal
from collections.abc import Iterator
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

import albumentations as A
import numpy as np
import pytest
import torch

from marginface.data import BatchSampler, FaceDataset, FaceLoader, FaceRecords, SequentialSampler, decode
from marginface.data.augment.run_seed import RUN, RunSeed

BATCH = 8
EPOCH = 12  # batches of the 96 images of tiny_records


def augmentation() -> A.Compose:
    return A.Compose([A.HorizontalFlip(p=0.5), A.RandomBrightnessContrast(p=0.8)])


def loader(folder: Path, num_workers: int = 0, seed: int = 0, rank: int = 0, world_size: int = 1) -> FaceLoader:
    source = FaceRecords(folder)
    dataset = FaceDataset(source, np.arange(len(source)), source.labels, source.image_size, augmentation())
    sampler = BatchSampler(len(source), BATCH // world_size, seed, rank, world_size)
    return FaceLoader(dataset, sampler, num_workers=num_workers, persistent_workers=num_workers > 0)


def epoch(loader: FaceLoader, number: int = 0) -> list[dict[str, torch.Tensor]]:
    loader.batches.set_epoch(number)  # as Lightning does before each epoch
    return list(loader)


def epoch_of(loader: FaceLoader, number: int) -> Iterator[dict[str, torch.Tensor]]:
    loader.batches.set_epoch(number)
    return iter(loader)


def position(state: dict) -> tuple[int, int, bool]:
    return state["epoch"], state["images"], state["finished"]


def assert_equal(ones: list[dict[str, torch.Tensor]], others: list[dict[str, torch.Tensor]]) -> None:
    assert len(ones) == len(others)
    for one, other in zip(ones, others, strict=True):
        assert torch.equal(one["image"], other["image"])
        assert torch.equal(one["label"], other["label"])


@pytest.fixture(scope="module")
def straight(tiny_records: Path) -> list[list[dict[str, torch.Tensor]]]:
    """Two epochs without interruption, in this process."""
    loaded = loader(tiny_records)
    return [epoch(loaded, number) for number in range(2)]


def test_a_batch(straight: list) -> None:
    batch = straight[0][0]
    assert batch["image"].shape == (BATCH, 3, 112, 112)
    assert batch["image"].dtype == torch.uint8
    assert batch["label"].dtype == torch.int64
    assert int(batch["skipped"]) == 0


def test_an_epoch_has_its_length_and_the_next_differs(tiny_records: Path, straight: list) -> None:
    assert len(loader(tiny_records)) == EPOCH
    assert [len(batches) for batches in straight] == [EPOCH, EPOCH]
    assert not torch.equal(straight[0][0]["label"], straight[1][0]["label"])


def test_augmentation_is_on_and_follows_the_seed(tiny_records: Path, straight: list) -> None:
    source = FaceRecords(tiny_records)
    plain = FaceDataset(source, np.arange(len(source)), source.labels, source.image_size)
    untouched = plain[next(iter(BatchSampler(len(source), BATCH)))]
    assert torch.equal(untouched["label"], straight[0][0]["label"])
    assert not torch.equal(untouched["image"], straight[0][0]["image"])
    assert_equal(epoch(loader(tiny_records)), straight[0])
    other = epoch(loader(tiny_records, seed=1))
    assert not torch.equal(other[0]["image"], straight[0][0]["image"])


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("stop", [1, 7])
def test_resume_in_mid_epoch_hands_out_exactly_the_rest(
    tiny_records: Path, straight: list, num_workers: int, stop: int
) -> None:
    first = loader(tiny_records, num_workers)
    first.batches.set_epoch(1)
    handed_out = list(islice(iter(first), stop))
    state = first.state_dict()
    assert position(state) == (1, stop * BATCH, False)
    del first

    second = loader(tiny_records, num_workers)
    second.load_state_dict(state)
    rest = epoch(second, 1)
    assert_equal(handed_out + rest, straight[1])
    assert position(second.state_dict()) == (1, EPOCH * BATCH, True)


def test_workers_make_the_same_batches_in_every_epoch(tiny_records: Path, straight: list) -> None:
    loaded = loader(tiny_records, num_workers=2)
    for number in range(2):  # the second one by workers that have already worked
        assert_equal(epoch(loaded, number), straight[number])


def test_the_augmentation_of_an_epoch_is_that_of_the_whole_chain(tiny_records: Path, straight: list) -> None:
    source, chain = FaceRecords(tiny_records), augmentation()
    runs = RunSeed(chain)
    for request, batch in zip(BatchSampler(len(source), BATCH), straight[0], strict=True):
        runs.begin()
        for place, (index, image) in enumerate(zip(request.indices, batch["image"], strict=True)):
            runs.reach(request.seed, place)
            expected = chain(image=decode(source.read(int(index)), ""))["image"]
            assert np.array_equal(image.permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize("blocks", [None, (8, 3), (10, 1)], ids=["random", "sequential", "one block at a time"])
def test_two_ranks_with_two_workers_each_see_every_image_once(
    tiny_records: Path, blocks: tuple[int, int] | None
) -> None:
    source = FaceRecords(tiny_records)
    counts = np.zeros(len(source), dtype=int)
    for rank in range(2):  # the label of each image is its number here
        dataset = FaceDataset(source, np.arange(len(source)), np.arange(len(source)), source.image_size)
        ranks = {"rank": rank, "world_size": 2}
        sampler = (
            BatchSampler(len(source), BATCH // 2, **ranks)
            if blocks is None
            else SequentialSampler(source.labels, BATCH // 2, block_size=blocks[0], num_blocks=blocks[1], **ranks)
        )
        for batch in FaceLoader(dataset, sampler, num_workers=2):
            np.add.at(counts, batch["label"].numpy(), 1)
    assert counts.tolist() == [1] * len(source)


@pytest.mark.parametrize("prefetch_factor", [1, 3])
def test_batches_that_are_kept_are_not_written_to_again(
    tiny_records: Path, straight: list, prefetch_factor: int
) -> None:
    source = FaceRecords(tiny_records)
    dataset = FaceDataset(source, np.arange(len(source)), source.labels, source.image_size, augmentation())
    options = {"num_workers": 1, "persistent_workers": True, "prefetch_factor": prefetch_factor}
    loaded = FaceLoader(dataset, BatchSampler(len(source), BATCH), **options)
    list(islice(epoch_of(loaded, 1), 2))  # left in the middle, with batches under way
    kept = [epoch(loaded, number) for number in (0, 1, 0, 1)]  # many more than there are buffers
    for number, batches in zip((0, 1, 0, 1), kept, strict=True):
        assert_equal(batches, straight[number])
        assert batches[0]["image"].is_contiguous(memory_format=torch.channels_last)


def test_batches_out_of_order_are_refused(tiny_records: Path) -> None:
    source = FaceRecords(tiny_records)
    dataset = FaceDataset(source, np.arange(len(source)), source.labels, source.image_size)
    with pytest.raises(ValueError, match="in_order=False"):
        FaceLoader(dataset, BatchSampler(len(source), BATCH), num_workers=1, in_order=False)


def lose_a_worker(folder: Path, persistent: bool, report: Connection) -> None:
    """Reports the killed worker and the error that its death gave."""
    torch.set_num_threads(1)  # a forked process waits for ever for the threads that its parent had
    source = FaceRecords(folder)
    dataset = FaceDataset(source, np.arange(len(source)), source.labels, source.image_size)
    sampler = BatchSampler(len(source), 1)  # 96 batches: they are not all waiting when the worker dies
    batches = iter(FaceLoader(dataset, sampler, num_workers=2, persistent_workers=persistent))
    next(batches)
    victim = multiprocessing.active_children()[0].pid
    try:
        os.kill(victim, signal.SIGKILL)
        list(batches)
    except RuntimeError as error:
        report.send((victim, str(error)))
    os._exit(0)  # torch's handler would raise once more wherever a child ends


@pytest.mark.parametrize("persistent", [True, False])
def test_a_worker_that_is_killed_gives_an_error_and_no_hang(tiny_records: Path, persistent: bool) -> None:
    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=lose_a_worker, args=(tiny_records, persistent, writer))
    process.start()
    writer.close()
    try:
        assert reader.poll(30), "the loader hangs"
        victim, message = reader.recv()
    finally:
        process.kill()
        process.join()
    assert str(victim) in message or "a worker of the data loader died" in message


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_finished_epoch_continues_with_the_next(tiny_records: Path, straight: list, num_workers: int) -> None:
    first = loader(tiny_records)
    epoch(first, 0)
    second = loader(tiny_records, num_workers)
    second.load_state_dict(first.state_dict())
    assert second.batches.epoch == 1
    assert_equal(list(second), straight[1])


def test_after_a_resumed_epoch_the_next_one_is_whole(tiny_records: Path, straight: list) -> None:
    resumed = loader(tiny_records)
    resumed.load_state_dict({**resumed.state_dict(), "epoch": 0, "images": (EPOCH - 1) * BATCH})
    assert len(epoch(resumed, 0)) == 1
    assert_equal(epoch(resumed, 1), straight[1])


def test_a_second_interruption_counts_from_the_start_of_the_epoch(tiny_records: Path, straight: list) -> None:
    resumed = loader(tiny_records)
    resumed.load_state_dict({**resumed.state_dict(), "epoch": 1, "images": 4 * BATCH})
    resumed.batches.set_epoch(1)
    list(islice(iter(resumed), 3))
    assert position(resumed.state_dict()) == (1, 7 * BATCH, False)
    again = loader(tiny_records)
    again.load_state_dict(resumed.state_dict())
    assert_equal(epoch(again, 1), straight[1][7:])


def test_a_state_that_was_loaded_is_kept_until_the_first_batch(tiny_records: Path) -> None:
    resumed = loader(tiny_records)
    resumed.load_state_dict({**resumed.state_dict(), "epoch": 1, "images": 4 * BATCH})
    assert position(resumed.state_dict()) == (1, 4 * BATCH, False)


def test_two_ranks_see_per_step_what_one_process_sees(tiny_records: Path, straight: list) -> None:
    ranks = [epoch(loader(tiny_records, rank=rank, world_size=2), 1) for rank in range(2)]
    for one, *parts in zip(straight[1], *ranks, strict=True):
        assert torch.equal(torch.cat([part["label"] for part in parts]), one["label"])
        assert len(parts[0]["label"]) == len(parts[1]["label"]) == BATCH // 2


def test_ranks_with_batches_of_whole_runs_augment_as_one_process_does(tiny_records: Path) -> None:
    source = FaceRecords(tiny_records)
    dataset = FaceDataset(source, np.arange(len(source)), source.labels, source.image_size, augmentation())
    one = list(FaceLoader(dataset, BatchSampler(len(source), 2 * RUN)))
    ranks = [list(FaceLoader(dataset, BatchSampler(len(source), RUN, rank=r, world_size=2))) for r in range(2)]
    for batch, *parts in zip(one, *ranks, strict=True):
        assert torch.equal(torch.cat([part["image"] for part in parts]), batch["image"])


@pytest.mark.parametrize("world_size", [2, 4])
def test_an_epoch_can_be_finished_on_another_number_of_processes(
    tiny_records: Path, straight: list, world_size: int
) -> None:
    first = loader(tiny_records)
    first.batches.set_epoch(1)
    list(islice(iter(first), 5))
    labels = []
    for rank in range(world_size):
        resumed = loader(tiny_records, rank=rank, world_size=world_size)
        resumed.load_state_dict(first.state_dict())
        labels.append([batch["label"] for batch in epoch(resumed, 1)])
    rest = [torch.cat(parts) for parts in zip(*labels, strict=True)]
    assert torch.equal(torch.cat(rest), torch.cat([batch["label"] for batch in straight[1][5:]]))

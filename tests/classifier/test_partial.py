"""Partial FC: the loss is the dense one over the sampled classes, and only these move."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from every_head import CLASSES, DIM, batch, fill, head_of
from hypothesis import given, settings
from hypothesis import strategies as st
from partial_worker import HEADS, ROWS, record
from test_sharded import launch
from torch import Tensor, nn

from marginface.classifier import DenseClassifier, ShardedClassifier
from marginface.classifier.partial import SampledCentres
from marginface.head import CosFace

Parts = list[dict]  # what each process saw


@pytest.fixture
def group() -> Iterator[None]:
    """A process group of this process alone."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.fixture(scope="module", params=[1, pytest.param(2, marks=pytest.mark.slow)])
def parts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Parts:
    if request.param == 1:
        dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
        try:
            return [record()]
        finally:
            dist.destroy_process_group()
    folder: Path = tmp_path_factory.mktemp("partial")
    launch("partial_worker.py", request.param, folder)
    return [torch.load(path, weights_only=True) for path in sorted(folder.glob("*.pt"))]


def sampled(classes: int, rate: float, seed: int = 0, rank: int = 0, num_centres: int = 1) -> SampledCentres:
    return SampledCentres(nn.Parameter(torch.randn(classes * num_centres, 4)), num_centres, rate, seed, rank)


# ---- which classes take part


@settings(max_examples=100, deadline=None)
@given(data=st.data(), classes=st.integers(1, 40), rate=st.floats(0.01, 0.99), num_centres=st.integers(1, 3))
def test_positives_are_always_among_the_share_of_the_classes(
    data: st.DataObject, classes: int, rate: float, num_centres: int
) -> None:
    place = torch.tensor(data.draw(st.lists(st.integers(-1, classes - 1), max_size=12)), dtype=torch.int64)
    centres = sampled(classes, rate, num_centres=num_centres)
    weight, chosen, label = centres.draw(place, 1)
    positive = place[place >= 0].unique()
    assert len(chosen.unique()) == len(chosen) == max(int(rate * classes), len(positive), 1)
    assert torch.isin(positive, chosen).all()
    assert torch.equal(label < 0, place < 0)
    assert torch.equal(chosen[label[place >= 0]], place[place >= 0])
    rows = (chosen.unsqueeze(1) * num_centres + torch.arange(num_centres)).flatten()
    assert torch.equal(weight, centres.weight[rows])


def test_a_process_without_classes_samples_none() -> None:
    weight, chosen, label = sampled(0, 0.5).draw(torch.tensor([-1, -1]), 1)
    assert (len(weight), len(chosen), label.tolist()) == (0, 0, [-1, -1])


def test_a_sample_depends_on_seed_draw_and_rank_alone() -> None:
    def classes(seed: int, number: int, rank: int) -> tuple[int, ...]:
        torch.manual_seed(len(seen))  # the global generator has no say
        return tuple(sampled(200, 0.1, seed, rank).draw(torch.tensor([7, -1]), number).classes.tolist())

    seen: set[tuple[int, ...]] = set()
    keys = [(seed, number, rank) for seed in (0, 1) for number in (1, 2, 3) for rank in (0, 1, 2)]
    for key in keys:
        first = classes(*key)
        seen.add(first)
        assert classes(*key) == first
    assert len(seen) == len(keys)


def test_every_class_has_its_turn() -> None:
    counts = torch.zeros(20)
    for number in range(500):
        counts[sampled(20, 0.25).draw(torch.tensor([], dtype=torch.int64), number).classes] += 1
    assert 80 < counts.min() <= counts.max() < 170, counts  # 125 expected, standard deviation 10


def test_one_class_at_least_takes_part_on_each_process(parts: Parts) -> None:
    seen = [part["few"] for part in parts]
    assert [len(s["classes"]) for s in seen] == [1] * len(parts)
    assert seen[-1]["classes"].tolist() == [2], "the batch's own class"
    if len(parts) > 1:
        assert_dense(seen, batch(4, 0)[0], torch.tensor([2] * 4), "cosface", 3)
    else:  # without any negative there is nothing to learn
        assert seen[0]["loss"] == 0
        assert not seen[0]["dx"].any()
        assert not seen[0]["gradient"].any()


def test_all_classes_take_part_at_rate_one(group: None) -> None:
    whole = ShardedClassifier(CosFace(), 5, 4, sample_rate=1.0)
    assert whole.trainable_centres() is whole.weight
    assert "draws" not in whole.state_dict()


# ---- the loss


def assert_dense(seen: list[dict], x: Tensor, y: Tensor, name: str, num_classes: int = CLASSES) -> Tensor:
    """Compare with the dense classifier over the sampled classes of all processes; its gradient of the centres."""
    classes = torch.cat([s["classes"] for s in seen])
    dense = DenseClassifier(head_of(name), len(classes), DIM).double()
    dense.head.load_state_dict(seen[0]["head_before"])
    k = dense.head.num_centres
    rows = (classes.unsqueeze(1) * k + torch.arange(k)).flatten()
    dense.weight.data.copy_(torch.cat([s["before"] for s in seen])[rows])
    column = torch.full((num_classes,), -1)
    column[classes] = torch.arange(len(classes))
    leaf = x.clone().requires_grad_()
    loss, correct = dense(leaf, column[y])
    loss.backward()
    near = {"rtol": 1e-10, "atol": 1e-10}
    for s in seen:
        torch.testing.assert_close(s["loss"], loss.detach(), **near)
    torch.testing.assert_close(torch.cat([s["dx"] for s in seen]), leaf.grad, **near)
    assert torch.equal(torch.cat([s["correct"] for s in seen]), correct)
    gradient = torch.zeros(num_classes * k, DIM, dtype=torch.float64)
    gradient[rows] = dense.weight.grad
    return gradient


def spread(seen: list[dict], key: str, num_centres: int) -> Tensor:
    """Values of the sampled rows, in a tensor over all rows of all classes."""
    whole = torch.zeros(CLASSES * num_centres, DIM, dtype=torch.float64)
    for s in seen:
        whole.view(CLASSES, num_centres, DIM)[s["classes"]] = s[key].view(-1, num_centres, DIM)
    return whole


@pytest.mark.parametrize("name", HEADS)
def test_loss_and_gradients_are_the_dense_ones_over_the_sample(parts: Parts, name: str) -> None:
    for step, count in enumerate((12, 9)):  # the second batch is of another size
        seen = [part["heads"][name][step] for part in parts]
        gradient = assert_dense(seen, *batch(count, step), name)
        k = head_of(name).num_centres
        assert sum(len(s["classes"]) for s in seen) < CLASSES
        torch.testing.assert_close(spread(seen, "gradient", k), gradient, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", HEADS)
def test_gradients_accumulate_and_later_positives_join_the_sample(parts: Parts, name: str) -> None:
    k, joined = head_of(name).num_centres, 0
    for step in (0, 2):
        first, second = ([part["accumulated"][name][step + i] for part in parts] for i in (0, 1))
        (x1, y1), (x2, y2) = (batch(count, step + i) for i, count in enumerate(((5, 9), (12, 4))[step // 2]))
        total = assert_dense(first, x1, y1, name) + assert_dense(second, x2, y2, name)
        torch.testing.assert_close(spread(second, "gradient", k), total, rtol=1e-10, atol=1e-10)
        for a, b in zip(first, second, strict=True):
            assert torch.equal(b["classes"][: len(a["classes"])], a["classes"]), "the sample lasts until the step"
            joined += len(b["classes"]) - len(a["classes"])
            assert torch.equal(a["before"], b["before"])
    assert joined > 0


@pytest.mark.parametrize("name", HEADS)
def test_evaluation_is_over_all_classes(parts: Parts, name: str) -> None:
    seen = [part["evaluation"][name] for part in parts]
    dense = fill(DenseClassifier(head_of(name), CLASSES, DIM))
    dense.weight.data.copy_(torch.cat([s["weight"] for s in seen]))
    dense.head.load_state_dict(seen[0]["head"])
    loss, correct = dense.eval()(*batch(9, 1))
    torch.testing.assert_close(seen[0]["loss"], loss.detach(), rtol=1e-10, atol=1e-10)
    assert torch.equal(torch.cat([s["correct"] for s in seen]), correct)
    assert all(s["draws_rest"] for s in seen)


# ---- what the optimizer moves

TRAJECTORIES = [f"{name}/{kind}" for name in ("cosface", "subcentre_arcface") for kind in ("sgd", "adamw")]


def rows_of(entry: dict, first: int, num_centres: int) -> Tensor:
    """Numbers of the sampled rows of a process whose first class is given."""
    return ((entry["classes"] - first).unsqueeze(1) * num_centres + torch.arange(num_centres)).flatten()


def first_class(rank: int, size: int) -> int:
    return CLASSES // size * rank + min(rank, CLASSES % size)


@pytest.mark.parametrize("key", TRAJECTORIES)
def test_other_rows_rest_bit_equal_with_their_momentum_and_decay(parts: Parts, key: str) -> None:
    k = head_of(key.split("/")[0]).num_centres
    for rank, part in enumerate(parts):
        before: dict[str, Tensor] = {}
        for entry in part["trajectories"][key]:
            rest = torch.ones(len(entry["before"]), dtype=torch.bool)
            rest[rows_of(entry, first_class(rank, len(parts)), k)] = False
            assert 0 < rest.sum() < len(rest)
            assert torch.equal(entry["after"][rest], entry["before"][rest])
            assert (entry["after"][~rest] != entry["before"][~rest]).all()
            for name, value in before.items():
                assert torch.equal(entry["state"][name][rest], value[rest]), name
            before = entry["state"]
        assert before


class ByRow:
    """An optimizer of single rows: those that it is not given rest."""

    def __init__(self, weight: Tensor) -> None:
        self.weight, self.step = weight.clone(), 0
        self.first, self.second = torch.zeros_like(weight), torch.zeros_like(weight)

    def sgd(self, rows: Tensor, gradient: Tensor) -> None:
        for row, g in zip(rows.tolist(), gradient, strict=True):
            self.first[row] = 0.9 * self.first[row] + g + 0.05 * self.weight[row]
            self.weight[row] -= 0.1 * self.first[row]

    def adamw(self, rows: Tensor, gradient: Tensor) -> None:
        self.step += 1
        for row, g in zip(rows.tolist(), gradient, strict=True):
            self.weight[row] *= 1 - 0.05 * 0.1
            self.first[row] = 0.9 * self.first[row] + 0.1 * g
            self.second[row] = 0.999 * self.second[row] + 0.001 * g**2
            size = (self.second[row] / (1 - 0.999**self.step)).sqrt() + 1e-8
            self.weight[row] -= 0.05 / (1 - 0.9**self.step) * self.first[row] / size


@pytest.mark.parametrize("key", TRAJECTORIES)
def test_sampled_rows_follow_an_optimizer_of_single_rows(parts: Parts, key: str) -> None:
    name, kind = key.split("/")
    k = head_of(name).num_centres
    for rank, part in enumerate(parts):
        entries = part["trajectories"][key]
        reference, turns = ByRow(entries[0]["before"]), torch.zeros(len(entries[0]["before"]))
        for entry in entries:
            rows = rows_of(entry, first_class(rank, len(parts)), k)
            getattr(reference, kind)(rows, entry["gradient"])
            turns[rows] += 1
            torch.testing.assert_close(entry["after"], reference.weight, rtol=1e-10, atol=1e-12)
        assert ((turns > 1) & (turns < len(ROWS))).sum() > CLASSES // len(parts) // 2, "rows that rest, then return"


# ---- where the centres come from


def test_initial_centres_are_those_of_a_dense_classifier(parts: Parts) -> None:
    torch.manual_seed(5)
    dense = DenseClassifier(CosFace(), CLASSES, DIM)
    assert torch.equal(torch.cat([part["initial"] for part in parts]), dense.weight)


def test_an_optimizer_whose_state_cannot_follow_is_refused() -> None:
    centres = sampled(6, 0.5)
    optimizer = torch.optim.Adafactor([centres.rows], lr=0.1)  # keeps one number per row and one per column
    centres.attach(optimizer)
    centres.draw(torch.tensor([0, 1]), 1).weight.sum().backward()
    with pytest.raises(
        ValueError, match=r"optimizer=Adafactor keeps \w+ of shape .* choose SGD or AdamW, or sample_rate=1"
    ):
        optimizer.step()

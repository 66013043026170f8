import math
from collections.abc import Callable

import pytest
import torch
from torch.optim.lr_scheduler import LRScheduler

from marginface.schedule import cosine, multistep, polynomial


def rates(make: Callable[[torch.optim.Optimizer], LRScheduler], num_steps: int, lr: float = 1.0) -> list[float]:
    """The learning rate that each of the steps uses."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler, used = make(optimizer), []
    for _ in range(num_steps):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return used


def test_multistep_defaults_are_sphereface_s() -> None:
    # CVPR 2017, section 4.1: 0.1, divided by 10 at 16k and 24k of 28k iterations; here a thousandth of that
    used = rates(lambda o: multistep(o, 28), 28, lr=0.1)
    assert used == pytest.approx([0.1] * 16 + [0.01] * 8 + [0.001] * 4)


def test_milestones_are_fractions_or_steps() -> None:
    by_fraction = rates(lambda o: multistep(o, 10, [0.2, 0.5], gamma=0.5), 10)
    by_step = rates(lambda o: multistep(o, 10, [2, 5], gamma=0.5), 10)
    assert by_fraction == by_step == [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25]


def test_cosine_falls_from_one_to_its_end() -> None:
    used = rates(lambda o: cosine(o, 8, final=0.1), 9)
    assert used == pytest.approx([0.1 + 0.9 * (1 + math.cos(math.pi * t / 8)) / 2 for t in range(9)])
    assert used[0] == 1
    assert used[-1] == pytest.approx(0.1)


def test_polynomial() -> None:
    used = rates(lambda o: polynomial(o, 4, power=2), 5)
    assert used == pytest.approx([1, 9 / 16, 4 / 16, 1 / 16, 0])


@pytest.mark.parametrize("make", [cosine, polynomial])
def test_beyond_the_run_the_rate_stays_at_its_end(make: Callable) -> None:
    assert rates(lambda o: make(o, 4), 8)[5:] == [0, 0, 0]


@pytest.mark.parametrize("warmup", [4, 0.2])
@pytest.mark.parametrize("make", [multistep, cosine, polynomial])
def test_warmup_is_a_linear_ramp_onto_the_schedule(make: Callable, warmup: float) -> None:
    plain = rates(lambda o: make(o, 20), 20)
    warm = rates(lambda o: make(o, 20, warmup=warmup), 20)
    ramp = [0.25, 0.5, 0.75, 1.0] + [1.0] * 16
    assert warm == pytest.approx([a * b for a, b in zip(plain, ramp, strict=True)])
    assert warm[0] > 0


def test_groups_keep_their_ratio() -> None:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (1.0, 0.3)]
    optimizer = torch.optim.SGD(groups)
    scheduler = cosine(optimizer, 10, warmup=3)
    for _ in range(8):
        optimizer.step()
        scheduler.step()
        first, second = (group["lr"] for group in optimizer.param_groups)
        assert second == pytest.approx(0.3 * first)


def test_a_restored_schedule_goes_on() -> None:
    optimizers = [torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1) for _ in range(2)]
    first, second = (multistep(o, 10, [0.5], warmup=2) for o in optimizers)
    for _ in range(4):
        optimizers[0].step()
        first.step()
    optimizers[1].load_state_dict(optimizers[0].state_dict())
    second.load_state_dict(first.state_dict())
    for _ in range(3):
        for optimizer, scheduler in zip(optimizers, (first, second), strict=True):
            optimizer.step()
            scheduler.step()
        assert optimizers[0].param_groups[0]["lr"] == optimizers[1].param_groups[0]["lr"]
    assert optimizers[1].param_groups[0]["lr"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"milestones": [0.5, 0.2]}, r"milestones=\[0.5, 0.2\] must increase"),
        ({"milestones": [-1]}, "milestones=-1"),
        ({"warmup": -0.1}, "warmup=-0.1"),
    ],
)
def test_arguments_out_of_range_are_named(kwargs: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        rates(lambda o: multistep(o, 10, **kwargs), 1)

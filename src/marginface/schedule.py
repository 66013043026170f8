"""Learning-rate schedules over a run, after a linear warm-up.

torch's own schedulers count steps; these are written in fractions of the run where that is given, so that one recipe
serves 400 steps and 28,000 alike.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

Factor = Callable[[int, int], float]  # (step, number of steps) -> factor of the base learning rate


def multistep(
    optimizer: Optimizer,
    num_steps: int,
    milestones: Sequence[float] = (16 / 28, 24 / 28),
    gamma: float = 0.1,
    warmup: float = 0.0,
) -> LambdaLR:
    """Multiply by ``gamma`` at each milestone.

    Source: the default is SphereFace's (CVPR 2017): division by 10 at 16k and 24k of 28k iterations.

    Args:
        optimizer: the optimizer.
        num_steps: optimizer steps of the run.
        milestones: increasing; below 1 a fraction of the run, otherwise a number of steps.
        gamma: factor at each milestone.
        warmup: linear warm-up; below 1 a fraction of the run, otherwise a number of steps.

    Returns:
        A scheduler to be stepped after each optimizer step.
    """
    steps = [_steps("milestones", m, num_steps) for m in milestones]
    if steps != sorted(steps):
        raise ValueError(f"scheduler milestones={list(milestones)} must increase")
    return _scheduler(optimizer, num_steps, warmup, partial(_multistep, steps=steps, gamma=gamma))


def cosine(optimizer: Optimizer, num_steps: int, final: float = 0.0, warmup: float = 0.0) -> LambdaLR:
    """Half a cosine from 1 down to ``final``.

    Args:
        optimizer: the optimizer.
        num_steps: optimizer steps of the run.
        final: factor at the end.
        warmup: linear warm-up; below 1 a fraction of the run, otherwise a number of steps.

    Returns:
        A scheduler to be stepped after each optimizer step.
    """
    return _scheduler(optimizer, num_steps, warmup, partial(_cosine, final=final))


def polynomial(optimizer: Optimizer, num_steps: int, power: float = 2.0, warmup: float = 0.0) -> LambdaLR:
    """``(1 - t)^power``, with t the share of the run that is done.

    Source: insightface's arcface_torch trains with power 2.

    Args:
        optimizer: the optimizer.
        num_steps: optimizer steps of the run.
        power: exponent.
        warmup: linear warm-up; below 1 a fraction of the run, otherwise a number of steps.

    Returns:
        A scheduler to be stepped after each optimizer step.
    """
    return _scheduler(optimizer, num_steps, warmup, partial(_polynomial, power=power))


def _multistep(step: int, num_steps: int, steps: list[int], gamma: float) -> float:
    return float(gamma ** sum(step >= s for s in steps))


def _cosine(step: int, num_steps: int, final: float) -> float:
    return final + (1 - final) * (1 + math.cos(math.pi * min(1.0, step / num_steps))) / 2


def _polynomial(step: int, num_steps: int, power: float) -> float:
    return float(max(0.0, 1 - step / num_steps) ** power)


def _scheduler(optimizer: Optimizer, num_steps: int, warmup: float, factor: Factor) -> LambdaLR:
    ramp = _steps("warmup", warmup, num_steps)

    def rate(step: int) -> float:
        # The first step already moves: (step + 1) / ramp, so that warm-up of one step is no warm-up.
        return min(1.0, (step + 1) / ramp if ramp else 1.0) * factor(step, num_steps)

    return LambdaLR(optimizer, rate)


def _steps(name: str, value: float, num_steps: int) -> int:
    if value < 0:
        raise ValueError(f"scheduler {name}={value} is negative")
    return round(value * num_steps) if value < 1 else int(value)

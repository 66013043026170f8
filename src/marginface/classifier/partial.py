"""Which of a process's classes take part in a training step (Partial FC), and how the optimizer moves only those.

Shapes: D embedding, c classes of this process, K centres per class, k sampled classes.

Source: Partial FC, arXiv 2010.05222 and 2203.15565. The optimizer is given one parameter of k K rows whose values, and
whose rows of the optimizer's state, are exchanged with those of the whole before and after each step. So a class that
was not sampled sees neither momentum nor decay.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class Sample(NamedTuple):
    """The classes of one step."""

    weight: Tensor  # (k * K, D)
    classes: Tensor  # (k,) which of the process's classes they are
    label: Tensor  # (N,) where the rows' own classes stand among them; -1: on another process


class SampledCentres:
    """Draws classes, and carries their centres between the whole and the optimizer.

    A sample lasts until the optimizer has made its step, so that gradients accumulate over several batches; classes
    that a later batch needs are added to it. Run each batch's backward before the next batch's forward.

    Args:
        weight: (c * K, D) all centres of this process; takes no gradient from now on.
        num_centres: K.
        rate: share of the classes to draw; the classes of the batch are always among them.
        seed: with the number of the draw and the rank, it determines the sample.
        rank: of this process.
    """

    def __init__(self, weight: nn.Parameter, num_centres: int, rate: float, seed: int, rank: int) -> None:
        self.weight, self.num_centres, self.rate = weight.requires_grad_(False), num_centres, rate
        self.seed, self.rank = seed, rank
        self.rows = nn.Parameter(weight.new_empty(0, weight.shape[1]))
        self.state: dict[str, Tensor] = {}  # the optimizer's state of all rows, by its name
        self.is_open = False  # gradients of the current sample may be on their way
        self.classes = torch.empty(0, dtype=torch.int64)
        self._optimizer: Optimizer | None = None

    def attach(self, optimizer: Optimizer) -> None:
        """Follow the steps of an optimizer that moves ``rows``."""
        self._optimizer = optimizer
        optimizer.register_step_post_hook(self._after_step)

    @torch.no_grad()
    def draw(self, place: Tensor, number: int) -> Sample:
        """The classes of a step.

        Args:
            place: (N,) classes of the batch's rows among those of this process, -1 for those of another one.
            number: of the draw; counts only where a new sample begins.
        """
        positive = torch.unique(place[place >= 0])
        if self.is_open:
            missing = positive[~torch.isin(positive, self.classes)]
            gradient = self.rows.grad
            self._take(torch.cat([self.classes, missing]))
            if gradient is not None:
                self.rows.grad = torch.cat(
                    [gradient, gradient.new_zeros(len(self.rows) - len(gradient), gradient.shape[1])]
                )
        else:
            self._take(self._choose(positive, number))
            self.is_open = True
        position = place.new_full((self._num_classes(),), -1)
        position[self.classes] = torch.arange(len(self.classes), device=place.device)
        label = torch.where(place >= 0, position[place.clamp_min(0)], -1) if len(position) else place
        leaf = self.rows.detach().requires_grad_()  # a new one: autograd remembers the size that a parameter had
        leaf.register_post_accumulate_grad_hook(self._receive)  # type: ignore[no-untyped-call]
        return Sample(leaf, self.classes, label)

    def _receive(self, leaf: Tensor) -> None:
        """Pass the gradient of a batch on to the optimizer's parameter."""
        gradient, leaf.grad = leaf.grad, None
        self.rows.grad = gradient if self.rows.grad is None or gradient is None else self.rows.grad + gradient

    def _num_classes(self) -> int:
        return len(self.weight) // self.num_centres

    def _choose(self, positive: Tensor, number: int) -> Tensor:
        """The batch's own classes, and others at random up to the rate: (k,) in increasing order."""
        generator = torch.Generator(self.weight.device)
        # A generator takes 32 bits of its seed; the hash mixes the three numbers into them.
        generator.manual_seed(hash((self.seed, number, self.rank)) & 0xFFFFFFFF)
        chance = torch.rand(self._num_classes(), generator=generator, device=self.weight.device)
        chance[positive] = 2.0
        size = max(int(self.rate * len(chance)), len(positive), min(1, len(chance)))
        return chance.topk(size).indices.sort().values

    def _take(self, classes: Tensor) -> None:
        """Give the optimizer the rows of these classes, with its own state of them."""
        self.classes, self.rows.grad = classes, None
        rows = self._row_numbers()
        self.rows.data = self.weight[rows]
        if self._optimizer is not None:
            for name, whole in self.state.items():
                self._optimizer.state[self.rows][name] = whole.to(self.weight.device)[rows]

    def _after_step(self, optimizer: Optimizer, *_: Any) -> None:
        """Put what the optimizer has done back into the whole."""
        rows, self.is_open = self._row_numbers(), False
        self.weight.data[rows] = self.rows.data
        for name, value in optimizer.state[self.rows].items():
            if isinstance(value, Tensor) and value.ndim:
                self._refuse_other_shapes(optimizer, name, value)
                whole = self.state.get(name)
                if whole is None:
                    whole = self.state[name] = torch.zeros_like(self.weight, dtype=value.dtype)
                elif whole.device != value.device:  # it was loaded before the model was moved
                    whole = self.state[name] = whole.to(value.device)
                whole[rows] = value

    def _refuse_other_shapes(self, optimizer: Optimizer, name: str, value: Tensor) -> None:
        if value.shape != self.rows.shape:
            raise ValueError(
                f"optimizer={type(optimizer).__name__} keeps {name} of shape {tuple(value.shape)} for centres of shape "
                f"{tuple(self.rows.shape)}, which cannot follow sampled classes; choose SGD or AdamW, or sample_rate=1"
            )

    def _row_numbers(self) -> Tensor:
        k = torch.arange(self.num_centres, device=self.classes.device)
        return (self.classes.unsqueeze(1) * self.num_centres + k).flatten()

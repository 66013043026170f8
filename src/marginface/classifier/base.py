"""The contract of a classifier: class centres, plus the way in which a head's loss over them is executed.

Shapes: N batch, D embedding, C classes, K centres per class.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from marginface.angular import normalize
from marginface.classifier.collectives import gather_rows
from marginface.head.base import Head, Row


class BadEmbeddingError(ValueError):
    """An embedding without a direction: not finite, or of length zero."""


class Classification(NamedTuple):
    """What a classifier returns for a batch."""

    loss: Tensor  # scalar, mean over the batch
    correct: Tensor  # (N,) bool: without any margin, the label is more similar than every other class


class Batch(NamedTuple):
    """Embeddings as directions and lengths, with their labels."""

    feature: Tensor  # (N, D) unit rows
    norm: Tensor  # (N,)
    label: Tensor  # (N,) int64


class Centres(NamedTuple):
    """What a loss runs over."""

    weight: Tensor  # (C * K, D), rows of one class side by side
    bias: Tensor | None  # (C,)
    label: Tensor  # (N,) where the rows' own classes stand among these; -1: on another process


class Classifier(nn.Module, ABC):
    """Owns the centres ``weight`` (C * K, D), rows of one class side by side.

    Args:
        head: the formulas.
        num_classes: C >= 2.
        embedding_dim: D.
        init_std: standard deviation of the Gaussian initial centres; None makes their lengths about one, so that
            the centres' effective learning rate does not depend on D.

    Raises:
        ValueError: if an argument is out of its range.
    """

    bias: Tensor | None
    memory: Tensor

    def __init__(self, head: Head, num_classes: int, embedding_dim: int, init_std: float | None = None) -> None:
        super().__init__()
        if num_classes < 2:
            raise ValueError(f"num_classes={num_classes} is less than 2; a classifier needs at least two identities")
        if embedding_dim < 1:
            raise ValueError(f"embedding_dim={embedding_dim} is less than 1")
        if init_std is not None and init_std <= 0:
            raise ValueError(f"init_std={init_std} must be positive, or null for centres of about unit length")
        self.head, self.num_classes, self.embedding_dim = head, num_classes, embedding_dim
        self.under_autocast = False
        self.init_std = embedding_dim**-0.5 if init_std is None else init_std
        self.first, self.count = 0, num_classes  # the classes of this process
        self._make_centres()
        head.bind(num_classes)

    def _make_centres(self) -> None:
        """Create ``weight`` and, where the head has them, ``bias`` and ``memory``."""
        rows = self.num_classes * self.head.num_centres
        self.weight = nn.Parameter(torch.randn(rows, self.embedding_dim) * self.init_std)
        if self.head.use_bias:
            self.bias = nn.Parameter(torch.zeros(self.num_classes))
        else:
            self.register_parameter("bias", None)
        if self.head.memory_head is not None:
            self.register_buffer("memory", torch.zeros(self.num_classes, self.embedding_dim))

    def forward(self, embedding: Tensor, label: Tensor) -> Classification:
        """Loss of a batch.

        Args:
            embedding: (N, D) of any floating dtype; margins are computed in fp32 at least, under any autocast.
            label: (N,) int64 in [0, C).

        Returns:
            The mean loss, and which samples are recognised without margin.

        Raises:
            ValueError: if shapes, dtype or labels do not fit.
        """
        self.check(embedding, label)
        self.under_autocast = torch.is_autocast_enabled(embedding.device.type)
        with torch.autocast(embedding.device.type, enabled=False):
            batch = self._batch(embedding, label)
            loss, correct = self._classify(self.head, self._centres(batch.label), batch)
            if self.head.memory_head is not None:
                loss = loss + self._recall(self.head.memory_head, batch)
            return Classification(loss.mean(), self._own(correct))

    @torch.no_grad()
    def predict(self, embedding: Tensor) -> Tensor:
        """The most similar class without any margin: the decision that :attr:`Classification.correct` is about.

        Args:
            embedding: (N, D) of any floating dtype, on any device. Where the classes are split over processes, all of
                them call this with the same embeddings and get the same classes.

        Returns:
            (N,) int64 classes in [0, C), on the embeddings' device.

        Raises:
            ValueError: if the shape does not fit, or an embedding has no direction.
        """
        self._check_shape(embedding)
        self._check_lengths(embedding)
        wide = torch.promote_types(embedding.dtype, torch.float32)
        with torch.autocast(self.weight.device.type, enabled=False):
            plain = self._plain(*normalize(embedding.to(self.weight.device, wide)))
            return self._best_class(plain).to(embedding.device)

    def _plain(self, feature: Tensor, norm: Tensor) -> Tensor:
        """Similarities (N, c) to the classes of this process without margin, with biases where the head has them."""
        centre, length = normalize(self.weight.to(feature.dtype))
        along = feature @ centre.T if self.head.normalize_weight else (feature @ centre.T) * length
        best = along.view(len(feature), self.count, self.head.num_centres).amax(dim=2)
        return best if self.bias is None else norm.unsqueeze(1) * best + self.bias

    def _best_class(self, plain: Tensor) -> Tensor:
        """Class (N,) with the largest of the similarities of :meth:`_plain`."""
        return plain.argmax(dim=1)

    def _batch(self, embedding: Tensor, label: Tensor) -> Batch:
        """The rows that this process computes the loss of."""
        wide = torch.promote_types(embedding.dtype, torch.float32)
        return Batch(*normalize(embedding.to(wide)), label)

    def _own(self, rows: Tensor) -> Tensor:
        """Of values for the rows of :meth:`_batch`, those of the rows that :meth:`forward` was given."""
        return rows

    def _centres(self, label: Tensor) -> Centres:
        """The centres that take part in this step."""
        return Centres(self.weight, self.bias, label)

    def materialize(self) -> None:
        """Create what depends on the process group; called once it exists, before the optimizer is built."""

    def attach(self, optimizer: Optimizer) -> None:
        """Learn which optimizer moves the centres; called once it is built."""

    def trainable_centres(self) -> nn.Parameter:
        """What the optimizer moves."""
        return self.weight

    def sharded_names(self) -> list[str]:
        """Names of parameters and buffers of which each process has its own part, and which so must not be averaged."""
        return []

    def centre_state(self, optimizer: Optimizer) -> dict[str, Tensor]:
        """The optimizer's state of each class as ``weight/<name>`` and ``bias/<name>``, rows as in these parameters."""
        return {
            f"{name}/{key}": value
            for name, parameter in (("weight", self.weight), ("bias", self.bias))
            if parameter is not None
            for key, value in optimizer.state.get(parameter, {}).items()
            if isinstance(value, Tensor) and value.shape == parameter.shape
        }

    def receive_centre_state(self, state: dict[str, Tensor]) -> None:
        """Take the optimizer's state of all classes, by name, where the optimizer itself holds but a sample of it."""

    @abstractmethod
    def _classify(self, head: Head, centres: Centres, batch: Batch) -> tuple[Tensor, Tensor]:
        """Loss and correctness of each row, each (N,)."""

    def _recall(self, head: Head, batch: Batch) -> Tensor:
        """Loss (N,) over the latest embedding of each class, which the batch's own then replace."""
        weight, loss = self.head.memory_weight(), torch.zeros_like(batch.norm)
        if weight:
            latest = self.memory.to(batch.feature.dtype, copy=True)  # as it is now: backward comes after the change
            loss = weight * self._classify(head, Centres(latest, None, self._place(batch.label)), batch)[0]
        else:  # several processes wait for a gradient of each parameter at every step
            loss = loss + sum(0.0 * p.sum() for p in head.parameters())
        if self.training:
            self._remember(batch)
        return loss

    @torch.no_grad()
    def _remember(self, batch: Batch) -> None:
        """Put the embeddings of all processes into the memory; of several of one class, the last one stays."""
        feature, label = self._of_all(batch.feature), self._of_all(batch.label)
        order = torch.arange(len(label), device=label.device)
        # Rows of one class all write the last one's embedding: the order of writing is not defined on a GPU.
        last = order.new_zeros(len(self.memory)).scatter_reduce_(0, label, order, "amax")[label]
        self.memory[label] = feature[last].to(self.memory.dtype)

    @torch.no_grad()
    def _advance(self, head: Head, row: Row, negative_lse: Tensor | None) -> None:
        """Let the head update its state from the facts of all processes, before they are used."""
        if type(head).advance is Head.advance:
            return
        facts = torch.stack([*row, row.norm if negative_lse is None else negative_lse], dim=1)
        cosine, norm, weight_norm, lse = self._of_all(facts).unbind(dim=1)
        head.advance(Row(cosine, norm, weight_norm), None if negative_lse is None else lse)

    def _of_all(self, rows: Tensor) -> Tensor:
        """Values of the rows of all processes, without gradient."""
        return gather_rows(rows)

    def _place(self, label: Tensor) -> Tensor:
        """Where classes (N,) stand among the rows of this process; -1: on another process."""
        return label

    def check(self, embedding: Tensor, label: Tensor) -> None:
        """Refuse a batch that does not fit this classifier; values are read on the CPU only (no device sync)."""
        self._check_shape(embedding)
        if label.dtype != torch.int64 or label.shape != embedding.shape[:1]:
            raise ValueError(
                f"label has dtype {label.dtype} and shape {tuple(label.shape)}; "
                f"expected int64 of shape ({embedding.shape[0]},)"
            )
        if label.device.type == "cpu" and label.numel():
            self._check_values(embedding.detach(), label)

    def _check_shape(self, embedding: Tensor) -> None:
        if embedding.ndim != 2 or embedding.shape[1] != self.embedding_dim:
            raise ValueError(f"embedding has shape {tuple(embedding.shape)}; expected (N, {self.embedding_dim})")

    def _check_values(self, embedding: Tensor, label: Tensor) -> None:
        low, high = int(label.min()), int(label.max())
        if not 0 <= low <= high < self.num_classes:
            raise ValueError(
                f"label has values in [{low}, {high}], outside [0, {self.num_classes}); "
                "num_classes must be the number of training identities"
            )
        self._check_lengths(embedding)

    @staticmethod
    def _check_lengths(embedding: Tensor) -> None:
        length = torch.linalg.vector_norm(embedding.float(), dim=1)
        for wrong, what, remedy in (
            (~torch.isfinite(length), "not finite", "lower optimizer.lr or set trainer.gradient_clip_val"),
            (length == 0, "zero, which has no direction", "the backbone's output has died; lower optimizer.lr"),
        ):
            if bool(wrong.any()):
                rows = wrong.nonzero().flatten().tolist()
                raise BadEmbeddingError(f"embedding is {what} in row(s) {rows[:10]} of {len(wrong)}; {remedy}")

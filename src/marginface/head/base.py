"""The contract of a margin head: how similarities become logits, without any class centres.

Shapes: N batch, C classes. For row i with label y, classifier and head share the words

    similarity_j = cos(theta_j)            if the head normalises the centres, else ||w_j|| cos(theta_j)
    logit_y      = scale * target(row) + offset
    logit_j      = scale * negative(similarity_j, row) + offset                               for j != y
    loss_i       = criterion(logits, y) + regularizer(norm_i)

which covers heads that change the target only (A-Softmax, CosFace, ArcFace, MagFace, AdaFace), heads whose negatives
depend on the target or are transformed element by element (CurricularFace, MV-Softmax, Circle loss), and heads that
are no softmax (SphereFace2, UniFace, P2SGrad: a separable criterion).
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

from marginface.head.criterion import Criterion, SoftmaxCrossEntropy


class Row(NamedTuple):
    """What a head knows of each sample before it sees the negatives; every field has shape (N,)."""

    cosine: Tensor  # cos(theta_y), between the embedding and its class centre
    norm: Tensor  # ||x||, length of the embedding
    weight_norm: Tensor  # ||w_y||, length of the class centre


class Head(nn.Module, ABC):
    """Base of all margin heads. A subclass defines :meth:`scale` and :meth:`target`; the rest has neutral defaults."""

    normalize_weight: bool = True  # False: similarities keep the length of the centres (softmax, L-Softmax)
    use_bias: bool = False  # True: the classifier adds one learnable bias per class to the logits
    num_centres: int = 1  # centres per class; the similarity of a class is the largest of its centres'
    needs_negatives: bool = False  # True: advance() receives the negatives' log-sum-exp (AdaCos)
    splits_gradient: bool = False  # True: target_for_weight() replaces target() in the gradient of the centres
    memory_head: "Head | None"  # a second loss, over the latest embedding of each class (UniTSFace)

    def __init__(self, criterion: Criterion | None = None) -> None:
        super().__init__()
        self.criterion: Criterion = SoftmaxCrossEntropy() if criterion is None else criterion
        self.memory_head = None

    @abstractmethod
    def scale(self, norm: Tensor) -> Tensor:
        """Factor between similarities and logits.

        Args:
            norm: (N,) lengths of the embeddings.

        Returns:
            (N,) or a scalar.
        """

    @abstractmethod
    def target(self, row: Row) -> Tensor:
        """Similarity of the target with its margin, in the unit of the similarities.

        Args:
            row: per-sample facts, each (N,).

        Returns:
            (N,) similarities.
        """

    def negative(self, similarity: Tensor, row: Row) -> Tensor:
        """Similarities of the other classes, transformed element by element; the identity for most heads.

        Args:
            similarity: (N, c) similarities of any c classes; the target's own entry is overwritten afterwards.
            row: per-sample facts, each (N,), as constants: no gradient flows through them.

        Returns:
            (N, c), each entry a function of its own similarity and its row.
        """
        return similarity

    @property
    def transforms_negatives(self) -> bool:
        """Whether :meth:`negative` is more than the identity."""
        return type(self).negative is not Head.negative

    def offset(self) -> Tensor | None:
        """One number, usually learned, added to the logits of all classes (SphereFace2, UniFace): a scalar, or None."""
        return None

    def target_for_weight(self, row: Row) -> Tensor:
        """The target as the class centres' gradient sees it, for heads with ``splits_gradient``.

        Args:
            row: per-sample facts, each (N,).

        Returns:
            (N,) similarities; only their derivative matters.
        """
        return self.target(row)

    def regularizer(self, norm: Tensor) -> Tensor | None:
        """Extra loss of each sample as a function of its embedding's length (MagFace).

        Args:
            norm: (N,) lengths of the embeddings.

        Returns:
            (N,) terms to add to the loss, or None.
        """
        return None

    def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
        """Update the state (annealing step, moving averages). Called once per training forward, before the logits.

        Args:
            row: detached facts of the batches of all processes, so that their states stay equal.
            negative_lse: likewise (N,) log-sum-exp of scale times similarity of the negatives, if ``needs_negatives``.
        """

    def memory_weight(self) -> float:
        """Weight of the loss over the memory; 0 as long as the memory is only filled."""
        return 1.0

    def bind(self, num_classes: int) -> None:
        """Learn the number of classes. Called once by the classifier; heads whose constants depend on C override it."""

    def set_run_length(self, num_forwards: int) -> None:
        """Learn how many training forwards the run will have, for schedules that are relative to it."""

    def extra_state_summary(self) -> dict[str, float]:
        """Values worth a line in the training log, by name (lambda, scale, moving averages)."""
        return {}


class CosineHead(Head, ABC):
    """A head that normalises the embeddings too: logits are similarities times a fixed scale.

    Args:
        scale: s > 0.
        criterion: None for the softmax.

    Raises:
        ValueError: if the scale is not positive.
    """

    def __init__(self, scale: float, criterion: Criterion | None = None) -> None:
        super().__init__(criterion)
        check_range(f"{type(self).__name__} scale", scale, 1e-6)
        self.logit_scale = float(scale)

    def scale(self, norm: Tensor) -> Tensor:
        """The scale s: a scalar."""
        return norm.new_full((), self.logit_scale)


def detached_slope(value: Tensor, cosine: Tensor) -> Tensor:
    """Forward ``value``, backward as if it were the plain cosine.

    Characteristic gradient detachment, SphereFace-R (TPAMI 2022, arXiv 2109.05565): the margin shapes the loss while
    the singular derivative of the margin function is replaced by one.

    Args:
        value: (N,) similarities with the margin.
        cosine: (N,) the cosines they came from.

    Returns:
        (N,) equal to ``value``.
    """
    return cosine + (value - cosine).detach()


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a value outside the choices with an error that names them all."""
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown; choose one of {', '.join(map(repr, choices))}")


def check_range(name: str, value: float, low: float, high: float = float("inf")) -> None:
    """Refuse a number outside [low, high] with an error that names the range."""
    if not low <= value <= high:
        raise ValueError(f"{name}={value} is outside [{low}, {high}]; choose a value inside it")


def check_margin_grad(owner: str, value: str | bool, more: tuple[str, ...] = ()) -> str:
    """The word that says how a margin is differentiated; YAML reads a bare ``true`` as a boolean."""
    word = str(value).lower()
    check_choice(f"{owner} margin_grad", word, ("true", "detached", *more))
    return word

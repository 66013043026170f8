"""The fast form: classes in chunks, no N x C autograd graph, margins on N numbers.

Shapes: N batch, D embedding, C classes, K centres per class.
"""

from functools import partial

import torch
from torch import Tensor

from marginface.classifier.base import Batch, Centres, Classifier
from marginface.classifier.chunks import Passes, Plan
from marginface.classifier.reduction import Reduced, Target, find_target, reduce_negatives
from marginface.classifier.share import is_general
from marginface.classifier.workspace import Workspace
from marginface.head.base import Head, Row, check_choice
from marginface.head.criterion import Separable, SoftmaxCrossEntropy

# Classes per chunk. On a CPU the products run faster on larger chunks, as far as memory allows: with several
# temporaries of a chunk's size; with one, where little memory is to be used; with one beside the buffer of all classes.
SMALL_CHUNK, MIDDLE_CHUNK, LARGE_CHUNK = 4096, 8192, 32768
LARGE_MATRIX = 2**24  # entries that a chunk may have on a GPU


class FusedClassifier(Classifier):
    """Same loss and gradients as the dense classifier, at a fraction of its time and memory; differentiable once.

    Args:
        head: the formulas.
        num_classes: C >= 2.
        embedding_dim: D.
        init_std: standard deviation of the Gaussian initial centres; None makes their lengths about one.
        mode: ``keep`` holds one N x C buffer until backward (3 GEMMs); ``recompute`` holds one chunk (4 GEMMs).
        gemm_dtype: of the matrix products' inputs: ``float32`` (float64 for float64 embeddings), ``bfloat16``, or
            ``auto``: bfloat16 under autocast, else as ``float32``. Everything else is at least fp32.
        chunk_size: classes per chunk; None for a size that suits the device.
        compile: put the elementwise passes that gain by it through ``torch.compile``.

    Raises:
        ValueError: if an argument is out of its range, or the head's loss cannot be computed in chunks of classes.
    """

    def __init__(
        self,
        head: Head,
        num_classes: int,
        embedding_dim: int,
        init_std: float | None = None,
        mode: str = "keep",
        gemm_dtype: str = "auto",
        chunk_size: int | None = None,
        compile: bool = False,
    ) -> None:
        check_choice("mode", mode, ("keep", "recompute"))
        check_choice("gemm_dtype", gemm_dtype, ("auto", "float32", "bfloat16"))
        if chunk_size is not None and chunk_size < 1:
            raise ValueError(f"chunk_size={chunk_size} is less than 1; it is a number of classes, or null")
        for part in (head, head.memory_head):
            refuse_what_has_no_chunks(part)
        super().__init__(head, num_classes, embedding_dim, init_std)
        self.mode, self.gemm_dtype, self.chunk_size = mode, gemm_dtype, chunk_size
        self._passes = Passes.compiled() if compile else Passes()
        self._workspaces = {"head": Workspace(), "memory": Workspace()}

    def _classify(self, head: Head, centres: Centres, batch: Batch) -> tuple[Tensor, Tensor]:
        feature, norm, _ = batch
        target = find_target(head, feature, centres.weight, centres.label)
        facts = Row(target.cosine, norm.detach(), target.length)
        reduce = partial(self._reduce, head, centres, batch, facts, target)
        if self.training:
            self._advance(head, facts, reduce(plain=True).value.detach() if head.needs_negatives else None)
        return finish(head, batch, reduce(), None if centres.bias is None else centres.bias[centres.label])

    def _reduce(
        self, head: Head, centres: Centres, batch: Batch, facts: Row, target: Target, plain: bool = False
    ) -> Reduced:
        """Negatives of each row; ``plain``: as they are, in a softmax, whatever the head does with them."""
        scale, plan = self._scale(head, batch.norm), self.plan(head, batch.feature)
        if plain:
            with torch.no_grad():
                plan = plan._replace(head=Similarities(head))
                return reduce_negatives(plan, batch.feature, centres.weight, None, scale, None, facts, target)
        offset = self._offset(head)
        return reduce_negatives(plan, batch.feature, centres.weight, centres.bias, scale, offset, facts, target)

    def _scale(self, head: Head, norm: Tensor) -> Tensor:
        """Scale (N,) of the negatives."""
        return head.scale(norm).expand_as(norm)

    def _offset(self, head: Head) -> Tensor | None:
        """Offset of the negatives."""
        return head.offset()

    def plan(self, head: Head, feature: Tensor) -> Plan:
        """How this classifier executes a reduction over unit embeddings (N, D)."""
        workspace = self._workspaces["head" if head is self.head else "memory"]
        keep = self.mode == "keep" and torch.is_grad_enabled()
        plan = Plan(head, 1, keep, self._dtype(feature), workspace, self._passes)
        return plan._replace(chunk_size=self.chunk_size or _chunk_size(plan, feature))

    def _dtype(self, feature: Tensor) -> torch.dtype:
        low = self.gemm_dtype == "bfloat16" or (self.gemm_dtype == "auto" and self.under_autocast)
        return torch.bfloat16 if low else feature.dtype


def _chunk_size(plan: Plan, feature: Tensor) -> int:
    """Classes per chunk that suit the device."""
    if feature.device.type != "cpu":
        return max(1, min(LARGE_CHUNK, LARGE_MATRIX // max(1, len(feature))))
    if not plan.keeps_shape:
        return SMALL_CHUNK
    return LARGE_CHUNK if plan.keep else MIDDLE_CHUNK


class Similarities(Head):
    """The similarities of another head, as they are."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.normalize_weight, self.num_centres = head.normalize_weight, head.num_centres

    def scale(self, norm: Tensor) -> Tensor:
        """One: (N,)."""
        return torch.ones_like(norm)

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y)``, or ``||w_y|| cos(theta_y)``: (N,)."""
        return row.cosine if self.normalize_weight else row.weight_norm * row.cosine


def refuse_what_has_no_chunks(head: Head | None) -> None:
    """Refuse a head whose loss cannot be computed over parts of the classes.

    Raises:
        ValueError: naming the head and the remedy.
    """
    if head is None:
        return
    name, criterion = type(head).__name__, head.criterion
    if not isinstance(criterion, SoftmaxCrossEntropy | Separable):
        raise ValueError(
            f"criterion={type(criterion).__name__} of {name} is unknown to this classifier, which reduces a "
            "SoftmaxCrossEntropy or a Separable in chunks of classes; use classifier=dense"
        )
    if head.use_bias and (head.normalize_weight or head.num_centres > 1 or is_general(head)):
        raise ValueError(f"use_bias=True of {name} goes with plain inner products only here; use classifier=dense")


def finish(head: Head, batch: Batch, reduced: Reduced, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """Join the targets to the reduced negatives.

    Args:
        head: the formulas.
        batch: of which the norms and the number of rows count.
        reduced: negatives and targets' cosines of each row.
        bias: (N,) of the targets, or None.

    Returns:
        Loss and correctness of each row, each (N,).
    """
    norm, scale, offset = batch.norm, head.scale(batch.norm), head.offset()
    row = Row(reduced.cosine, norm, reduced.length)
    if head.splits_gradient:
        for_weight = head.target_for_weight(Row(reduced.cosine_for_weight, norm.detach(), reduced.length))
        similarity = head.target(row) + (for_weight - for_weight.detach())
    else:
        both = reduced.cosine + (reduced.cosine_for_weight - reduced.cosine_for_weight.detach())
        similarity = head.target(row._replace(cosine=both))
    plain = reduced.cosine if head.normalize_weight else reduced.cosine * reduced.length
    logit = scale * similarity
    own = plain if head.transforms_negatives else scale * plain
    for extra in (bias, offset):
        if extra is not None:
            logit = logit + extra
            own = own if head.transforms_negatives else own + extra
    loss, regularizer = head.criterion.join(logit, reduced.value), head.regularizer(norm)
    return loss if regularizer is None else loss + regularizer, (own > reduced.best).detach()

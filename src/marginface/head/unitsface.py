"""UniTSFace: a margin softmax over the class centres, plus a unified loss over the latest embedding of each class."""

import torch
from torch import Tensor

from marginface.head.base import CosineHead, Row, check_range
from marginface.head.uniface import UniFace


class SampleToSample(UniFace):
    """The unified loss between a sample and the latest embeddings of all classes; b follows from the first of them.

    As long as b is not positive, it is the mean over the batch of the log-sum-exp of the negatives' ``s cos(theta_j)``.

    Source: UniTSFace, NeurIPS 2023, the USS loss; the start of b: the authors' code.
    """

    needs_negatives = True

    def bind(self, num_classes: int) -> None:
        """Leave b at 0: the number of classes plays no part."""

    @torch.no_grad()
    def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
        """Choose b while it is not positive."""
        assert negative_lse is not None  # needs_negatives
        self.bias.copy_(torch.where(self.bias > 0, self.bias, negative_lse.mean().to(self.bias.dtype)))


class UniTSFace(CosineHead):
    """``z_y = s (cos(theta_y) - m)`` over the class centres, plus :class:`SampleToSample` over the memory.

    The memory is only filled during the first forwards of a run, in the published recipe for one epoch of 28; then
    both losses are added.

    Source: UniTSFace, NeurIPS 2023 (Li et al., Unified Threshold Integrated Sample-to-Sample Loss for Face
    Recognition); which loss is used over the centres: the authors' code.

    Args:
        scale: s > 0, of both losses.
        margin: m in [0, 1], of the softmax over the centres.
        memory_margin: margin in [0, 1] of the loss over the memory.
        fill: how long the memory is only filled; below 1 a fraction of the run, otherwise a number of forwards.
        clip: clip the logits over the memory to [-s, s], as the authors' code does.

    Raises:
        ValueError: if an argument is out of its range.
    """

    memory_head: SampleToSample

    def __init__(
        self,
        scale: float = 64.0,
        margin: float = 0.4,
        memory_margin: float = 0.1,
        fill: float = 0.0357,
        clip: bool = True,
    ) -> None:
        super().__init__(scale)
        check_range("UniTSFace margin", margin, 0.0, 1.0)
        check_range("UniTSFace memory_margin", memory_margin, 0.0, 1.0)
        check_range("UniTSFace fill", fill, 0.0)
        self.margin, self.fill = float(margin), float(fill)
        self.memory_head = SampleToSample(scale, memory_margin, clip=clip)
        # Python numbers, not buffers: whether the memory is used is decided without waiting for the GPU.
        self._forwards = 0
        self._fill_length = int(fill) if fill == 0 or fill >= 1 else -1  # -1: not known yet

    def set_run_length(self, num_forwards: int) -> None:
        """Choose how many forwards only fill the memory, if that is a fraction of the run."""
        if 0 < self.fill < 1:
            self._fill_length = max(1, round(self.fill * num_forwards))

    def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
        """Count one training forward."""
        self._forwards += 1

    def memory_weight(self) -> float:
        """0 while the memory is only filled, then 1."""
        if self._fill_length < 0:
            raise RuntimeError(
                f"UniTSFace fill={self.fill} is relative to the run, but the run's length is unknown; call "
                "set_run_length(num_forwards) (the recognizer does it when it trains) or give a number of forwards"
            )
        return float(self._forwards > self._fill_length)

    def target(self, row: Row) -> Tensor:
        """``cos(theta_y) - m``: (N,)."""
        return row.cosine - self.margin

    def get_extra_state(self) -> Tensor:
        """Forwards so far, and how many of them only fill the memory."""
        return torch.tensor([self._forwards, self._fill_length])

    def set_extra_state(self, state: Tensor) -> None:
        """Go on where another run stopped."""
        self._forwards, self._fill_length = (int(number) for number in state.tolist())

    def extra_state_summary(self) -> dict[str, float]:
        """The weight of the loss over the memory, and its threshold on the cosine."""
        return {"memory_weight": self.memory_weight(), **self.memory_head.extra_state_summary()}

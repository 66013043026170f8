"""Which images make up the batches of each process."""

from marginface.data.sampler.balanced import BalancedSampler
from marginface.data.sampler.base import BatchRequest, BatchSampler
from marginface.data.sampler.pk import PKSampler
from marginface.data.sampler.sequential import SequentialSampler
from marginface.data.sampler.weighted import WeightedSampler

__all__ = ["BalancedSampler", "BatchRequest", "BatchSampler", "PKSampler", "SequentialSampler", "WeightedSampler"]

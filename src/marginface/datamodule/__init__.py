"""What feeds the models: Lightning data modules."""

from marginface.datamodule.benchmarks import BenchmarkDataModule
from marginface.datamodule.faces import HELDOUT, FaceDataModule, generate_missing

__all__ = ["HELDOUT", "BenchmarkDataModule", "FaceDataModule", "generate_missing"]

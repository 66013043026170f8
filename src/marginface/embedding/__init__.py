"""Embeddings of a set of images: in memory, on disk, and whose they are."""

from marginface.embedding.embeddings import FLIPS, Embeddings, UnitRows, not_finite
from marginface.embedding.fingerprint import fingerprint
from marginface.embedding.store import EmbeddingStore, StoreError

__all__ = ["FLIPS", "EmbeddingStore", "Embeddings", "StoreError", "UnitRows", "fingerprint", "not_finite"]

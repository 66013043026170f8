"""What every benchmark offers to whoever runs it.

Shapes: N images, D embedding.
"""

from abc import ABC, abstractmethod

from torchmetrics import Metric

from marginface.benchmark.gathered import GatheredEmbeddings
from marginface.data.image_set import ImageSet
from marginface.embedding import Embeddings
from marginface.outcome import Outcome


class Benchmark(ABC):
    """Images to embed, and the protocol that judges their embeddings.

    A runner loads each image once, embeds it plain and mirrored, and hands all embeddings to :meth:`evaluate`. Under
    several processes every one of them calls it with the same embeddings and gets the same outcome; the matching
    functions share the work among them. It is pickled where workers are spawned.
    """

    @property
    @abstractmethod
    def images(self) -> ImageSet:
        """Distinct images; an image's place here is its index, and its row among the embeddings.

        Raises:
            DataError: The data are missing or damaged; says where they come from and what layout is expected.
        """

    @abstractmethod
    def evaluate(self, embeddings: Embeddings) -> Outcome:
        """Judge the embeddings of all :attr:`images`.

        Raises:
            ValueError: The embeddings do not suit the benchmark.
        """

    def check(self) -> None:  # noqa: B027 - most have nothing to check that reading the lists does not
        """Refuse settings and lists that give no outcome, before anything is embedded."""

    def require_truth(self) -> None:  # noqa: B027 - most have it in their lists
        """Refuse to score without the truth that :meth:`evaluate` needs; embeddings can be exported all the same.

        Raises:
            DataError: There is none.
        """

    def metric(self) -> Metric:
        """The same as a metric, for use while training, where embeddings are not worth keeping.

        ``update(index (N,) int64, embedding (N, D), flipped (N, D))``; ``compute()`` returns the figures.
        """
        return GatheredEmbeddings(len(self.images), self.evaluate)


class FeatureFiles(ABC):
    """A benchmark whose own organisers exchange embeddings as files."""

    @abstractmethod
    def read_features(self, path: str) -> Embeddings:
        """Embeddings of all images, from files at ``path`` in the benchmark's own format.

        Raises:
            DataError: Files are missing or damaged, or of another dimension.
        """

    @abstractmethod
    def write_features(self, embeddings: Embeddings, path: str) -> None:
        """Write the embeddings to ``path`` in the benchmark's own format."""

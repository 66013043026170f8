"""Where a data set comes from, for the message that it is not there."""

from dataclasses import dataclass
from pathlib import Path

from marginface.data.errors import DataNotFoundError
from marginface.data.found import found


@dataclass(frozen=True)
class Origin:
    """A data set that its users have to get themselves.

    Args:
        name: Of the data set.
        source: Its paper, and who gives it away.
        layout: Files and folders that are expected.
    """

    name: str
    source: str
    layout: str

    def absent(self, path: Path, what: str) -> DataNotFoundError:
        """The error that something is not there.

        Args:
            path: The folder that was given, or a file; of one that is not there, its folder is shown.
            what: What is wrong with it.
        """
        return DataNotFoundError(
            f"{what}. Nothing is downloaded for you: {self.name} comes from {self.source}. "
            f"Expected {self.layout}. What is there: {found(path if path.is_dir() else path.parent)}"
        )

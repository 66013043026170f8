"""From which values on an audit takes note of something."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AuditSettings:
    """Cosines and limits of an audit; good values depend on how well the model tells people apart.

    With a MobileFaceNet and 4,982 faces of LFW, looking at the pictures supported 12 of 15 images listed as label noise
    at ``other_margin=0.15``, and 13 of 25 at 0.1.

    Args:
        own_cosine: An image below this cosine with the centre of its class (made without it) is label noise.
        other_margin: So is one whose cosine with another class's centre exceeds that of its own by this much.
        near_duplicate: Two images at or above this cosine count as the same picture.
        same_identity: Two classes whose centres reach this cosine may be one person.
        benchmark_overlap: A class whose centre reaches this cosine with an image of a benchmark shows that person.
        num_pairs: Most pairs that each comparison of all with all keeps.
        near_classes: Near duplicates are sought within each class and between it and so many classes whose centres are
            nearest, which is quicker by far in a large set; None compares all images with all.

    Raises:
        ValueError: A value outside its range.
    """

    own_cosine: float = 0.2
    other_margin: float = 0.15
    near_duplicate: float = 0.95
    same_identity: float = 0.7
    benchmark_overlap: float = 0.7
    num_pairs: int = 10_000
    near_classes: int | None = None

    def __post_init__(self) -> None:
        for name in ("own_cosine", "near_duplicate", "same_identity", "benchmark_overlap"):
            if not -1 <= getattr(self, name) <= 1:  # false for NaN too
                raise ValueError(f"{name}={getattr(self, name)} is no cosine: choose -1 to 1")
        if not 0 <= self.other_margin <= 2:
            raise ValueError(f"other_margin={self.other_margin} is no difference of cosines: choose 0 to 2")
        if self.num_pairs < 1:
            raise ValueError(f"num_pairs={self.num_pairs} keeps no pair: choose 1 or more")
        if self.near_classes is not None and self.near_classes < 1:
            raise ValueError(f"near_classes={self.near_classes} is no number of classes: choose 1 or more, or null")

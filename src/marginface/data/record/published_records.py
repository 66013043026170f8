"""A public face pack, compared with the numbers that its makers state."""

import logging
from pathlib import Path

from marginface.data.record.face_records import FaceRecords

log = logging.getLogger(__name__)


def published_records(
    root: Path | str, num_classes: int | None = None, num_images: int | None = None, name: str = "train"
) -> FaceRecords:
    """Open a pack; warn if it holds other numbers than the set that it is taken for.

    Cleaned or partial copies of public sets are common, thus a warning, and training goes on.

    Args:
        root: Folder of the pack.
        num_classes: Identities that the makers state; None if unknown.
        num_images: Images that the makers state; None if unknown.
        name: Name of the pack.

    Raises:
        What :class:`FaceRecords` raises.
    """
    records = FaceRecords(root, name)
    for what, stated, here in (
        ("num_classes", num_classes, records.num_classes),
        ("num_images", num_images, len(records)),
    ):
        if stated is not None and stated != here:
            log.warning(
                "%s=%s is stated of this set, but %s holds %s: is it another pack, or a part of it? data=records opens "
                "any pack; data.source.%s=%s states that this one is meant",
                *(what, stated, root, here, what, here),
            )
    return records

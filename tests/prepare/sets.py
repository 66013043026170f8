"""Small sets to prepare, and what they hold."""

from pathlib import Path

import numpy as np


def photo(seed: int, height: int = 112, width: int = 112) -> np.ndarray:
    """Smooth colours, so that a JPEG stays close to them."""
    coarse = np.random.default_rng(seed).integers(40, 215, (4, 4, 3)).astype(np.float64)
    rows = np.linspace(0, 3, height)[:, None]
    columns = np.linspace(0, 3, width)[None]
    top, left = np.minimum(rows.astype(int), 2), np.minimum(columns.astype(int), 2)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    upper = coarse[top, left] * (1 - right) + coarse[top, left + 1] * right
    lower = coarse[top + 1, left] * (1 - right) + coarse[top + 1, left + 1] * right
    return (upper * (1 - down) + lower * down).round().astype(np.uint8)


def files(folder: Path) -> dict[str, bytes]:
    """Content of all files below a folder, but for what tells about the step that made it."""
    tells = {"card.json", "identities.csv"}
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in tells)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}

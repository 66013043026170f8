"""Synthetic faces in the layout of CK+: expressions that rise from the neutral face to their peak.

Shapes: H x W pixels.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from marginface.data.ck_plus_sequences import EXPRESSIONS, IMAGES, LABELS

_SIZE, _CELL = 112, 16  # pixels of a side, and of a cell of a pattern


def write_ck_plus(
    root: Path | str,
    num_subjects: int = 20,
    num_sequences: int = 4,
    num_frames: tuple[int, int] = (4, 6),
    seed: int = 0,
) -> None:
    """Write ``cohn-kanade-images/S005/001/S005_001_00000001.png``, ``Emotion/S005/001/S005_001_00000004_emotion.txt``.

    As in CK+, subject numbers have gaps, most images are grey, some are in colour, and some sequences have no label
    (an empty folder). A label names the last frame and holds one number in the authors' format. Faces are noise over a
    subject's pattern, and over one of the expression that grows from frame to frame.

    Args:
        root: Folder to write into; made if need be.
        num_subjects: Labelled subjects, at most 300.
        num_sequences: Labelled sequences of each; one subject in three has one more without a label.
        num_frames: The least and the largest number of frames of a sequence.
        seed: The same seed gives the same files.

    Raises:
        ValueError: More subjects than there are numbers for.
    """
    if not 1 <= num_subjects <= 300:
        raise ValueError(f"num_subjects={num_subjects} is outside [1, 300]")
    rng = np.random.default_rng(seed)
    patterns = rng.uniform(-60, 60, (len(EXPRESSIONS), _SIZE // _CELL, _SIZE // _CELL))
    for number in range(num_subjects):
        subject, face = f"S{5 + 3 * number:03d}", rng.uniform(-25, 25, patterns.shape[1:])
        for sequence in range(1, num_sequences + 1 + (number % 3 == 0)):
            expression = (number * num_sequences + sequence - 1) % len(EXPRESSIONS)
            count = int(rng.integers(num_frames[0], num_frames[1] + 1))
            folder = Path(subject, f"{sequence:03d}")
            name = "_".join(folder.parts)
            _write_frames(Path(root, IMAGES, folder), name, face, patterns[expression], count, rng, number % 4 == 3)
            labels = Path(root, LABELS, folder)
            labels.mkdir(parents=True, exist_ok=True)
            if sequence <= num_sequences:
                (labels / f"{name}_{count:08d}_emotion.txt").write_bytes(f"{expression + 1:16.7e}\n".encode())


def _write_frames(
    folder: Path,
    name: str,
    face: NDArray[np.float64],
    expression: NDArray[np.float64],
    count: int,
    rng: np.random.Generator,
    colour: bool,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for frame in range(count):
        strength = (frame / (count - 1)) ** 0.5 if count > 1 else 1.0
        cells = 128 + face + strength * expression
        pixels = cells.repeat(_CELL, 0).repeat(_CELL, 1)
        if colour:
            pixels = np.stack([pixels - 10, pixels, pixels + 10], axis=2)
        noisy = np.clip(pixels + rng.normal(0, 10, pixels.shape), 0, 255).astype(np.uint8)
        done, encoded = cv2.imencode(".png", noisy)
        assert done
        (folder / f"{name}_{frame + 1:08d}.png").write_bytes(encoded.tobytes())

"""Synthetic videos in the layout of YouTube Faces."""

from pathlib import Path

from marginface.data.synthetic import SyntheticFaces

_HEADER = "split number, pair number, first name, second name, is same"
_FIRST_FRAME = 98  # numbers are not padded: frame 100 comes after 99, though not in the order of the names


def write_ytf(root: Path | str, num_folds: int = 10, frames_per_video: int = 3, seed: int = 0) -> None:
    """Write ``splits.txt`` and ``aligned_images_DB/<person>/<video>/aligned_detect_<video>.<frame>.jpg``.

    Every fold has two people of its own with two videos each: two genuine and two impostor pairs.

    Args:
        root: Folder to write to; made if missing.
        num_folds: Splits of the list.
        frames_per_video: Frames of every video.
        seed: Seed of the faces.
    """
    root = Path(root)
    faces = SyntheticFaces(2 * num_folds, 2 * frames_per_video, seed)
    for index, label in enumerate(faces.labels.tolist()):
        video, frame = divmod(index % (2 * frames_per_video), frames_per_video)
        folder = root / "aligned_images_DB" / _person(label) / str(video)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"aligned_detect_{video}.{_FIRST_FRAME + frame}.jpg").write_bytes(faces.read(index))
    rows = [_HEADER]
    for fold in range(num_folds):
        one, other = _person(2 * fold), _person(2 * fold + 1)
        pairs = [(f"{p}/0", f"{p}/1", 1) for p in (one, other)] + [(f"{one}/{v}", f"{other}/{v}", 0) for v in (0, 1)]
        rows += [f"{fold + 1}, {n}, {a}, {b}, {same}" for n, (a, b, same) in enumerate(pairs, start=1)]
    (root / "splits.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _person(number: int) -> str:
    return f"Person_{number:03d}"

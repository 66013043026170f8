"""Synthetic faces in a gallery and a probe folder, as one's own images may lie."""

from pathlib import Path

from marginface.data.synthetic import SyntheticFaces

_NUM_GALLERY, _NUM_PROBE = 2, 2  # images of a person


def write_own_gallery(root: Path | str, num_people: int = 6, num_absent: int = 5, seed: int = 0) -> None:
    """Write ``gallery/<person>/<number>.jpg`` and ``probe/<person>/<number>.jpg``, two images of a person in each.

    Args:
        root: Folder to write to; made if missing.
        num_people: People in the gallery and among the probes.
        num_absent: People among the probes only; with none the set is closed.
        seed: Seed of the faces.
    """
    faces = SyntheticFaces(num_people + num_absent, _NUM_GALLERY + _NUM_PROBE, seed)
    for index, label in enumerate(faces.labels.tolist()):
        number = index % (_NUM_GALLERY + _NUM_PROBE)
        part = "gallery" if number < _NUM_GALLERY else "probe"
        if part == "probe" or label < num_people:
            folder = Path(root) / part / f"person_{label:03d}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}.jpg").write_bytes(faces.read(index))

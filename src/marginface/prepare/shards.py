"""Writer of WebDataset shards: tar files with `<key>.jpg` and its label in `<key>.cls`."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from marginface.prepare.sample import Sample, image_suffix, key_width


def write_shards(
    folder: Path, samples: Iterable[Sample], num_samples: int, images_per_shard: int = 10_000
) -> list[Path]:
    """Write `faces-000000.tar`, `faces-000001.tar`, ...; the same samples always give the same bytes.

    Args:
        folder: Where to write.
        samples: All images, in the order to store them; their numbers become the keys.
        num_samples: Largest number; keys get the width that it needs.
        images_per_shard: Images of each shard but the last.

    Returns:
        The shards.
    """
    if images_per_shard < 1:
        raise ValueError(f"images_per_shard={images_per_shard}: pass 1 or more")
    width = key_width(num_samples)
    paths: list[Path] = []
    tar: tarfile.TarFile | None = None
    try:
        for count, sample in enumerate(samples):
            if count % images_per_shard == 0:
                if tar is not None:
                    tar.close()
                paths.append(folder / f"faces-{len(paths):06d}.tar")
                tar = tarfile.open(paths[-1], "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 closed below
            assert tar is not None
            key = f"{sample.number:0{width}d}"
            _add(tar, key + image_suffix(sample.image, key), sample.image)
            _add(tar, f"{key}.cls", str(sample.label).encode())
    finally:
        if tar is not None:
            tar.close()
    return paths


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))

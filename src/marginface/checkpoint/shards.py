"""Class centres in safetensors files, one per process, to be read again by any number of processes.

A folder holds ``centres-00000-of-00004.safetensors`` and so on. Each file has the tensors of one range of classes, rows
of one class side by side, and says in its header which classes they are.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

NAME = re.compile(r"centres-(\d{5})-of-(\d{5})\.safetensors")


class Shard(NamedTuple):
    """Tensors of the classes [first, first + num_classes) by name."""

    first: int
    num_classes: int
    tensors: Mapping[str, Tensor]


def write_shard(folder: Path, rank: int, world_size: int, shard: Shard) -> None:
    """Write one process's file, down to the disk.

    Raises:
        OSError: if it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"centres-{rank:05d}-of-{world_size:05d}.safetensors"
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in shard.tensors.items()}
    try:
        save_file(tensors, path, {"first": str(shard.first), "count": str(shard.num_classes)})
    except OSError:
        raise
    except Exception as error:  # safetensors has an error of its own for a failed write
        raise OSError(str(error)) from error
    with path.open("rb+") as file:
        os.fsync(file.fileno())


class ShardFolder:
    """The files of a folder, as one range of classes.

    Args:
        folder: where they lie.

    Raises:
        ValueError: if a file is missing, or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[tuple[int, int, Path]] = [self._range(path) for path in self._paths()]
        self.num_classes = sum(count for _, count, _ in self.files)

    def _paths(self) -> list[Path]:
        found = {path.name: path for path in self.folder.glob("*.safetensors")} if self.folder.is_dir() else {}
        matches = [match for name in found if (match := NAME.fullmatch(name))]
        if not matches:
            raise ValueError(
                f"class centres: no centres-*.safetensors in {self.folder}; copy it along with its checkpoint"
            )
        total = int(matches[0][2])
        expected = [f"centres-{rank:05d}-of-{total:05d}.safetensors" for rank in range(total)]
        missing = [name for name in expected if name not in found]
        if missing:
            raise ValueError(
                f"class centres: {self.folder} lacks {', '.join(missing)} of {total} files; copy the missing ones from "
                "the machines that wrote them, or resume from another checkpoint"
            )
        return [found[name] for name in expected]

    @staticmethod
    def _range(path: Path) -> tuple[int, int, Path]:
        try:
            with safe_open(path, "pt") as file:
                header = file.metadata() or {}
                return int(header["first"]), int(header["count"]), path
        except Exception as error:
            raise ValueError(f"class centres: {path} cannot be read ({error}); it is damaged") from error

    def names(self) -> list[str]:
        """Names of the tensors."""
        with safe_open(self.files[0][2], "pt") as file:
            return list(file.keys())

    def read(self, name: str, first: int, count: int) -> Tensor:
        """Rows of the classes [first, first + count) of one tensor."""
        parts = []
        for start, size, path in self.files:
            a, b = max(first, start), min(first + count, start + size)
            with safe_open(path, "pt") as file:
                rows = file.get_slice(name)
                per_class = rows.get_shape()[0] // size if size else 0
                parts.append(rows[max(0, a - start) * per_class : max(0, b - start, a - start) * per_class])
        return torch.cat(parts)

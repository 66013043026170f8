"""`src/preview.py`: a picture of what the network will see."""

import os
from pathlib import Path

import cv2
import numpy as np
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import Tensor
from torchvision.utils import make_grid

from marginface.data.sampler.base import BatchRequest, derive_seed
from marginface.datamodule import FaceDataModule
from marginface.engine.settings import quieten, refuse_unknown, refuse_unset

PREVIEW_KEYS = {"seed", "num_images", "num_draws", "out", "run_dir", "data", "augment"}
_GAP = 2  # white pixels between images


def preview(cfg: DictConfig) -> Path:
    """Write ``preview.png``: training images, decoded and augmented as training does it, several draws of each.

    Args:
        cfg: as composed from ``conf/preview.yaml``.

    Returns:
        The picture: a row an image, a column a draw.

    Raises:
        ValueError: if a key is unknown or left unset, a number is below 1, more images are asked for than there are, or
            ``out`` is no folder.
    """
    refuse_unknown(cfg, PREVIEW_KEYS)
    refuse_unset(cfg.data)
    for key in ("num_images", "num_draws"):
        if cfg[key] < 1:
            raise ValueError(f"{key}={cfg[key]} is less than 1")
    folder = Path(cfg.out)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"out={folder} is a file: name the folder that preview.png is to go to")
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    quieten()
    draws = _draws(cfg)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "preview.png"
    # (M, N, 3, H, W) to one row an image
    grid = make_grid(draws.transpose(0, 1).flatten(0, 1), nrow=len(draws), padding=_GAP, pad_value=255)
    done, png = cv2.imencode(".png", grid.flip(0).permute(1, 2, 0).contiguous().numpy())  # OpenCV takes blue first
    assert done
    path.write_bytes(png.tobytes())
    return path


def _draws(cfg: DictConfig) -> Tensor:
    """(M, N, 3, H, W) uint8: the same N images with M seeds of the augmentation."""
    # The loader's order does not matter, its data set does; one image a batch: no set is too small for that.
    data: FaceDataModule = instantiate(cfg.data, num_workers=0, batch_size=1, sampler=None)
    num_samples = len(data.train_indices)
    if cfg.num_images > num_samples:
        raise ValueError(f"num_images={cfg.num_images} is more than the {num_samples} training images: ask for fewer")
    dataset = data.train_dataloader().dataset
    chosen = np.sort(np.random.default_rng(cfg.seed).choice(num_samples, cfg.num_images, replace=False))
    seeds = [derive_seed(cfg.seed, draw) for draw in range(cfg.num_draws)]
    return torch.stack([dataset[BatchRequest(chosen, seed)]["image"] for seed in seeds])

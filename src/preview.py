"""Entry point: `python src/preview.py [overrides]` draws the augmented images that the network will see."""

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="../conf", config_name="preview")
def main(cfg: DictConfig) -> None:
    """Import the engine only now: `--help` and `--cfg job` answer without torch."""
    from marginface.engine.previewing import preview

    path = preview(cfg)
    print(f"{cfg.num_images} images x {cfg.num_draws} draws, seed {cfg.seed}: {path}")


if __name__ == "__main__":
    main()

"""Entry point: `python src/train.py [overrides]`."""

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="../conf", config_name="train")
def main(cfg: DictConfig) -> float | None:
    """Import the engine only now: `--help` and `--cfg job` answer without torch."""
    from marginface.engine.training import train

    return train(cfg)


if __name__ == "__main__":
    main()

"""Entry point: `python src/prepare.py step=STEP root=... out=...` aligns, packs, unpacks, converts faces."""

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="../conf", config_name="prepare")
def main(cfg: DictConfig) -> None:
    """Import the engine only now: `--help` and `--cfg job` answer without torch."""
    from marginface.engine.preparation import prepare_data

    prepare_data(cfg)


if __name__ == "__main__":
    main()

"""Entry point: `python src/report.py results=[FOLDER,FOLDER]` puts evaluations side by side on one page."""

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="../conf", config_name="report")
def main(cfg: DictConfig) -> None:
    """Import the engine only now: `--help` and `--cfg job` answer without torch."""
    from marginface.engine.reporting import compare

    compare(cfg)


if __name__ == "__main__":
    main()

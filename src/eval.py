"""Entry point: `python src/eval.py [overrides]`."""

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="../conf", config_name="eval")
def main(cfg: DictConfig) -> None:
    """Import the engine only now: `--help` and `--cfg job` answer without torch."""
    from marginface.engine.evaluation import evaluate

    evaluate(cfg)


if __name__ == "__main__":
    main()

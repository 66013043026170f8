"""Entry point: `python src/audit.py ckpt=PATH [overrides]` lists what is wrong with a training set."""

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="../conf", config_name="audit")
def main(cfg: DictConfig) -> None:
    """Import the engine only now: `--help` and `--cfg job` answer without torch."""
    from marginface.engine.auditing import audit

    audit(cfg)


if __name__ == "__main__":
    main()

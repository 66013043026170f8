"""Entry point: `python src/synthesize.py [overrides]` draws the synthetic faces of `conf/data/synthetic.yaml`."""

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="../conf", config_name="synthesize")
def main(cfg: DictConfig) -> None:
    """Write the data set; packages are imported only now, so that `--help` and `--cfg job` need none."""
    hydra.utils.instantiate(cfg.data.generate)(root=cfg.data.root)
    print(f"synthetic faces are in {cfg.data.root}")


if __name__ == "__main__":
    main()

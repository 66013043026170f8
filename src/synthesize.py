"""Entry point: `python src/synthesize.py [make=photos] [overrides]` draws faces of people who do not exist."""

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="../conf", config_name="synthesize")
def main(cfg: DictConfig) -> None:
    """Write the data set; packages are imported only now, so that `--help` and `--cfg job` need none."""
    made = {"faces": cfg.data, "photos": cfg.photos}
    if cfg.make not in made:
        raise ValueError(f"make={cfg.make!r} is unknown: pass make=faces or make=photos")
    chosen = made[cfg.make]
    hydra.utils.instantiate(chosen.generate)(root=chosen.root)
    print(f"synthetic {cfg.make} are in {chosen.root}")


if __name__ == "__main__":
    main()

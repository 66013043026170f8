"""Every option of every group composes, names what exists, and builds what it says."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf

from marginface.backbone import Backbone
from marginface.benchmark import Benchmark
from marginface.engine.settings import EVAL_KEYS, TRAIN_KEYS
from marginface.head import CosFace, Head

CONF = Path(__file__).resolve().parents[1] / "conf"
ENTRY_POINTS = ("prepare", "train", "eval", "audit", "preview", "report", "synthesize")
GROUPS = {
    folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in CONF.iterdir() if folder.is_dir()
}
OPTIONS = [f"{group}={option}" for group, options in sorted(GROUPS.items()) for option in options]
# Chosen for the default recipe, where the class itself has no opinion.
OWN_VALUES = {"asoftmax": {"anneal"}, "lsoftmax": {"anneal"}}


@pytest.fixture(autouse=True)
def configs() -> Iterator[None]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def composed(script: str, *overrides: str) -> DictConfig:
    return compose(script, ["+run_dir=/nowhere" if script == "synthesize" else "run_dir=/nowhere", *overrides])


def targets(node: Any) -> Iterator[str]:
    """All values of ``_target_`` below a node."""
    if isinstance(node, dict):
        yield from ([node["_target_"]] if "_target_" in node else [])
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from targets(child)


def options(group: str) -> list[str]:
    assert GROUPS[group], f"conf/{group} is empty"
    return GROUPS[group]


def test_the_groups_are_those_of_the_design() -> None:
    ours = {"head", "classifier", "backbone", "preprocess", "data", "sampler", "augment", "benchmark", "experiment"}
    assert set(GROUPS) == ours | {"optimizer", "scheduler", "trainer", "callbacks", "logger"}
    assert {path.stem for path in CONF.glob("*.yaml")} == set(ENTRY_POINTS)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_composes_for_training(option: str) -> None:
    cfg = composed("train", option)
    assert set(cfg) <= TRAIN_KEYS


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.split("=")[0] in EVAL_KEYS])
def test_every_option_composes_for_evaluation(option: str) -> None:
    assert set(composed("eval", option)) <= EVAL_KEYS


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda p: str(p.relative_to(CONF)))
def test_every_target_exists(path: Path) -> None:
    for target in targets(yaml.safe_load(path.read_text())):
        assert callable(get_object(target)), target


@pytest.mark.parametrize("name", options("head"))
def test_a_head_is_built_with_the_defaults_of_its_class(name: str) -> None:
    cfg = composed("train", f"head={name}").head
    head = instantiate(cfg)
    assert isinstance(head, Head)
    assert type(head).__name__.lower() == name.replace("_", "")
    parameters = inspect.signature(type(head)).parameters
    defaults = {k: p.default for k, p in parameters.items() if k != "criterion"}  # inherited, no plain value
    written = {str(k): v for k, v in OmegaConf.to_container(cfg).items() if k != "_target_"}
    assert written.keys() == defaults.keys()  # a user sees each of them in the YAML
    assert {k for k in written if written[k] != defaults[k]} <= OWN_VALUES.get(name, set())


@pytest.mark.parametrize("name", options("backbone"))
def test_a_backbone_is_built(name: str) -> None:
    cfg = composed("train", f"backbone={name}")
    with torch.device("meta"):  # shapes only
        backbone = instantiate(cfg.backbone)
    assert isinstance(backbone, Backbone)
    assert tuple(cfg.backbone.image_size) == tuple(backbone.image_size)
    assert cfg.backbone.embedding_dim == backbone.embedding_dim
    assert instantiate(cfg.preprocess).image_size == tuple(backbone.image_size)


@pytest.mark.parametrize("name", options("preprocess"))
def test_a_preprocess_keeps_what_it_is_told(name: str) -> None:
    cfg = composed("train", f"preprocess={name}").preprocess
    made = instantiate(cfg)
    assert (made.flip, made.channel_order) == (cfg.flip, cfg.channel_order)
    assert made(torch.full((1, 3, 112, 112), 255, dtype=torch.uint8)).max() == pytest.approx(127.5 / cfg.std)


@pytest.mark.parametrize("name", options("classifier"))
def test_a_classifier_is_built(name: str) -> None:
    cfg = composed("train", f"classifier={name}")
    classifier = instantiate(cfg.classifier)(instantiate(cfg.head), 7, 5)
    assert classifier.num_classes == 7


@pytest.mark.parametrize("name", options("optimizer"))
@pytest.mark.parametrize("schedule", options("scheduler"))
def test_optimizer_and_schedule_work_together(name: str, schedule: str) -> None:
    cfg = composed("train", f"optimizer={name}", f"scheduler={schedule}")
    optimizer = instantiate(cfg.optimizer)([torch.nn.Parameter(torch.zeros(1))])
    scheduler = instantiate(cfg.scheduler)(optimizer, 100)
    assert scheduler.get_last_lr() == [cfg.optimizer.lr]


@pytest.mark.parametrize("name", options("data"))
def test_a_data_set_passes_only_known_arguments(name: str) -> None:
    cfg = composed("train", f"data={name}").data
    known = inspect.signature(get_object(cfg._target_)).parameters
    assert set(cfg) - {"_target_"} == set(known) - {"benchmarks"}  # the engine passes the benchmarks


@pytest.mark.parametrize("name", options("sampler"))
def test_a_sampler_makes_batches_of_the_data(name: str) -> None:
    cfg = composed("train", f"sampler={name}", "data=casia_webface").data.sampler
    sampler = instantiate(cfg)(np.arange(40) % 10, batch_size=8, seed=0, rank=1, world_size=2)
    assert type(sampler).__name__.lower() == f"{name}sampler"
    assert [len(request.indices) for request in sampler] == [8, 8]
    assert set(cfg) - {"_target_", "_partial_"} < set(inspect.signature(type(sampler)).parameters)


@pytest.mark.parametrize("name", options("benchmark"))
def test_a_benchmark_is_built_and_shows_all_its_settings(name: str, benchmark_root: Path) -> None:
    extra = {
        "pairs": ["benchmark.pairs.path=${data.root}/pairs.bin"],
        "own_pairs": ["benchmark.own_pairs.path=${data.root}/own_pairs", "benchmark.own_pairs.num_pairs=120"],
        "own_gallery": ["benchmark.own_gallery.path=${data.root}/own_gallery"],
        "tinyface": ["benchmark.tinyface.on_missing=exclude"],
        "ck_plus": ["data=ck_plus", "data.source.fold=0"],
    }.get(name, [])
    root = benchmark_root / "ck_plus" if name == "ck_plus" else benchmark_root
    cfg = composed("train", f"benchmark={name}", *extra, f"data.root={root}").benchmark[name]
    benchmark = instantiate(cfg)
    assert isinstance(benchmark, Benchmark)
    benchmark.check()
    assert len(benchmark.images) > 0
    plain_pairs = {"pairs", "synthetic"}  # the settings that few change are left to the class
    known = set(inspect.signature(type(benchmark)).parameters)
    assert set(cfg) - {"_target_"} == ({"path", "num_folds"} if name in plain_pairs else known)


@pytest.mark.parametrize("name", options("augment"))
def test_an_augmentation_keeps_the_size(name: str) -> None:
    augment = instantiate(composed("train", f"augment={name}").augment)
    image = torch.randint(0, 255, (112, 112, 3), dtype=torch.uint8).numpy()
    assert augment is None or augment(image=image)["image"].shape == image.shape


@pytest.mark.parametrize("group", ["callbacks", "logger"])
def test_callbacks_and_loggers_are_built(group: str, tmp_path: Path) -> None:
    for name in options(group):
        cfg = compose("train", [f"{group}={name}", f"run_dir={tmp_path}"])
        for key, node in (cfg.get(group) or {}).items():
            assert instantiate(node) is not None, key


@pytest.mark.parametrize("name", options("trainer"))
def test_a_trainer_is_built(name: str, tmp_path: Path) -> None:
    cfg = compose("train", [f"trainer={name}", "trainer.accelerator=cpu", f"run_dir={tmp_path}"])
    assert instantiate(cfg.trainer, logger=False).max_epochs == cfg.trainer.max_epochs


@pytest.mark.parametrize("name", options("experiment"))
def test_an_experiment_takes_another_head(name: str) -> None:
    # Values that only the experiment's own head knows are dropped, as the experiment's comment says.
    words = (f"experiment={name}", "head=cosface")
    known = {"_target_", *inspect.signature(CosFace).parameters}
    drop = [f"~head.{key}" for key in composed("train", *words).head if key not in known]
    assert isinstance(instantiate(composed("train", *words, *drop).head), Head)


@pytest.mark.parametrize(("name", "depth"), [("sphereface_casia", 20), ("sphereface64_casia", 64)])
def test_the_published_recipe(name: str, depth: int) -> None:
    cfg = composed("train", f"experiment={name}")
    assert cfg.head._target_.endswith(".ASoftmax")
    assert (cfg.head.margin, cfg.head.lambda_base, cfg.head.lambda_min, cfg.head.anneal) == (4, 1000, 5, 0.059)
    assert cfg.backbone._target_.endswith(".SphereNet")
    assert (cfg.backbone.depth, cfg.backbone.embedding_dim, cfg.backbone.image_size) == (depth, 512, [112, 96])
    assert (cfg.data.batch_size, cfg.trainer.max_steps, cfg.trainer.max_epochs) == (512, 28000, -1)
    assert (cfg.optimizer.lr, cfg.optimizer.momentum, cfg.optimizer.weight_decay) == (0.1, 0.9, 5e-4)
    assert (list(cfg.scheduler.milestones), cfg.scheduler.gamma) == ([16000, 24000], 0.1)
    assert [t._target_ for t in cfg.augment.transforms] == ["albumentations.HorizontalFlip"]
    assert (cfg.preprocess.mean, cfg.preprocess.std, cfg.preprocess.flip) == (127.5, 128, "concat")
    assert cfg.data.root.endswith("faces_webface_112x112")
    assert list(cfg.benchmark) == ["lfw", "cfp_fp", "agedb_30"]


def test_the_quick_start_is_the_sample_with_a_small_network() -> None:
    cfg = composed("train", "experiment=quickstart")
    assert (cfg.backbone.depth, cfg.data.root, list(cfg.benchmark)) == (4, "data/synthetic", ["synthetic"])
    assert set(cfg.logger) == {"csv", "tensorboard", "dvclive"}


def test_the_sample_s_numbers_stand_once() -> None:
    assert composed("synthesize").data.generate == composed("train").data.generate
    assert "generate" not in yaml.safe_load((CONF / "synthesize.yaml").read_text())


def test_the_best_checkpoint_is_chosen_by_held_out_identities() -> None:
    cfg = composed("train")
    assert cfg.callbacks.best.monitor == cfg.objective == "val/heldout/auc"
    assert all(composed("train", f"data={d}").data.num_validation_identities for d in ("synthetic", "casia_webface"))

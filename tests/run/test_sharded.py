"""Class centres split over processes train as in one piece, and resume on any number of processes."""

import csv
import shutil
from unittest import mock

import pytest
import torch
from hydra import compose, initialize_config_dir

from marginface.checkpoint.shards import ShardFolder
from marginface.engine.evaluation import evaluate
from marginface.engine.training import train

GLOBAL_BATCH, STEPS, HALF, CLASSES, CLIP = 6, 20, 10, 20, 0.5
SHORT = (f"trainer.max_steps={HALF}", f"callbacks.last.every_n_train_steps={HALF // 2}")
SHARDED = ("classifier=sharded", "trainer=sharded")


def options(command, folder, processes, *more):
    """A run of STEPS steps of GLOBAL_BATCH images."""
    return command.small(
        "backbone.embedding_dim=16",
        "augment=none",
        "trainer.precision=64-true",
        "trainer.limit_val_batches=0",
        f"trainer.max_steps={STEPS}",
        "trainer.log_every_n_steps=1",
        "trainer.enable_progress_bar=false",
        f"trainer.gradient_clip_val={CLIP}",
        f"trainer.devices={processes}",
        f"data.batch_size={GLOBAL_BATCH // processes}",
        "optimizer.weight_decay=0.01",
        "test=false",
        "logger=csv",
        "callbacks=[last,nonfinite]",
        f"callbacks.last.every_n_train_steps={HALF}",
        "callbacks.last.save_top_k=-1",
        "+callbacks.last.filename='{step}'",
        f"{'run_dir' if processes == 1 else 'hydra.run.dir'}={folder}",
        *more,
    )


@pytest.fixture(scope="module")
def run(command, tmp_path_factory):
    """``run(processes, *overrides)`` trains and returns the folder; a single process is this one."""

    def go(processes, *more):
        folder = tmp_path_factory.mktemp("run")
        words = options(command, folder, processes, *more)
        if processes > 1:
            command("train", *words)
        else:
            with initialize_config_dir(str(command.root / "conf"), version_base="1.3"):
                train(compose("train", list(words)))
        return folder

    return go


def saved(folder, step):
    return folder / "checkpoints" / f"step={step}.ckpt"


def resume(folder):
    return f"ckpt='{saved(folder, HALF)}'"


def contents(path):
    """Every tensor of a checkpoint: of the model, and of the optimizer; class centres put together."""
    checkpoint = torch.load(path, weights_only=True)
    ours, found = checkpoint["marginface"], {}
    centre = ours["optimizer_ids"]["weight"]
    for number, entry in checkpoint["optimizer_states"][0]["state"].items():
        for key, value in entry.items():
            if isinstance(value, torch.Tensor):
                found[f"centres/weight/{key}" if number == centre and value.ndim else f"{number}/{key}"] = value
    for name, value in checkpoint["state_dict"].items():
        if isinstance(value, torch.Tensor):
            found["centres/weight" if name == "classifier.weight" else name] = value
    if "centres" in ours:
        assert not any(name.startswith("centres/") for name in found), "they are in the folder"
        folder = ShardFolder(path.parent / ours["centres"])
        found |= {f"centres/{name}": folder.read(name, 0, CLASSES) for name in folder.names()}
    assert len(found["centres/weight"]) == CLASSES
    return found


def losses(folder):
    """Logged loss by step, as text."""
    with (folder / "csv" / "metrics.csv").open() as file:
        return {int(row["step"]): row["train/loss"] for row in csv.DictReader(file) if row.get("train/loss")}


def assert_same_end(one, two, first_step=0, last_step=STEPS, **tolerance):
    """Model, optimizer and losses of two runs agree."""
    a, b = (contents(saved(folder, last_step)) for folder in (one, two))
    assert a.keys() == b.keys()
    assert {"centres/weight", "centres/weight/momentum_buffer"} <= a.keys() or "centres/weight/exp_avg" in a
    for name, value in a.items():
        torch.testing.assert_close(b[name], value, **tolerance, msg=lambda m, n=name: f"{n}: {m}")
    expected, logged = losses(one), losses(two)
    assert sorted(logged) == list(range(first_step, last_step))
    assert [float(v) for v in logged.values()] == pytest.approx([float(expected[s]) for s in logged], rel=1e-6)


CLOSE = {"rtol": 1e-6, "atol": 1e-9}


@pytest.fixture(scope="module")
def whole(run):
    """On one process, with all classes in one matrix; every step's gradient is clipped."""
    norms, clip = [], torch.nn.utils.clip_grad_norm_

    def record(parameters, *args, **kwargs):
        norms.append(float(clip(parameters, *args, **kwargs)))
        return norms[-1]

    with mock.patch("torch.nn.utils.clip_grad_norm_", record):
        folder = run(1, "head=asoftmax", "classifier=dense")
    assert len(norms) == STEPS
    assert min(norms) > CLIP, "clipping would not be tested"
    return folder


@pytest.fixture(scope="module")
def split(run):
    """On two processes, each with half of the classes."""
    return run(2, "head=asoftmax", *SHARDED)


@pytest.mark.slow
def test_split_centres_train_like_whole_ones(whole, split):
    assert_same_end(whole, split, **CLOSE)


@pytest.mark.slow
def test_so_they_do_while_gradients_accumulate(run):
    more = ("head=curricularface", "trainer.accumulate_grad_batches=2", *SHORT)
    folders = [run(1, *more, "classifier=dense"), run(2, *more, *SHARDED)]
    assert_same_end(*folders, last_step=HALF, **CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("classifier", ["dense", "fused"])
def test_split_centres_resume_in_one_piece(run, split, classifier):
    resumed = run(1, "head=asoftmax", f"classifier={classifier}", resume(split))
    assert_same_end(split, resumed, HALF, **CLOSE)


@pytest.mark.slow
def test_split_centres_resume_on_another_number_of_processes(run, split):
    resumed = run(3, "head=asoftmax", *SHARDED, resume(split))
    assert_same_end(split, resumed, HALF, **CLOSE)
    folder = next((resumed / "checkpoints").glob(f"step={STEPS}.ckpt.*.centres"))
    assert [count for _, count, _ in ShardFolder(folder).files] == [7, 7, 6]


@pytest.mark.slow
def test_whole_centres_resume_split(run, whole):
    assert_same_end(whole, run(1, "head=asoftmax", *SHARDED, resume(whole)), HALF, **CLOSE)


@pytest.mark.slow
def test_whole_centres_resume_sampled_and_back(run, whole):
    more = ("head=asoftmax", "callbacks.last.every_n_train_steps=1")
    sampling = (*SHARDED, "classifier.sample_rate=0.5", f"trainer.max_steps={HALF + 1}")
    sampled = run(1, *more, *sampling, resume(whole))
    again = (f"trainer.max_steps={HALF + 2}", f"ckpt='{saved(sampled, HALF + 1)}'")
    back = run(1, *more, "classifier=dense", *again)
    before, first, second = (
        contents(saved(whole, HALF)),
        contents(saved(sampled, HALF + 1)),
        contents(saved(back, HALF + 2)),
    )
    for name in ("centres/weight", "centres/weight/momentum_buffer"):
        moved = (first[name] != before[name]).any(dim=1)
        assert moved.sum() == CLASSES // 2, name
        assert (second[name] != first[name]).any(dim=1).all(), name


@pytest.mark.slow
def test_sampled_classes_resume_bit_equal(run):
    more = (*SHARDED, *SHORT, "head=cosface", "classifier.sample_rate=0.5", "optimizer=adamw", "optimizer.lr=0.001")
    first = run(2, *more)
    resumed = run(2, *more, f"ckpt='{saved(first, HALF // 2)}'")
    assert_same_end(first, resumed, HALF // 2, HALF, rtol=0, atol=0)
    assert int(contents(saved(first, HALF))["classifier.draws"]) == HALF
    assert {step: text for step, text in losses(first).items() if step >= HALF // 2} == losses(resumed)


@pytest.mark.slow
def test_each_checkpoint_has_one_folder(split):
    names = {path.name for path in (split / "checkpoints").iterdir()}
    files = {f"step={HALF}.ckpt", f"step={STEPS}.ckpt", "last.ckpt"}
    assert files < names
    assert sorted(name.rsplit(".", 2)[0] for name in names - files) == sorted(files)  # last.ckpt was written twice


@pytest.fixture
def go(command, faces, tmp_path):
    """``go("train", *overrides)`` in this process, with few steps."""

    def compose_and_run(script, *more):
        few = ("trainer.max_steps=2", "logger=none", "callbacks=nonfinite", "test=false")
        words = (
            command.small(*few) if script == "train" else (f"data.root={faces}", "data.num_workers=0", "cache_dir=null")
        )
        with initialize_config_dir(str(command.root / "conf"), version_base="1.3"):
            words = [*words, "trainer.accelerator=cpu", f"run_dir={tmp_path}/run", *more]
            (train if script == "train" else evaluate)(compose(script, words))

    return compose_and_run


@pytest.mark.slow
def test_evaluation_needs_no_centres(go, split, tmp_path):
    shutil.copy(saved(split, STEPS), tmp_path / "alone.ckpt")
    go("eval", f"ckpt={tmp_path}/alone.ckpt", "benchmark=synthetic")
    assert (tmp_path / "run" / "metrics.json").is_file()


@pytest.mark.slow
def test_a_missing_part_is_named_at_once_and_nothing_is_touched(go, split, tmp_path):
    copy = shutil.copytree(split / "checkpoints", tmp_path / "checkpoints")
    part = next(copy.glob("last.ckpt.*.centres")) / "centres-00001-of-00002.safetensors"
    part.unlink()
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=r"lacks centres-00001-of-00002\.safetensors of 2 files; copy the missing"):
        go("train", *SHARDED, "head=asoftmax", "backbone.embedding_dim=16", f"ckpt={copy}/last.ckpt")
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("strategy", ["auto", "ddp"])
def test_another_trainer_is_refused(go, strategy):
    with pytest.raises((ValueError, RuntimeError), match=r"trainer=sharded"):
        go("train", "classifier=sharded", f"trainer.strategy={strategy}")


def test_an_average_of_the_weights_is_refused(go):
    with pytest.raises(ValueError, match=r"callbacks=ema averages whole models only; .*classifier=fused"):
        go("train", *SHARDED, "callbacks=ema")


def test_other_classifiers_train_with_this_trainer(go):
    go("train", "trainer=sharded", "classifier=fused", "callbacks=last")


BROKEN = """
import torch.distributed as dist
from marginface.classifier import ShardedClassifier

class Broken(ShardedClassifier):
    def check(self, embedding, label):
        super().check(embedding, label + 1000 * (dist.get_rank() == 1))
"""


@pytest.mark.slow
def test_a_mistake_on_one_process_ends_the_run(command, tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text(BROKEN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    words = command.small(*SHARDED, "classifier._target_=broken.Broken", "trainer.devices=2", "logger=none")
    run_dir = f"hydra.run.dir={tmp_path}/run"
    done = command("train", *words, "callbacks=nonfinite", "test=false", run_dir, check=False, timeout=150)
    assert done.returncode != 0
    assert f"outside [0, {CLASSES}); num_classes must be" in done.stdout + done.stderr

"""Mistakes end with an error that names them, before training starts."""

import pickle
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir

from marginface.data import encode, write_face_records
from marginface.engine.evaluation import evaluate
from marginface.engine.training import train

OVERRIDES = (
    "backbone=sphere4",
    "trainer.accelerator=cpu",
    "trainer.max_steps=2",
    "trainer.enable_progress_bar=false",
    "data.batch_size=8",
    "data.num_workers=0",
    "logger=none",
    "callbacks=nonfinite",
    "test=false",
)


@pytest.fixture
def run(root, tmp_path):
    """``run("train", *overrides)`` in this process."""

    def go(script, *overrides):
        with initialize_config_dir(str(root / "conf"), version_base="1.3"):
            small = OVERRIDES if script == "train" else OVERRIDES[1:2] + OVERRIDES[5:6]
            cfg = compose(script, [*small, f"run_dir={tmp_path}/run", *overrides])
        return (train if script == "train" else evaluate)(cfg)

    return go


@pytest.fixture
def copy(faces, tmp_path):
    """A folder of faces to damage."""
    return shutil.copytree(faces, tmp_path / "faces")


def records(folder):
    return ("data=records", f"data.root={folder}")


def overwrite(path, offset, data):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def offsets(folder):
    return dict(tuple(map(int, line.split())) for line in (folder / "train.idx").read_text().splitlines())


def test_small_settings_do_train(run, faces):
    assert run("train", *records(faces)) is None  # else the errors below might come from the settings


@pytest.mark.parametrize(("data", "unset"), [("records", "data.root"), ("mixed", "data.source.sources")])
def test_data_without_a_folder(run, tmp_path, data, unset):
    with pytest.raises(ValueError, match=f"{unset} must be set, as in {unset}=VALUE"):
        run("train", f"data={data}", *([] if unset == "data.root" else [f"data.root={tmp_path}"]))


def test_missing_data(run, tmp_path):
    with pytest.raises(Exception, match="nowhere"):
        run("train", *records(tmp_path / "nowhere"))


def test_truncated_records(run, copy):
    path = copy / "train.rec"
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(Exception, match=r"train\.(rec|idx)"):
        run("train", *records(copy))


def test_wrong_magic(run, copy):
    overwrite(copy / "train.rec", offsets(copy)[5], b"\0\0\0\0")
    with pytest.raises(Exception, match=r"train\.rec.*magic"):
        run("train", *records(copy))


def test_index_past_the_end(run, copy):
    path = copy / "train.idx"
    path.write_text(path.read_text().replace(f"5\t{offsets(copy)[5]}\n", "5\t999999996\n"))
    with pytest.raises(Exception, match=r"999999996"):
        run("train", *records(copy))


def test_label_outside_the_range(run, copy):
    # chunk header of 8 bytes, then flag, then the label as a float
    overwrite(copy / "train.rec", offsets(copy)[7] + 12, struct.pack("<f", 1000.0))
    with pytest.raises(Exception, match=r"key 7.*1000|1000.*key 7"):
        run("train", *records(copy))


@pytest.fixture
def one_bad_jpeg(tmp_path):
    """40 faces, of which the one with key 9 is not an image."""
    rng = np.random.default_rng(0)
    images = [encode(rng.integers(0, 255, (112, 112, 3), dtype=np.uint8)) for _ in range(40)]
    images[8] = b"not a jpeg"
    write_face_records(tmp_path / "bad", [(i // 4, image) for i, image in enumerate(images)])
    return tmp_path / "bad"


@pytest.mark.parametrize("workers", [0, 2])
def test_undecodable_image_fails_with_its_key(run, one_bad_jpeg, workers):
    with pytest.raises(Exception, match=r"key 9"):
        run("train", *records(one_bad_jpeg), "trainer.max_steps=5", f"data.num_workers={workers}")


def test_undecodable_image_is_skipped_and_counted(run, one_bad_jpeg):
    skip = ("data.on_error=skip", "trainer.max_steps=5", "objective=train/skipped")
    assert run("train", *records(one_bad_jpeg), *skip) == 1


def test_wrong_image_size(run, tmp_path):
    small = encode(np.zeros((96, 96, 3), np.uint8))
    write_face_records(tmp_path / "small", [(i // 4, small) for i in range(40)])
    with pytest.raises(Exception, match=r"\(96, 96\).*\(112, 112\)"):
        run("train", *records(tmp_path / "small"))


class Evil:
    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


def test_malicious_pairs(run, copy):
    (copy / "synthetic.bin").write_bytes(pickle.dumps(([Evil(), b""], [True])))
    with pytest.raises(Exception, match=r"synthetic\.bin"):
        run("train", *records(copy), "benchmark=synthetic")


def test_truncated_pairs(run, copy):
    path = copy / "synthetic.bin"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(Exception, match=r"synthetic\.bin"):
        run("train", *records(copy), "benchmark=synthetic")


def test_odd_number_of_images(run, copy):
    images, same = pickle.loads((copy / "synthetic.bin").read_bytes())
    (copy / "synthetic.bin").write_bytes(pickle.dumps((images[:-1], same)))
    with pytest.raises(Exception, match=r"81 images"):
        run("train", *records(copy), "benchmark=synthetic")


@pytest.fixture
def trained(run, faces, tmp_path):
    """A checkpoint of sphere4 with softmax."""
    more = ("head=softmax", "callbacks=last", "callbacks.last.every_n_train_steps=1")
    run("train", *records(faces), *more)
    return tmp_path / "run" / "checkpoints" / "last.ckpt"


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("head=cosface", "head: checkpoint Softmax, here CosFace"),
        ("backbone=sphere10", "backbone: checkpoint"),
        ("data.num_validation_identities=4", "num_classes: checkpoint 24, here 20"),
        ("preprocess.std=127.5", "preprocess: checkpoint"),
    ],
)
def test_checkpoint_of_another_model(run, faces, trained, override, named):
    few = ("data.num_validation_pairs=20", "data.num_validation_folds=2", "head=softmax")
    with pytest.raises(ValueError, match=named):
        run("train", *records(faces), *few, override, f"ckpt={trained}")


def test_file_that_is_no_checkpoint(run, faces, tmp_path):
    (tmp_path / "x.ckpt").write_bytes(b"hello")
    torch.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    for name, named in (("none.ckpt", "does not exist"), ("x.ckpt", "cannot be read"), ("foreign.ckpt", "not written")):
        with pytest.raises(ValueError, match=named):
            run("train", *records(faces), f"ckpt={tmp_path / name}")
        with pytest.raises(ValueError, match=named):
            run("eval", *records(faces), f"ckpt={tmp_path / name}")


def test_no_gpu_for_eight_devices(run, faces):
    if torch.cuda.device_count() >= 8:
        pytest.skip("this machine has the eight GPUs")
    with pytest.raises(ValueError, match=r"trainer\.devices=8 .*trainer\.accelerator=cpu"):
        run("train", *records(faces), "trainer.devices=8", "trainer.accelerator=auto")


def test_nothing_to_evaluate(run, faces):
    with pytest.raises(ValueError, match="exactly one of them"):
        run("eval", *records(faces))


def test_unknown_key_on_the_command_line_and_in_a_file(command, tmp_path):
    done = command("train", "head.margn=3", check=False)
    assert done.returncode != 0
    assert "margn" in done.stderr
    assert "torch" not in done.stderr
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "typo.yaml").write_text("# @package _global_\nlearning_rat: 3\n")
    done = command("train", f"hydra.searchpath=[file://{tmp_path}]", "experiment=typo", check=False)
    assert done.returncode != 0
    assert "unknown config key(s) learning_rat" in done.stderr


def test_full_disk_at_checkpoint_time(command, faces, tmp_path):
    """The second checkpoint hits a file-size limit, as a full disk would; the first one survives and loads."""
    overrides = command.small(
        "head=softmax",
        "logger=none",
        "test=false",
        "callbacks=last",
        "callbacks.last.every_n_train_steps=2",
        "data.num_validation_identities=0",
        f"hydra.run.dir={tmp_path}",
    )
    command("train", *overrides, "trainer.max_steps=2", "ckpt=null")
    last = tmp_path / "checkpoints" / "last.ckpt"
    before = last.read_bytes()
    limited = (
        "import resource, runpy, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) // 2}, {len(before) // 2}));"
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    words = [
        sys.executable,
        "-c",
        limited,
        *command.words("train", *overrides, "trainer.max_steps=4", f"ckpt={last}")[1:],
    ]
    done = subprocess.run(
        words, cwd=command.root, env=command.environment(), capture_output=True, text=True, timeout=200
    )
    assert done.returncode != 0
    assert "could not be written" in done.stderr
    assert "Free some disk space" in done.stderr
    assert last.read_bytes() == before
    assert [p.name for p in last.parent.iterdir()] == ["last.ckpt"]

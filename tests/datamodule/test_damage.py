"""Images that cannot be decoded, or are of another size."""

from pathlib import Path

import pytest
from small_module import fit, flat, module

from marginface.data import ImageDecodeError, write_face_records


def damaged(root: Path, key: int) -> Path:
    """Four identities with four images each, of which the one with that key is cut short."""
    images = [(c, flat(20 * c + i)) for c in range(4) for i in range(4)]
    images[key - 1] = (images[key - 1][0], images[key - 1][1][:200])
    write_face_records(root, images)
    return root


@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_undecodable_image_fails_with_its_key(tmp_path: Path, num_workers: int) -> None:
    data = module(damaged(tmp_path, key=7), num_workers=num_workers)
    with pytest.raises(ImageDecodeError, match=r"train\.rec, key 7: cannot decode"):
        list(data.train_dataloader())


def test_before_training_starts_if_it_is_the_first(tmp_path: Path) -> None:
    with pytest.raises(ImageDecodeError, match=r"train\.rec, key 1: cannot decode"):
        module(damaged(tmp_path, key=1)).setup("fit")


@pytest.mark.parametrize("key", [1, 7])
def test_or_is_skipped_and_counted(tmp_path: Path, key: int) -> None:
    data = module(damaged(tmp_path / "data", key), on_error="skip")
    data.setup("fit")
    batches = list(data.train_dataloader())
    assert sorted(len(batch["label"]) for batch in batches) == [7, 8]
    assert sum(int(batch["skipped"]) for batch in batches) == 1
    trainer = fit(data, tmp_path)
    assert trainer.callback_metrics["train/skipped"] == 1


def test_a_wrong_image_size_is_named_before_training_starts(tmp_path: Path) -> None:
    write_face_records(tmp_path, [(0, flat(1, (112, 96))), (1, flat(2, (112, 96)))])
    data = module(tmp_path, batch_size=2)
    with pytest.raises(ValueError, match=r"train\.rec, key \d has size \(112, 96\).*expected \(112, 112\)"):
        data.setup("fit")


def test_faces_of_another_size_can_be_declared(tmp_path: Path) -> None:
    write_face_records(tmp_path, [(c, flat(c, (96, 80))) for c in (0, 0, 1, 1)], image_size=(96, 80))
    data = module(tmp_path, batch_size=2)
    data.setup("fit")
    assert data.image_size == (96, 80)
    assert next(iter(data.train_dataloader()))["image"].shape == (2, 3, 96, 80)

import io

import pytest
import torch

from marginface import Preprocess


def ramp(height: int = 112, width: int = 112) -> torch.Tensor:
    """One image whose pixels say where they are: row in R, column in G, 7 in B."""
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([row, column, torch.full_like(row, 7)]).to(torch.uint8).unsqueeze(0)


def test_default_is_sphereface_s_crop_and_range() -> None:
    out = Preprocess()(ramp())
    assert out.shape == (1, 3, 112, 96)
    assert out.dtype == torch.float32
    expected = (ramp()[:, :, :, 8:104].float() - 127.5) / 128
    assert torch.equal(out, expected)


@pytest.mark.parametrize(
    ("image_size", "rows", "columns"),
    [((112, 112), (0, 112), (0, 112)), ((96, 96), (8, 104), (8, 104)), ((111, 95), (0, 111), (8, 103))],
)
def test_crop_is_central(image_size: tuple[int, int], rows: tuple[int, int], columns: tuple[int, int]) -> None:
    out = Preprocess(image_size, mean=0.0, std=1.0)(ramp())
    assert out.shape[2:] == image_size
    assert (int(out[0, 0, 0, 0]), int(out[0, 0, -1, 0]) + 1) == rows
    assert (int(out[0, 1, 0, 0]), int(out[0, 1, 0, -1]) + 1) == columns


def test_bgr_swaps_the_outer_channels_and_means_follow_that_order() -> None:
    image = ramp()
    plain, swapped = (Preprocess(channel_order=order, mean=0.0, std=1.0)(image) for order in ("RGB", "BGR"))
    assert torch.equal(swapped, plain.flip(1))
    caffe = Preprocess(channel_order="BGR", mean=[1.0, 2.0, 3.0], std=[2.0, 4.0, 8.0])(image)
    assert torch.equal(caffe[:, 0], (plain[:, 2] - 1) / 2)
    assert torch.equal(caffe[:, 2], (plain[:, 0] - 3) / 8)


def test_merge() -> None:
    a, b = torch.tensor([[1.0, 2.0]]), torch.tensor([[10.0, 20.0]])
    assert Preprocess(flip="concat").merge(a, b).tolist() == [[1, 2, 10, 20]]
    assert Preprocess(flip="sum").merge(a, b).tolist() == [[11, 22]]
    assert Preprocess(flip="none").merge(a, b).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("image", "named"),
    [
        (torch.zeros(1, 3, 112, 112), "float32"),
        (torch.zeros(3, 112, 112, dtype=torch.uint8), r"\(3, 112, 112\)"),
        (torch.zeros(1, 1, 112, 112, dtype=torch.uint8), r"\(1, 1, 112, 112\)"),
        (
            torch.zeros(1, 3, 112, 96, dtype=torch.uint8),
            r"\(112, 96\).*expects aligned faces of \(112, 112\).*source_size",
        ),
    ],
    ids=["float", "single", "grey", "size"],
)
def test_other_images_are_refused(image: torch.Tensor, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Preprocess()(image)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"channel_order": "GBR"}, "channel_order='GBR'"),
        ({"flip": "mean"}, "flip='mean'.*'concat', 'sum', 'none'"),
        ({"image_size": (113, 96)}, r"image_size=\(113, 96\) is larger than source_size=\(112, 112\)"),
        ({"image_size": (0, 96)}, r"image_size=\(0, 96\)"),
        ({"source_size": (112,)}, r"source_size=\(112,\)"),
        ({"mean": [1.0, 2.0]}, r"mean=\[1.0, 2.0\]"),
        ({"std": 0.0}, "std=0.0"),
        ({"std": [1.0, -1.0, 1.0]}, r"std=\[1.0, -1.0, 1.0\]"),
    ],
)
def test_arguments_out_of_range_are_named(kwargs: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Preprocess(**kwargs)


def test_settings_are_part_of_the_state_dict_and_survive_a_safe_load() -> None:
    settings = {"image_size": (112, 112), "channel_order": "BGR", "mean": [1.0, 2.0, 3.0], "std": 2.0, "flip": "sum"}
    file = io.BytesIO()
    torch.save(Preprocess(**settings).state_dict(), file)
    file.seek(0)
    Preprocess(**settings).load_state_dict(torch.load(file, weights_only=True))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"image_size": (112, 112)}, r"image_size: checkpoint \[112, 96\], here \[112, 112\]"),
        ({"source_size": (128, 128)}, r"source_size: checkpoint \[112, 112\], here \[128, 128\]"),
        ({"channel_order": "BGR"}, "channel_order: checkpoint 'RGB', here 'BGR'"),
        ({"mean": 0.0}, r"mean: checkpoint \[127.5, 127.5, 127.5\], here \[0.0, 0.0, 0.0\]"),
        ({"std": 127.5}, r"std: checkpoint \[128.0, .*here \[127.5"),
        ({"flip": "sum"}, "flip: checkpoint 'concat', here 'sum'"),
    ],
)
def test_a_state_dict_of_other_settings_is_refused_naming_both(changed: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Preprocess(**changed).load_state_dict(Preprocess().state_dict())

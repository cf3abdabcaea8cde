"""Transforms against torchvision's recorded answers, and what they refuse."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nptorch
from nptorch import transforms as T
from nptorch.vision import datasets, utils
from tests.vision import cases

F = T.functional
GOLDEN = Path(__file__).parent.parent / "golden"
ANSWERS = np.load(GOLDEN / "vision.npz")
TEXTS = json.loads((GOLDEN / "vision.json").read_text())
NAMES = {"T": T, "F": F, "I": T.InterpolationMode, "torch": nptorch}


@pytest.fixture(scope="module")
def images():
    return cases.inputs(lambda image, scale: (T.ToTensor() if scale else T.PILToTensor())(image))


def assert_same_pixels(made, wanted):
    """Equal but for the rounding of single pixels."""
    assert made.shape == wanted.shape
    assert made.dtype == wanted.dtype
    difference = abs(made.astype(float) - wanted.astype(float))
    if made.dtype.kind == "f":
        assert (difference > 1e-5 * max(1.0, abs(wanted).max())).mean() <= 0.02
    else:
        assert (difference > 1).mean() <= 0.01
        assert (difference > 0).mean() <= 0.02


def test_the_golden_answers_are_for_these_cases():
    assert [tuple(case) for case in TEXTS["cases"]] == cases.cases()


@pytest.mark.parametrize("i, name, text", [(i, *case) for i, case in enumerate(cases.cases())])
def test_pixels_are_torchvisions(i, name, text, images):
    before = np.array(images[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = cases.answer(text, images[name], T, nptorch)
    assert_same_pixels(made, ANSWERS[str(i)])
    assert np.array_equal(np.array(images[name]), before), "the input was changed"


@pytest.mark.parametrize("text", TEXTS["reprs"])
def test_repr_is_torchvisions(text):
    assert repr(eval(text, NAMES)) == TEXTS["reprs"][text]


@pytest.mark.parametrize("text", cases.GRIDS)
def test_grid_is_torchvisions(text):
    assert_same_pixels(cases.grid(text, utils, nptorch), ANSWERS[text])


def test_fake_data_is_torchvisions_and_leaves_the_generator_alone():
    nptorch.manual_seed(1)
    first = nptorch.rand(1).item()
    nptorch.manual_seed(1)
    for i, made in enumerate(cases.fakes(datasets, T)):
        assert np.array_equal(made, ANSWERS[f"fake{i}"])
    assert nptorch.rand(1).item() == first


# --- to tensors and back ---


def test_to_tensor_divides_by_255_in_float32():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    wanted = levels.astype(np.float32)[None] / np.float32(255)
    for image in (levels, levels[:, :, None], Image.fromarray(levels)):
        made = T.ToTensor()(image)
        assert made.shape == (1, 16, 16)
        assert np.array_equal(made.numpy(), wanted)


def test_to_tensor_follows_the_default_dtype():
    nptorch.set_default_dtype(nptorch.float64)
    try:
        made = T.ToTensor()(np.full((2, 2), 100, np.uint8))
    finally:
        nptorch.set_default_dtype(nptorch.float32)
    assert made.dtype is nptorch.float64
    assert made[0, 0, 0].item() == 100 / 255


@pytest.mark.parametrize(
    "mode, dtype, channels",
    [
        ("1", nptorch.float32, 1), ("L", nptorch.float32, 1), ("P", nptorch.float32, 1), ("LA", nptorch.float32, 2),
        ("RGB", nptorch.float32, 3), ("RGBA", nptorch.float32, 4), ("CMYK", nptorch.float32, 4), ("YCbCr", nptorch.float32, 3),
        ("I", nptorch.int32, 1), ("F", nptorch.float32, 1), ("I;16", nptorch.int16, 1),
    ],
)  # fmt: skip
def test_to_tensor_of_every_pil_mode(mode, dtype, channels):
    made = T.ToTensor()(Image.new(mode, (3, 2), 1))
    assert made.shape == (channels, 2, 3)
    assert made.dtype is dtype
    if mode == "1":
        assert made.unique().tolist() == [1.0]


@pytest.mark.parametrize("mode", ["L", "I", "F", "LA", "RGB", "YCbCr", "HSV", "RGBA", "CMYK"])
def test_pil_round_trip(mode):
    channels = len(Image.new(mode, (1, 1)).getbands())
    dtype = {"I": np.int32, "F": np.float32}.get(mode, np.uint8)
    array = np.random.RandomState(0).randint(0, 255, (4, 5, channels)).astype(dtype)
    array = array[:, :, 0] if channels == 1 else array
    image = T.ToPILImage(mode)(array)
    assert image.mode == mode
    assert np.array_equal(np.asarray(image), array)
    assert np.array_equal(T.PILToTensor()(image).numpy(), array[None] if channels == 1 else array.transpose(2, 0, 1))


def test_to_pil_image_scales_floats():
    image = T.ToPILImage()(nptorch.tensor([[[0.0, 0.5, 1.0]]]))
    assert image.mode == "L"
    assert np.asarray(image).tolist() == [[0, 127, 255]]


def test_normalize_with_numbers_tensors_and_in_place():
    x = T.ToTensor()(cases.pixels(3))
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.6, 0.7]
    wanted = (x.numpy() - np.array(mean, np.float32)[:, None, None]) / np.array(std, np.float32)[:, None, None]
    assert np.array_equal(T.Normalize(mean, std)(x).numpy(), wanted)
    assert np.array_equal(T.Normalize(nptorch.tensor(mean), np.array(std))(x).numpy(), wanted)
    batch = nptorch.stack([x, x])
    assert np.array_equal(F.normalize(batch, mean, std).numpy(), np.stack([wanted, wanted]))
    assert F.normalize(x, mean, std, inplace=True) is x
    assert np.array_equal(x.numpy(), wanted)


def test_gradients_flow_where_they_can_and_are_refused_where_not():
    x = nptorch.rand(3, 8, 8, requires_grad=True)
    for change, total in (
        (T.Normalize([0.5], [0.25]), 4.0 * 192),
        (T.RandomHorizontalFlip(1.0), 192.0),
        (T.Pad(2, padding_mode="edge"), 3 * 144.0),
        (T.CenterCrop(4), 48.0),
        (T.Resize(4), 48.0),
        (lambda image: F.erase(image, 0, 0, 4, 8, 0.0), 96.0),
    ):
        x.grad = None
        change(x).sum().backward()
        assert x.grad.sum().item() == pytest.approx(total, rel=1e-5)
    for change in (T.RandomRotation(5), T.GaussianBlur(3), T.Grayscale(), T.ColorJitter(0.5)):
        with pytest.raises(RuntimeError, match="not differentiable"):
            change(x)
        with nptorch.no_grad():
            change(x)


def test_transforms_are_modules_and_can_be_pickled():
    chain = nptorch.nn.Sequential(T.CenterCrop(4), T.Normalize((0.5,), (0.5,)))
    x = nptorch.rand(3, 8, 8)
    assert np.array_equal(pickle.loads(pickle.dumps(chain))(x).numpy(), T.Compose(chain)(x).numpy())


def test_sizes_may_be_numpys_integers():
    image = Image.new("L", (9, 8))
    assert T.Resize(np.int64(4))(image).size == (4, 4)
    assert T.CenterCrop((np.int32(4), 5))(image).size == (5, 4)


def test_grayscale_of_a_colour_tensor_weighs_the_channels():
    pixel = nptorch.tensor([255, 0, 0], dtype=nptorch.uint8).reshape(3, 1, 1)
    assert T.Grayscale()(pixel).item() == int(0.2989 * 255)


# --- what they refuse ---


@pytest.mark.parametrize(
    "text, error, words",
    [
        ("T.ToTensor()([1, 2])", TypeError, "PIL Image or ndarray"),
        ("T.ToTensor()(np.zeros(3))", ValueError, "2/3 dimensional. Got 1"),
        ("T.ToTensor()(np.array([['a']]))", TypeError, "can't convert"),
        ("T.PILToTensor()(np.zeros((2, 2)))", TypeError, "PIL Image"),
        ("T.ToPILImage()('x')", TypeError, "Tensor or ndarray"),
        ("T.ToPILImage()(torch.zeros(5, 2, 2))", ValueError, "> 4 channels. Got 5"),
        ("T.ToPILImage()(torch.zeros(1, 1, 2, 2))", ValueError, "2/3 dimensional. Got 4"),
        ("T.ToPILImage()(np.zeros((2, 2, 3), np.int32))", TypeError, "int32 with 3 channels"),
        ("T.ToPILImage('HSV')(np.zeros((2, 2), np.uint8))", ValueError, "HSV"),
        ("T.Normalize([0.5], [0.5])(np.zeros((1, 2, 2)))", TypeError, "Tensor"),
        ("T.Normalize([0.5], [0.5])(torch.zeros(1, 2, 2, dtype=torch.uint8))", TypeError, "float tensor"),
        ("T.Normalize([0.5], [0.5])(torch.zeros(2, 2))", ValueError, "C, H, W"),
        ("T.Normalize([0.5], [0.0])(torch.zeros(1, 2, 2))", ValueError, "std evaluated to zero"),
        ("T.Normalize([0.5] * 3, [0.5])(torch.zeros(1, 2, 2))", ValueError, "mean has 3 values .* 1 channels"),
        ("T.ConvertImageDtype('uint8')", TypeError, "dtype"),
        ("F.convert_image_dtype(torch.zeros(1), torch.int64)", RuntimeError, "cannot be performed safely"),
        ("T.Resize((1, 2, 3))", ValueError, "1 or 2"),
        ("T.Resize(0)", ValueError, "positive"),
        ("T.Resize(2.5)", TypeError, "whole number"),
        ("F.resize(torch.zeros(1, 8, 9), (-1, 4))", ValueError, r"positive, got \(-1, 4\)"),
        ("T.CenterCrop('8')", (TypeError, ValueError), "size should be"),
        ("T.RandomCrop((8, 2.5))", TypeError, "whole number"),
        ("T.RandomResizedCrop(None)", TypeError, "whole number"),
        ("T.FiveCrop((4, 0))", ValueError, "positive"),
        ("T.Resize(5, interpolation='linear')", ValueError, "'linear' is not a valid InterpolationMode"),
        ("T.Resize(5, interpolation=2.5)", TypeError, "InterpolationMode"),
        ("T.Resize(5, max_size=5)(torch.zeros(1, 8, 9))", ValueError, "strictly greater"),
        ("T.Resize((5, 5), max_size=9)(torch.zeros(1, 8, 9))", ValueError, "max_size"),
        ("T.Resize(5, I.LANCZOS)(torch.zeros(1, 8, 9))", ValueError, "lanczos"),
        ("T.Resize(5)(np.zeros((8, 8)))", TypeError, "PIL Image or Tensor"),
        ("T.Resize(5)(torch.zeros(8))", TypeError, "not an image"),
        ("T.Pad((1, 2, 3))", ValueError, "3 element"),
        ("T.Pad('1')", TypeError, "padding"),
        ("T.Pad(1, padding_mode='wrap')", ValueError, "wrap"),
        ("T.Pad(1, fill=(1, 2))(Image.new('RGB', (2, 2)))", ValueError, "fill"),
        ("T.Pad(1, fill=(1, 2))(torch.zeros(1, 2, 2))", TypeError, "fill"),
        ("T.RandomCrop(9)(torch.zeros(1, 8, 10))", ValueError, r"\(9, 9\) is larger than input image size \(8, 10\)"),
        ("T.FiveCrop(9)(torch.zeros(1, 8, 10))", ValueError, "bigger than input size"),
        ("T.RandomResizedCrop(4, scale=0.5)", TypeError, "scale"),
        ("T.RandomRotation(-1)", ValueError, "degrees"),
        ("T.RandomRotation((1, 2, 3))", ValueError, "degrees"),
        ("T.RandomAffine(5, translate=(2, 0))", ValueError, "translate"),
        ("T.RandomAffine(5, scale=(0, 1))", ValueError, "scale"),
        ("T.RandomAffine(5, shear=(1, 2, 3))", ValueError, "shear"),
        ("F.affine(torch.zeros(1, 2, 2), 0, [0, 0], 0, 0)", ValueError, "scale"),
        ("F.rotate(torch.zeros(1, 2, 2), 5, I.BICUBIC)", ValueError, "bicubic"),
        ("F.perspective(torch.zeros(1, 2, 2), [[0, 0]], [[0, 0]])", ValueError, "four corners"),
        ("T.ColorJitter(-1)", ValueError, "brightness"),
        ("T.ColorJitter(hue=0.6)", ValueError, "hue"),
        ("T.ColorJitter(contrast='a')", TypeError, "contrast"),
        ("F.adjust_hue(torch.zeros(3, 2, 2), 0.6)", ValueError, "hue_factor"),
        ("F.adjust_contrast(torch.zeros(3, 2, 2), -1)", ValueError, "contrast_factor"),
        ("T.Grayscale(2)(torch.zeros(3, 2, 2))", ValueError, "1 or 3"),
        ("T.Grayscale()(torch.zeros(2, 2, 2))", TypeError, "1 or 3 channels"),
        ("F.to_grayscale(torch.zeros(3, 2, 2))", TypeError, "rgb_to_grayscale"),
        ("F.posterize(torch.zeros(3, 2, 2), 2)", TypeError, "uint8"),
        ("F.posterize(torch.zeros(3, 2, 2, dtype=torch.uint8), 9)", ValueError, r"between 0 and 8, got 9"),
        ("F.solarize(torch.zeros(3, 2, 2), 2)", TypeError, "threshold"),
        ("T.GaussianBlur(4)", ValueError, "odd"),
        ("T.GaussianBlur(3, (2, 1))", ValueError, "sigma"),
        ("F.gaussian_blur(torch.zeros(1, 3, 3), 7)", ValueError, "kernel_size"),
        ("T.RandomErasing(2)", ValueError, "p should be"),
        ("T.RandomErasing(value='x')", ValueError, "random"),
        ("T.RandomErasing(1.0, value=(1, 2))(torch.zeros(3, 9, 9))", ValueError, "1 or 3"),
        ("F.erase(np.zeros(3), 0, 0, 1, 1, 0)", TypeError, "Tensor"),
        ("T.ElasticTransform(alpha=[1.0, 2.0, 3.0])", ValueError, "alpha"),
        ("F.elastic_transform(torch.zeros(1, 4, 4), 3)", TypeError, "Tensor, got int"),
        ("F.elastic_transform(torch.zeros(1, 4, 4), torch.zeros(1, 4, 5, 2))", ValueError, r"4, 4, 2\), got \[1, 4, 5, 2\]"),
        ("T.LinearTransformation(torch.eye(3), torch.zeros(4))", ValueError, r"\(4\). Got \(3, 3\)"),
        ("T.LinearTransformation(torch.eye(4), torch.zeros(4))(torch.zeros(3, 2, 2))", ValueError, "for 4 numbers"),
        ("T.Lambda(3)", TypeError, "callable"),
        ("T.RandomChoice(T.ToTensor())", TypeError, "sequence"),
        ("T.RandomChoice([T.ToTensor()], p=1)", TypeError, "sequence"),
    ],
)  # fmt: skip
def test_bad_input_gets_a_clear_error(text, error, words):
    with pytest.raises(error, match=words):
        eval(text, {**NAMES, "np": np, "Image": Image})

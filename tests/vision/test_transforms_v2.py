"""transforms.v2 against torchvision's recorded answers; samples, tv_tensors, and the road for batches."""

from __future__ import annotations

import pickle
import re
import warnings

import numpy as np
import pytest
from PIL import Image

import nptorch
from nptorch import transforms as T
from nptorch.vision import tv_tensors
from nptorch.vision.transforms import v2
from nptorch.vision.transforms.batched import batch_plan
from tests.vision import cases
from tests.vision.test_transforms import ANSWERS, TEXTS, assert_same_pixels


@pytest.fixture(scope="module")
def images():
    return cases.inputs(lambda image, scale: (T.ToTensor() if scale else T.PILToTensor())(image))


def check(made, wanted):
    """PyTorch interpolates uint8 tensors in whole numbers: a level more or less for some of the pixels."""
    if wanted.dtype != np.uint8:
        assert_same_pixels(made, wanted)
        return
    assert made.shape == wanted.shape
    assert made.dtype == wanted.dtype
    difference = abs(made.astype(int) - wanted.astype(int))
    assert (difference > 1).mean() <= 0.01
    assert (difference > 0).mean() <= 0.25


@pytest.mark.parametrize("i, name, text", [(i, *case) for i, case in enumerate(cases.cases())])
def test_pixels_are_torchvisions(i, name, text, images):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = cases.answer(text, images[name], v2, nptorch)
    check(made, ANSWERS[f"v2 {i}" if f"v2 {i}" in ANSWERS else str(i)])


@pytest.mark.parametrize("name", ["rgb", "grey"])
@pytest.mark.parametrize("text", cases.ON_SAMPLES)
def test_samples_are_torchvisions(name, text, images):
    check(cases.answer(text, images[name], v2, nptorch), ANSWERS[f"v2 {name} {text}"])


@pytest.mark.parametrize("text", cases.BATCHES)
def test_mixed_batches_are_torchvisions(text):
    made = cases.batch(text, v2, tv_tensors, nptorch)
    assert len(made) == 2
    for k, array in enumerate(made):
        assert np.allclose(array, ANSWERS[f"v2 {text} {k}"], atol=1e-6)


# What torchvision turns into lists, or shows as it was given, is left out.
KEPT_OTHERWISE = ("Erasing", "Elastic", "center", "padding=4", "T.Resize(9)", "T.Resize(20", "(1, 2), 3)")


@pytest.mark.parametrize("text", [t for t in TEXTS["v2 reprs"] if not any(part in t for part in KEPT_OTHERWISE)])
def test_repr_is_torchvisions_but_for_brackets(text):
    found = repr(eval(text, {"T": v2, "I": v2.InterpolationMode, "torch": nptorch}))
    assert _plain(found) == _plain(TEXTS["v2 reprs"][text])


def _plain(text):
    modes = re.sub(r"InterpolationMode\.(\w+)", lambda found: found[1].lower().replace("_", "-"), text)
    return modes.replace(",)", ")").translate(str.maketrans("[]", "()"))


# --- samples ---


def test_labels_and_further_tensors_pass():
    image, mark = nptorch.rand(3, 8, 8), nptorch.ones(3, 8, 8)
    sample = {"image": image, "target": (3, [mark, "name"]), "none": None}
    made = v2.CenterCrop(4)(sample)
    assert made["image"].shape == (3, 4, 4)
    assert made["target"][0] == 3
    assert made["target"][1][0] is mark
    assert made["target"][1][1] == "name"
    assert made["none"] is None
    first, second = v2.CenterCrop(4)(mark, tv_tensors.Image(image))
    assert first is mark
    assert type(second) is tv_tensors.Image
    assert second.shape == (3, 4, 4)


def test_all_images_of_a_sample_see_the_same_numbers():
    x = tv_tensors.Image(nptorch.rand(3, 20, 20))
    change = v2.Compose([v2.RandomCrop(9), v2.RandomRotation(40), v2.RandomHorizontalFlip(), v2.ColorJitter(0.5, 0.5)])
    a, b = change(x, x)
    assert nptorch.equal(a, b)
    assert not nptorch.equal(a, change(x))


def test_a_transform_of_ones_own():
    class Brighter(v2.Transform):
        def make_params(self, flat_inputs):
            return {"by": len(flat_inputs)}

        def transform(self, inpt, params):
            return inpt + params["by"]

    image = tv_tensors.Image(nptorch.zeros(1, 2, 2))
    a, label, b = Brighter()(image, 7, image)
    assert a.unique().tolist() == b.unique().tolist() == [2.0]
    assert label == 7


def test_images_are_tensors():
    image = tv_tensors.Image(np.arange(6, dtype=np.uint8).reshape(2, 3))
    assert image.shape == (1, 2, 3)
    assert repr(image).startswith("Image([[[0, 1, 2],")
    assert type(image + 1) is nptorch.Tensor
    assert type(v2.ToPureTensor()(image)) is nptorch.Tensor
    assert type(tv_tensors.wrap(image + 1, like=image)) is tv_tensors.Image
    assert tv_tensors.Image([[1.0]], requires_grad=True).requires_grad
    assert v2.functional.to_image(np.zeros((4, 5, 3))).shape == (3, 4, 5)
    with pytest.raises(ValueError, match="got 1D"):
        tv_tensors.Image([1.0])


@pytest.mark.parametrize(
    "transform",
    [
        v2.Compose([v2.ToImage(), v2.ToDtype(nptorch.float32, scale=True), v2.Normalize([0.5], [0.25])]),
        v2.Compose([v2.PILToTensor(), v2.ConvertImageDtype(nptorch.float32)]),
        v2.ToTensor(),
    ],
)
def test_batches_take_the_fast_road(transform):
    pixels = np.random.RandomState(0).randint(0, 256, (5, 4, 6), np.uint8)
    plan = batch_plan(transform, pixels)
    assert plan is not None
    batch = (pixels / np.float32(255) - (0 if plan.mean is None else plan.mean)) / (1 if plan.std is None else plan.std)
    single = np.stack([np.asarray(transform(Image.fromarray(image)).numpy())[0] for image in pixels])
    assert np.allclose(batch, single, atol=1e-6)


@pytest.mark.parametrize("transform", [v2.Compose([v2.ToImage(), v2.ToDtype(nptorch.float32)]), v2.ToImage()])
def test_what_does_not_scale_takes_the_other_road(transform):
    assert batch_plan(transform, np.zeros((5, 4, 6), np.uint8)) is None


def test_transforms_can_be_pickled():
    chain = v2.Compose([v2.Resize(6), v2.RandomCrop(4), v2.AutoAugment(), v2.ToDtype(nptorch.float32, scale=True)])
    image = nptorch.randint(0, 256, (3, 9, 9), dtype=nptorch.uint8)
    nptorch.manual_seed(0)
    made = chain(image)
    nptorch.manual_seed(0)
    assert nptorch.equal(pickle.loads(pickle.dumps(chain))(image), made)


X, Y = nptorch.rand(4, 3, 5, 5), nptorch.tensor([0, 1, 2, 0])


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: v2.Compose(3), TypeError, "sequence of callables, got int"),
        (lambda: v2.Compose([]), ValueError, "at least one"),
        (lambda: v2.RandomApply([abs], p=2), ValueError, "interval"),
        (lambda: v2.RandomChoice([abs], p=[1, 2]), ValueError, "2 != 1"),
        (lambda: v2.ToDtype("float"), ValueError, "torch.dtype"),
        (lambda: v2.ToDtype({int: nptorch.float32})(X), ValueError, "No dtype was specified"),
        (lambda: v2.Transform()(X), NotImplementedError, "transform"),
        (lambda: v2.functional.to_image("x"), TypeError, "got <class 'str'>"),
        (lambda: v2.GaussianNoise(sigma=-1)(X), ValueError, "negative. Got -1"),
        (lambda: v2.GaussianNoise()(Y[None]), ValueError, "uint8 or float"),
        (lambda: v2.functional.permute_channels(X, [0, 1]), ValueError, "2 doesn't match 3"),
        (lambda: v2.RandomCrop(9)(X), ValueError, r"\(9, 9\) is larger"),
        (lambda: v2.MixUp()(X, Y), ValueError, "num_classes must be passed"),
        (lambda: v2.MixUp(num_classes=3)(X, 3), ValueError, "labels must be a tensor"),
        (lambda: v2.MixUp(num_classes=3)(X, X), ValueError, "batch_size, num_classes"),
        (lambda: v2.MixUp(num_classes=3)(X, nptorch.rand(4, 2)), ValueError, "2 != 3"),
        (lambda: v2.MixUp(num_classes=3)(X[:3], Y), ValueError, r"\(4, C, H, W\) for the labels, got \[3, 3, 5, 5\]"),
        (lambda: v2.MixUp(num_classes=3)({"x": X, "y": Y}), ValueError, r"its keys are \['x', 'y'\]"),
    ],
)
def test_bad_input_gets_a_clear_error(make, error, words):
    with pytest.raises(error, match=words):
        make()

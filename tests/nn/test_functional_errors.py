"""What nn.functional says about bad input: the type that PyTorch raises, the words scripts look for, and what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest

import nptorch
from nptorch.nn import functional as F

# The call, and a pattern for what it must say.
ERRORS = [
    (
        "F.conv2d(T.zeros(2, 3, 8, 8), T.zeros(6, 1, 5, 5))",
        r"expected input\[2, 3, 8, 8\] to have 1 channels, but got 3 channels instead",
    ),
    (
        "F.conv2d(T.zeros(8, 8), T.zeros(6, 1, 5, 5))",
        r"Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d, but got input of size: \[8, 8\]",
    ),
    (
        "F.conv2d(T.zeros(2, 1, 2, 2), T.zeros(6, 1, 5, 5))",
        r"\(2 x 2\). Kernel size: \(5 x 5\). Kernel size can't be greater than actual input size",
    ),
    (
        "F.conv2d(T.zeros(2, 1, 8, 8), T.zeros(6, 1, 5, 5), T.zeros(5))",
        r"expected bias to be 1-dimensional with 6 elements, but got bias of size \[5\]",
    ),
    (
        "F.conv2d(T.zeros(2, 4, 8, 8), T.zeros(5, 2, 3, 3), groups=2)",
        r"expected weight to be divisible by 2 at dimension 0",
    ),
    ("F.conv2d(T.zeros(2, 1, 8, 8), T.zeros(6, 1, 5))", r"4D weight .* got a weight of size \[6, 1, 5\]"),
    ("F.conv2d(T.zeros(2, 1, 8, 8), T.zeros(6, 1, 5, 5), stride=0)", r"stride should be greater than zero"),
    ("F.conv2d(T.zeros(2, 1, 8, 8), T.zeros(6, 1, 5, 5), padding=-1)", "negative padding is not supported"),
    ("F.conv2d(T.zeros(2, 1, 8, 8), T.zeros(6, 1, 5, 5), padding='sam')", "Invalid padding string: 'sam'"),
    (
        "F.conv2d(T.zeros(2, 1, 8, 8), T.zeros(6, 1, 5, 5), stride=2, padding='same')",
        "not supported for strided convolutions",
    ),
    (
        "F.conv2d(T.zeros(2, 1, 8, 8), T.zeros(6, 1, 5, 5), stride=(1, 2, 3))",
        r"conv2d\(\) stride: expected a number or 2 numbers, got \[1, 2, 3\]",
    ),
    ("F.conv2d(T.zeros(2, 1, 8, 8), T.zeros(6, 1, 5, 5), groups=0)", "groups should be greater than zero"),
    ("F.conv2d(T.zeros(2, 1, 8, 8).double(), T.zeros(6, 1, 5, 5))", "expected all inputs to have the same dtype"),
    ("F.conv2d([1, 2], T.zeros(6, 1, 5, 5))", "argument 'input' .position 1. must be Tensor, not list"),
    ("F.conv1d(T.zeros(2, 3, 8, 8), T.zeros(6, 3, 5))", r"Expected 2D \(unbatched\) or 3D \(batched\) input to conv1d"),
    (
        "F.conv_transpose2d(T.zeros(2, 3, 4, 4), T.zeros(4, 3, 2, 2))",
        "Given transposed=1, .* to have 4 channels, but got 3 channels instead",
    ),
    (
        "F.conv_transpose2d(T.zeros(2, 3, 4, 4), T.zeros(3, 3, 2, 2), output_padding=1)",
        "output padding must be smaller than either stride or dilation",
    ),
    (
        "F.conv_transpose2d(T.zeros(2, 3, 4, 4), T.zeros(3, 2, 2, 2), T.zeros(3))",
        "expected bias to be 1-dimensional with 2 elements",
    ),
    ("F.unfold(T.zeros(1, 1, 2, 2), 3)", "calculated shape of the array of sliding blocks"),
    ("F.fold(T.zeros(1, 3, 4), (3, 3), 2)", "divisible by the product of kernel_size"),
    ("F.fold(T.zeros(1, 4, 5), (3, 3), 2)", r"2 \* 2 = 4"),
    (
        "F.linear(T.zeros(2, 5), T.zeros(4, 3))",
        r"mat1 and mat2 shapes cannot be multiplied \(2x5 and 3x4\).*takes 3 features",
    ),
    ("F.linear(T.zeros(2, 3), T.zeros(4, 3), T.zeros(5))", r"needs a bias of shape \[4\], got \[5\]"),
    ("F.linear(T.zeros(2, 3), T.zeros(4, 3).double())", "to have the same dtype"),
    ("F.linear([1.0], T.zeros(4, 3))", "argument 'input' .position 1. must be Tensor, not list"),
    (
        "F.bilinear(T.zeros(2, 3), T.zeros(2, 4), T.zeros(5, 3, 3))",
        "input2 size does not match weight size: got 4 but expected 3",
    ),
    ("F.max_pool2d(T.zeros(2, 2), 2)", r"3D or 4D input, but got input of size \[2, 2\]"),
    (
        "F.max_pool2d(T.zeros(1, 1, 3, 3), 4)",
        r"Given input size: \(1x3x3\). Calculated output size: \(1x0x0\). Output size is too small",
    ),
    ("F.max_pool2d(T.zeros(1, 1, 4, 4), 2, padding=2)", "pad should be at most half of effective kernel size"),
    ("F.max_pool2d(T.zeros(1, 1, 4, 4), 2, stride=0)", "must be greater than zero"),
    ("F.max_pool2d([1], 2)", "argument 'input' .position 1. must be Tensor, not list"),
    ("F.avg_pool2d(T.zeros(1, 1, 3, 3), 2, divisor_override=0)", "divisor must be not zero"),
    ("F.adaptive_avg_pool2d(T.zeros(1, 2, 3, 4), (1, 2, 3))", "output_size must be a number or 2 numbers"),
    ("F.max_unpool2d(T.zeros(1, 1, 1, 1), T.full((1, 1, 1, 1), 9), 2)", "found an invalid max index 9"),
    ("F.batch_norm(T.zeros(1, 3), None, None, training=True)", "Expected more than 1 value per channel when training"),
    ("F.batch_norm(T.zeros(4, 3), T.zeros(2), T.zeros(2))", "running_mean should contain 3 elements not 2"),
    ("F.batch_norm(T.zeros(4, 3), None, None, T.zeros(4), training=True)", "weight should contain 3 elements not 4"),
    (
        "F.layer_norm(T.zeros(4, 3), (4,))",
        r"Given normalized_shape=\[4\], expected input with shape \[\*, 4\], but got input of size\[4, 3\]",
    ),
    ("F.layer_norm(T.zeros(4, 3), (3,), T.zeros(4))", "Expected weight to be of same shape as normalized_shape"),
    ("F.group_norm(T.zeros(2, 3, 4), 2)", "number of channels in input to be divisible by num_groups"),
    ("F.instance_norm(T.zeros(2, 3, 1))", "Expected more than 1 spatial element when training"),
    ("F.local_response_norm(T.zeros(2, 3), 2)", "Expected 3D or higher dimensionality"),
    ("F.normalize(T.zeros(2, 3), dim=2)", "Dimension out of range"),
    ("F.cross_entropy(T.zeros(2, 3), T.tensor([0, 12]))", "Target 12 is out of bounds."),
    ("F.cross_entropy(T.zeros(2, 3), T.tensor([0, -1]))", "Target -1 is out of bounds."),
    (
        "F.cross_entropy(T.zeros(2, 3), T.tensor([0, 1, 2]))",
        r"Expected input batch_size \(2\) to match target batch_size \(3\)",
    ),
    ("F.cross_entropy(T.zeros(2, 3), T.tensor([0.0, 1.0]))", "expected target dtype .*long"),
    (
        "F.cross_entropy(T.zeros(2, 3), T.tensor([[0], [1]]))",
        "0D or 1D target tensor expected, multi-target not supported",
    ),
    ("F.cross_entropy(T.zeros(2, 3), T.tensor([0, 1]), reduction='avg')", "avg is not a valid value for reduction"),
    ("F.cross_entropy(T.zeros(2, 3), T.tensor([0, 1]), weight=T.ones(2))", "all 3 classes or no classes"),
    (
        "F.cross_entropy(T.zeros(2, 3), T.tensor([0, 1]), label_smoothing=2.0)",
        "label_smoothing must be between 0.0 and 1.0",
    ),
    ("F.cross_entropy(T.zeros(2, 3), [0, 1])", "argument 'target' .position 2. must be Tensor, not list"),
    ("F.cross_entropy(T.zeros(()), T.tensor(0))", ""),
    ("F.nll_loss(T.zeros(2, 3), T.tensor([0, 3]))", "Target 3 is out of bounds."),
    ("F.nll_loss(T.zeros(2, 3), T.tensor([0, 3]), weight=T.ones(3))", "Target 3 is out of bounds."),
    ("F.mse_loss(T.zeros(2), T.zeros(2), reduction='x')", "x is not a valid value for reduction"),
    ("F.binary_cross_entropy(T.zeros(2, 1), T.zeros(2))", "is different to the input size"),
    ("F.binary_cross_entropy(T.ones(2) * 2, T.zeros(2))", "all elements of input should be between 0 and 1"),
    ("F.binary_cross_entropy(T.ones(2), T.zeros(2).long())", "Found dtype .* but expected"),
    ("F.binary_cross_entropy_with_logits(T.zeros(2, 1), T.zeros(2))", "must be the same as input size"),
    ("F.binary_cross_entropy_with_logits(T.zeros(2), T.zeros(2).long())", ""),
    ("F.gaussian_nll_loss(T.zeros(2), T.zeros(2), -T.ones(2))", "var has negative entry/entries"),
    ("F.gaussian_nll_loss(T.zeros(2, 3), T.zeros(2, 3), T.ones(4))", "var is of incorrect size"),
    ("F.smooth_l1_loss(T.zeros(2), T.zeros(2), beta=-1.0)", "does not support negative values for beta"),
    ("F.huber_loss(T.zeros(2), T.zeros(2), delta=0.0)", "does not support non-positive values for delta"),
    ("F.margin_ranking_loss(T.zeros(2), T.zeros(2, 1), T.zeros(2))", "All input tensors should have same dimension"),
    ("F.cosine_embedding_loss(T.zeros(2, 3), T.zeros(2, 3), T.zeros(2, 1))", "2D target tensor expects 3D input"),
    ("F.multi_margin_loss(T.zeros(2, 3), T.tensor([0, 1]), p=3)", "only p == 1 and p == 2 supported"),
    ("F.multi_margin_loss(T.zeros(2, 3), T.tensor([0]))", "inconsistent target size"),
    ("F.multilabel_margin_loss(T.zeros(2, 3), T.zeros(2, 4).long())", "inconsistent target size"),
    (
        "F.triplet_margin_loss(T.zeros(2, 3), T.zeros(2, 3), T.zeros(2, 3), margin=-1.0)",
        "margin must be greater than 0",
    ),
    ("F.embedding(T.tensor([3]), T.zeros(3, 2))", "index out of range in self: 3"),
    ("F.embedding(T.tensor([1.0]), T.zeros(3, 2))", "Expected tensor for argument #1 'indices'"),
    ("F.one_hot(T.tensor([3]), 2)", "Class values must be smaller than num_classes"),
    ("F.one_hot(T.tensor([-3]))", "Class values must be non-negative"),
    ("F.one_hot(T.zeros(0).long())", "Can not infer total number of classes from empty tensor"),
    ("F.pad(T.zeros(2, 3), (1,))", "Padding length must be divisible by 2"),
    (
        "F.pad(T.zeros(1, 1, 3), (3, 0), 'reflect')",
        "Padding size should be less than the corresponding input dimension",
    ),
    ("F.pad(T.zeros(1, 1, 3), (1, 0), 'mirror')", "Unrecognised padding mode"),
    ("F.pixel_shuffle(T.zeros(1, 3, 2, 2), 2)", "divisible by the square of upscale_factor"),
    ("F.pixel_unshuffle(T.zeros(1, 3, 3, 2), 2)", "divisible by downscale_factor"),
    ("F.interpolate(T.zeros(1, 1, 2, 2))", "either size or scale_factor should be defined"),
    ("F.interpolate(T.zeros(1, 1, 2, 2), size=3, mode='linear')", "Got 4D input, but linear mode needs 3D input"),
    ("F.interpolate(T.zeros(1, 1, 2, 2), size=(3, 3, 3))", "must have the same number of spatial dimensions"),
    ("F.interpolate(T.zeros(1, 1, 2, 2), size=3, align_corners=True)", "align_corners"),
    ("F.interpolate(T.zeros(1, 1, 2, 2), size=3, mode='x')", "expected one of nearest"),
    ("F.softmax(T.zeros(2, 3), 2)", "Dimension out of range"),
    ("F.relu([1, 2])", "must be Tensor, not list"),
    ("F.relu(T.tensor([True]))", "Boolean inputs not supported for relu"),
    ("F.gelu(T.zeros(2), approximate='x')", "approximate argument must be either none or tanh"),
    ("F.glu(T.zeros(3))", "Halving dimension must be even"),
    ("F.prelu(T.zeros(2, 3), T.zeros(2))", "Found parameter numbers = 2 and channel size = 3"),
    ("F.hardtanh(T.zeros(2), 1.0, -1.0)", "min_val cannot be greater than max_val"),
    ("F.celu(T.zeros(2), 0.0)", "alpha cannot be 0 for CELU"),
    (
        "F.scaled_dot_product_attention(T.zeros(2, 3), T.zeros(2, 3), T.zeros(2, 3), T.zeros(2, 2), is_causal=True)",
        "attn_mask",
    ),
    ("F.embedding_bag(T.tensor([1, 2]), T.zeros(3, 2))", "offsets has to be a 1D Tensor"),
    ("F.embedding_bag(T.tensor([[1]]), T.zeros(3, 2), T.tensor([0]))", "if input is 2D, then offsets has to be None"),
    ("F.embedding_bag(T.tensor([1]), T.zeros(3, 2), T.tensor([1]))", r"offsets\[0\] has to be 0"),
    ("F.embedding_bag(T.tensor([1]), T.zeros(3, 2), T.tensor([0, 2]))", "can not be greater than input's length 1"),
    ("F.embedding_bag(T.tensor([[1]]), T.zeros(3, 2), mode='x')", "mode has to be one of sum, mean or max"),
    ("F.embedding_bag(T.tensor([[1]]), T.zeros(3, 2), sparse=True, mode='max')", "max mode does not support sparse"),
    (
        "F.embedding_bag(T.tensor([[1]]), T.zeros(3, 2), per_sample_weights=T.ones(1, 1))",
        "per_sample_weights is only supported for mode='sum'",
    ),
    (
        "F.embedding_bag(T.tensor([[1]]), T.zeros(3, 2), per_sample_weights=T.ones(1), mode='sum')",
        "must have the same shape as the input",
    ),
    ("F.embedding_bag(T.tensor([[3]]), T.zeros(3, 2))", "index out of range|is not within"),
    ("F.embedding(T.tensor([0]), T.zeros(3))", "'weight' must be 2-D"),
    ("F.conv1d(T.zeros(1, 2, 4), T.zeros(2, 2))", "expected a 3D weight|at least three dimensions"),
    ("F.conv3d(T.zeros(1, 1, 3, 3, 3), T.zeros(1, 1, 2, 2, 2), T.zeros(1).double())", "same dtype|should be the same"),
    ("F.max_pool1d(T.zeros(1, 2, 4), 2, 0)", "must be greater than zero"),
    ("F.max_pool2d(T.zeros(1, 0, 4, 4), 2)", "Expected input's non-batch dimensions to have positive length"),
    ("F.avg_pool3d(T.zeros(1, 1, 2, 2, 2), 1, divisor_override=0)", "divisor must be not zero"),
    ("F.adaptive_max_pool2d(T.zeros(2, 2), (1, 1))", "Input dimension should be at least 3"),
    ("F.adaptive_avg_pool2d(T.zeros(1, 2, 2), (-1, 1))", "elements of output_size must be greater than or equal to 0"),
    ("F.group_norm(T.zeros(2, 4, 3), 2, T.ones(3), T.zeros(4))", "Expected weight to be a vector of size equal"),
    ("F.group_norm(T.zeros(2, 4, 3), 2, T.ones(4), T.zeros(1))", "Expected bias to be a vector of size equal"),
    ("F.group_norm(T.zeros(3), 1)", "Expected at least 2 dimensions for input tensor but received 1"),
    ("F.layer_norm(T.zeros(3), [])", "Expected normalized_shape to be at least 1-dimensional"),
    ("F.prelu(T.zeros(3), T.zeros(1, 1))", "Expected `weight` to be a scalar or 1D tensor"),
    ("F.rrelu(T.zeros(3), 1, 0.5)", "Lower bound should be less than or equal to the upper bound"),
    ("F.multi_margin_loss(T.zeros(2, 3), T.zeros(2))", "type Long but found"),
    ("F.multi_margin_loss(T.zeros(2, 3), T.tensor([0, 1]), weight=T.ones(4))", "inconsistent weight size, expected 3"),
    ("F.multilabel_margin_loss(T.zeros(2, 0), T.zeros(2, 0).long())", "Expected non-empty vector or matrix"),
    ("F.pad(T.zeros(3), (1, 1), 'circular')", "Padding size 2 is not supported for 1D input tensor"),
    (
        "F.batch_norm(T.zeros(2, 3), None, None, training=True, eps=0.0)",
        "batch_norm eps must be positive during training",
    ),
    (
        "F.cross_entropy(T.zeros(3, 2), T.zeros(3, 2), ignore_index=0)",
        "ignore_index is not supported for floating point",
    ),
    ("F.cross_entropy(T.zeros(3, 2), T.tensor([0, 1, 0]), T.ones(2).double())", "expected (scalar|a weight of) type"),
    ("F.cross_entropy(T.zeros(3, 2), T.zeros(2))", "Expected input batch_size"),
    ("F.pdist(T.zeros(2, 2, 2))", "pdist only supports 2D tensors, got: 3D"),
    ("F.grid_sample(T.zeros(1, 1, 2, 2), T.zeros(1, 2, 2, 3), align_corners=True)", "with sizes"),
    ("F.grid_sample(T.zeros(1, 1, 2, 2), T.zeros(1, 2, 2, 2), mode='cubic')", "expected mode to be"),
    ("F.grid_sample(T.zeros(1, 1, 2, 2), T.zeros(1, 2, 2, 2), padding_mode='x')", "expected padding_mode to be"),
    ("F.affine_grid(T.zeros(1, 2, 2), (1, 1, 2, 2), True)", "Expected a batch of 2D affine matrices of shape Nx2x3"),
    ("F.affine_grid(T.zeros(1, 2, 3), (1, 1, 2), True)", "affine_grid only supports 4D and 5D sizes"),
    ("F.affine_grid(T.zeros(1, 2, 3), (1, 1, 2, 0), True)", "Expected non-zero, positive output size"),
    ("F.fractional_max_pool2d(T.zeros(1, 1, 4, 4), 2)", "requires specifying either an output_size or an output_ratio"),
    ("F.fractional_max_pool2d(T.zeros(1, 1, 4, 4), 2, 4)", "4 windows of 2 do not fit"),
    ("F.ctc_loss(T.zeros(2, 1, 3), T.tensor([[1]]), (3,), (1,))", "Expected input_lengths to have"),
    ("F.ctc_loss(T.zeros(2, 1, 3), T.tensor([[1]]), (2,), (2,))", "Expected target_lengths to have"),
    ("F.ctc_loss(T.zeros(2, 1, 3), T.tensor([[1]]), (2, 2), (1,))", "input_lengths must be of size batch_size"),
    ("F.ctc_loss(T.zeros(2, 1, 3), T.tensor([[1]]), (2,), (1,), blank=3)", "blank must be in label range"),
]


def raised(package: Any, call: str) -> BaseException:
    try:
        eval(call, {"F": package.nn.functional, "T": package})
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(("call", "words"), ERRORS, ids=[call for call, _ in ERRORS])
def test_the_words(call: str, words: str) -> None:
    assert re.search(words, str(raised(nptorch, call)))


@pytest.mark.parametrize("call", [call for call, _ in ERRORS])
def test_pytorchs_type(call: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = raised(nptorch, call), raised(torch, call)
    assert isinstance(theirs, type(ours)) or isinstance(ours, type(theirs)), f"PyTorch raises {theirs!r}"


def test_a_target_of_another_shape_warns() -> None:
    with pytest.warns(UserWarning, match=r"Using a target size \(nptorch.Size\(\[3\]\)\) that is different"):
        F.mse_loss(nptorch.zeros(3, 1), nptorch.zeros(3))


def test_the_older_reduction_arguments_warn() -> None:
    with pytest.warns(UserWarning, match="please use reduction='sum' instead"):
        F.mse_loss(nptorch.zeros(3), nptorch.zeros(3), size_average=False)


@pytest.mark.parametrize(("shape", "dim"), [((3,), 0), ((3, 4), 1), ((2, 3, 4), 0), ((2, 3, 4, 5), 1)])
@pytest.mark.parametrize("f", [F.softmax, F.log_softmax, F.softmin])
def test_an_implicit_dimension_warns(f: Any, shape: tuple[int, ...], dim: int) -> None:
    x = nptorch.arange(float(nptorch.Size(shape).numel())).sin().reshape(shape)
    with pytest.warns(UserWarning, match="Implicit dimension choice"):
        implicit = f(x)
    assert (implicit == f(x, dim)).all()


IN_PLACE = [
    "relu", "leaky_relu", "elu", "selu", "celu", "hardtanh", "relu6", "silu", "mish", "hardswish", "hardsigmoid",
    "rrelu",
]  # fmt: skip


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_writes_and_differentiates(name: str) -> None:
    f = getattr(F, name)
    x = nptorch.linspace(-4, 7, 23, dtype=nptorch.float64).requires_grad_()
    y = f(x)
    (expected,) = nptorch.autograd.grad((y * y).sum(), x)
    z = x * 1
    same = f(z, inplace=True)
    assert same is z
    assert (z == y).all()
    (got,) = nptorch.autograd.grad((z * z).sum(), x)
    assert (got - expected).abs().max() < 1e-12


def test_in_place_on_a_leaf_that_requires_grad_is_refused() -> None:
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        F.relu(nptorch.ones(3, requires_grad=True), inplace=True)


def test_batch_norm_moves_the_running_statistics() -> None:
    torch = pytest.importorskip("torch")
    found = []
    for T in (nptorch, torch):
        x = T.arange(24.0).reshape(4, 3, 2).sin() * 3 + 1
        mean, var = T.zeros(3), T.ones(3)
        for momentum in (0.1, 0.5):
            T.nn.functional.batch_norm(x, mean, var, training=True, momentum=momentum)
        T.nn.functional.instance_norm(x, mean, var, momentum=0.3)
        found.append([mean.tolist(), var.tolist()])
    for ours, theirs in zip(*found, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-6)

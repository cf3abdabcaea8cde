"""The layers against PyTorch: attributes, text, first weights bit for bit, and that forward calls what it should."""

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import nptorch
from nptorch import nn

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "modules.json").read_text())

# How the layers are made; the same text is evaluated with either package as `nn`, the other as `t`.
LAYERS = [
    "nn.Identity(3, x=4)",
    "nn.Linear(5, 3)",
    "nn.Linear(5, 3, bias=False)",
    "nn.Bilinear(3, 4, 5)",
    "nn.Conv1d(3, 6, 3, padding='same', dilation=2)",
    "nn.Conv1d(3, 6, 4, padding='same')",
    "nn.Conv2d(1, 6, kernel_size=5, padding=2)",
    "nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=2, groups=2, bias=False)",
    "nn.Conv2d(4, 6, 3, padding='valid')",
    "nn.Conv2d(4, 6, 3, padding=1, padding_mode='circular')",
    "nn.Conv3d(2, 3, 2)",
    "nn.ConvTranspose1d(4, 6, 3)",
    "nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2)",
    "nn.MaxPool1d(3, 2)",
    "nn.MaxPool2d(2)",
    "nn.MaxPool2d((3, 2), (2, 1), padding=1, ceil_mode=True, return_indices=True)",
    "nn.AvgPool1d(2)",
    "nn.AvgPool2d(2)",
    "nn.AvgPool2d(3, 2, 1, True, False, 4)",
    "nn.AdaptiveAvgPool1d(3)",
    "nn.AdaptiveAvgPool2d((1, None))",
    "nn.AdaptiveMaxPool1d(3, True)",
    "nn.AdaptiveMaxPool2d(3)",
    "nn.LPPool1d(2, 3)",
    "nn.LPPool2d(2, 3, stride=1)",
    "nn.BatchNorm1d(3)",
    "nn.BatchNorm2d(3, eps=1e-3, momentum=None, affine=False)",
    "nn.BatchNorm2d(3, track_running_stats=False)",
    "nn.BatchNorm3d(3, bias=False)",
    "nn.InstanceNorm1d(3)",
    "nn.InstanceNorm2d(3, affine=True, track_running_stats=True)",
    "nn.InstanceNorm3d(3)",
    "nn.LayerNorm(3)",
    "nn.LayerNorm([2, 3], bias=False)",
    "nn.LayerNorm((2, 3), elementwise_affine=False)",
    "nn.GroupNorm(2, 4)",
    "nn.GroupNorm(2, 4, affine=False)",
    "nn.RMSNorm(3)",
    "nn.RMSNorm((2, 3), eps=1e-6, elementwise_affine=False)",
    "nn.LocalResponseNorm(2)",
    "nn.Dropout()",
    "nn.Dropout1d(0.2)",
    "nn.Dropout2d(0.2, inplace=True)",
    "nn.Dropout3d(0.2)",
    "nn.AlphaDropout()",
    "nn.FeatureAlphaDropout()",
    "nn.Embedding(7, 5)",
    "nn.Embedding(4, 3, padding_idx=-1, max_norm=1.0, norm_type=1.0, scale_grad_by_freq=True, sparse=True)",
    "nn.EmbeddingBag(7, 5)",
    "nn.EmbeddingBag(4, 3, 1.0, 1.0, True, 'sum', padding_idx=-1)",
    "nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 9], div_value=2.0)",
    "nn.LazyLinear(3)",
    "nn.LazyConv1d(6, 3)",
    "nn.LazyConv2d(6, (3, 2), padding=1, groups=2, bias=False)",
    "nn.LazyConv3d(6, 3, padding_mode='circular', padding='same')",
    "nn.LazyConvTranspose1d(6, 3, 2)",
    "nn.LazyConvTranspose2d(6, 3, output_padding=1, stride=2)",
    "nn.LazyConvTranspose3d(6, 3)",
    "nn.LazyBatchNorm1d()",
    "nn.LazyBatchNorm2d(momentum=None, affine=False)",
    "nn.LazyBatchNorm3d(bias=False)",
    "nn.LazyInstanceNorm1d()",
    "nn.LazyInstanceNorm2d(affine=True, track_running_stats=False)",
    "nn.LazyInstanceNorm3d()",
    "nn.SyncBatchNorm(3)",
    "nn.DataParallel(nn.Linear(2, 3))",
    "nn.FractionalMaxPool2d(2, output_size=(3, 2))",
    "nn.FractionalMaxPool3d(2, output_ratio=0.5, return_indices=True)",
    "nn.CrossMapLRN2d(5)",
    "nn.CTCLoss(1, zero_infinity=True)",
    "nn.Flatten()",
    "nn.Unflatten(1, (2, 3))",
    "nn.ReLU()",
    "nn.ReLU(inplace=True)",
    "nn.LeakyReLU(0.2, True)",
    "nn.ELU(0.5)",
    "nn.CELU(0.5, True)",
    "nn.SELU(True)",
    "nn.SiLU()",
    "nn.Mish(True)",
    "nn.GELU()",
    "nn.GELU('tanh')",
    "nn.GLU()",
    "nn.Hardtanh(-2.0, 2.0)",
    "nn.ReLU6()",
    "nn.RReLU()",
    "nn.PReLU(3)",
    "nn.Threshold(0.1, 20.0)",
    "nn.Hardswish(True)",
    "nn.Hardsigmoid()",
    "nn.Sigmoid()",
    "nn.Tanh()",
    "nn.LogSigmoid()",
    "nn.Softsign()",
    "nn.Tanhshrink()",
    "nn.Softplus(2.0)",
    "nn.Hardshrink()",
    "nn.Softshrink(0.3)",
    "nn.Softmax(1)",
    "nn.Softmin(-1)",
    "nn.LogSoftmax(dim=1)",
    "nn.Softmax2d()",
    "nn.ZeroPad1d(1)",
    "nn.ZeroPad2d((1, 2, 0, 1))",
    "nn.ZeroPad3d(1)",
    "nn.ConstantPad1d(1, 2.0)",
    "nn.ConstantPad2d(1, 2.0)",
    "nn.ConstantPad3d(1, 2.0)",
    "nn.ReflectionPad1d(2)",
    "nn.ReflectionPad2d(1)",
    "nn.ReflectionPad3d(1)",
    "nn.ReplicationPad1d((1, 2))",
    "nn.ReplicationPad2d(1)",
    "nn.ReplicationPad3d(1)",
    "nn.CircularPad1d(1)",
    "nn.CircularPad2d(1)",
    "nn.CircularPad3d(1)",
    "nn.Upsample(scale_factor=2)",
    "nn.Upsample(size=(3, 4), mode='bilinear')",
    "nn.UpsamplingNearest2d(scale_factor=(2, 3))",
    "nn.UpsamplingBilinear2d(size=4)",
    "nn.PixelShuffle(2)",
    "nn.PixelUnshuffle(2)",
    "nn.ChannelShuffle(2)",
    "nn.Fold((4, 5), (2, 2))",
    "nn.Unfold(2)",
    "nn.PairwiseDistance(1.0, keepdim=True)",
    "nn.CosineSimilarity(2)",
    "nn.L1Loss()",
    "nn.MSELoss(reduction='sum')",
    "nn.SmoothL1Loss(beta=0.5)",
    "nn.HuberLoss()",
    "nn.NLLLoss(t.ones(3))",
    "nn.CrossEntropyLoss(t.ones(3), ignore_index=2, label_smoothing=0.1)",
    "nn.BCELoss()",
    "nn.BCEWithLogitsLoss(pos_weight=t.ones(3))",
    "nn.KLDivLoss(reduction='batchmean')",
    "nn.PoissonNLLLoss()",
    "nn.GaussianNLLLoss(full=True)",
    "nn.SoftMarginLoss()",
    "nn.MultiLabelMarginLoss()",
    "nn.MultiLabelSoftMarginLoss()",
    "nn.MultiMarginLoss(p=2)",
    "nn.HingeEmbeddingLoss()",
    "nn.MarginRankingLoss(0.1)",
    "nn.CosineEmbeddingLoss()",
    "nn.TripletMarginLoss()",
    "nn.TripletMarginWithDistanceLoss()",
    "nn.Sequential()",
    "nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Sequential(nn.Tanh()))",
    "nn.ModuleList()",
    "nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Sequential(nn.Tanh()), nn.Linear(1, 1), nn.Linear(1, 1)])",
    "nn.ModuleDict({'a': nn.ReLU(), 'b': nn.ModuleList([nn.Tanh()])})",
    "nn.ParameterDict({'a': nn.Parameter(t.ones(2)), 'b': 3})",
]

# Layers whose forward has a test here: what it is called with (shapes; integers where the dtype says so).
FORWARDS = {
    "nn.Linear(5, 3)": [(2, 5)],
    "nn.Bilinear(3, 4, 5)": [(2, 3), (2, 4)],
    "nn.Conv1d(3, 6, 3, padding='same', dilation=2)": [(2, 3, 9)],
    "nn.Conv1d(3, 6, 4, padding='same')": [(2, 3, 9)],
    "nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=2, groups=2, bias=False)": [(2, 4, 9, 8)],
    "nn.Conv2d(4, 6, 3, padding=1, padding_mode='circular')": [(2, 4, 6, 7)],
    "nn.Conv3d(2, 3, 2)": [(1, 2, 4, 5, 3)],
    "nn.ConvTranspose1d(4, 6, 3)": [(2, 4, 5)],
    "nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2)": [(2, 4, 3, 5)],
    "nn.MaxPool1d(3, 2)": [(2, 3, 9)],
    "nn.MaxPool2d(2)": [(2, 3, 6, 7)],
    "nn.MaxPool2d((3, 2), (2, 1), padding=1, ceil_mode=True, return_indices=True)": [(2, 3, 6, 7)],
    "nn.AvgPool1d(2)": [(2, 3, 9)],
    "nn.AvgPool2d(3, 2, 1, True, False, 4)": [(2, 3, 8, 7)],
    "nn.AdaptiveAvgPool1d(3)": [(2, 3, 8)],
    "nn.AdaptiveAvgPool2d((1, None))": [(2, 3, 8, 5)],
    "nn.AdaptiveMaxPool1d(3, True)": [(2, 3, 8)],
    "nn.AdaptiveMaxPool2d(3)": [(2, 3, 8, 5)],
    "nn.LPPool1d(2, 3)": [(2, 3, 8)],
    "nn.LPPool2d(2, 3, stride=1)": [(2, 3, 8, 5)],
    "nn.BatchNorm1d(3)": [(4, 3)],
    "nn.BatchNorm2d(3, eps=1e-3, momentum=None, affine=False)": [(4, 3, 2, 2)],
    "nn.BatchNorm2d(3, track_running_stats=False)": [(4, 3, 2, 2)],
    "nn.BatchNorm3d(3, bias=False)": [(2, 3, 2, 2, 2)],
    "nn.InstanceNorm1d(3)": [(3, 8)],
    "nn.InstanceNorm2d(3, affine=True, track_running_stats=True)": [(2, 3, 4, 4)],
    "nn.InstanceNorm3d(3)": [(2, 3, 2, 4, 4)],
    "nn.LayerNorm(3)": [(2, 4, 3)],
    "nn.LayerNorm([2, 3], bias=False)": [(4, 2, 3)],
    "nn.GroupNorm(2, 4)": [(2, 4, 3)],
    "nn.RMSNorm(3)": [(2, 3)],
    "nn.LocalResponseNorm(2)": [(2, 5, 3, 3)],
    "nn.Flatten()": [(2, 3, 4)],
    "nn.Unflatten(1, (2, 3))": [(2, 6)],
    "nn.GLU()": [(2, 6)],
    "nn.PReLU(3)": [(2, 3, 4)],
    "nn.Softmax2d()": [(2, 3, 2, 2)],
    "nn.ZeroPad2d((1, 2, 0, 1))": [(2, 3, 4, 4)],
    "nn.ConstantPad1d(1, 2.0)": [(2, 3, 4)],
    "nn.ReflectionPad1d(2)": [(2, 3, 4)],
    "nn.ReplicationPad2d(1)": [(2, 3, 4, 4)],
    "nn.CircularPad2d(1)": [(2, 3, 4, 4)],
    "nn.Upsample(scale_factor=2)": [(2, 3, 4, 4)],
    "nn.UpsamplingBilinear2d(size=4)": [(2, 3, 2, 3)],
    "nn.PixelShuffle(2)": [(2, 8, 2, 3)],
    "nn.PixelUnshuffle(2)": [(2, 2, 4, 6)],
    "nn.ChannelShuffle(2)": [(2, 4, 3)],
    "nn.Fold((4, 5), (2, 2))": [(2, 8, 12)],
    "nn.Unfold(2)": [(2, 3, 4, 5)],
    "nn.PairwiseDistance(1.0, keepdim=True)": [(2, 3), (2, 3)],
    "nn.CosineSimilarity(2)": [(2, 3, 4), (2, 3, 4)],
    "nn.L1Loss()": [(2, 3), (2, 3)],
    "nn.MSELoss(reduction='sum')": [(2, 3), (2, 3)],
    "nn.SmoothL1Loss(beta=0.5)": [(2, 3), (2, 3)],
    "nn.HuberLoss()": [(2, 3), (2, 3)],
    "nn.NLLLoss(t.ones(3))": [(4, 3), "classes"],
    "nn.CrossEntropyLoss(t.ones(3), ignore_index=2, label_smoothing=0.1)": [(4, 3), "classes"],
    "nn.BCELoss()": ["probabilities", "probabilities"],
    "nn.BCEWithLogitsLoss(pos_weight=t.ones(3))": [(4, 3), "probabilities"],
    "nn.KLDivLoss(reduction='batchmean')": [(4, 3), "probabilities"],
    "nn.PoissonNLLLoss()": [(4, 3), "probabilities"],
    "nn.GaussianNLLLoss(full=True)": [(4, 3), (4, 3), "probabilities"],
    "nn.SoftMarginLoss()": [(4, 3), "signs"],
    "nn.MultiLabelMarginLoss()": [(4, 3), "labels"],
    "nn.MultiLabelSoftMarginLoss()": [(4, 3), "probabilities"],
    "nn.MultiMarginLoss(p=2)": [(4, 3), "classes"],
    "nn.HingeEmbeddingLoss()": [(4, 3), "signs"],
    "nn.MarginRankingLoss(0.1)": [(4, 3), (4, 3), "signs"],
    "nn.CosineEmbeddingLoss()": [(4, 3), (4, 3), "sign per row"],
    "nn.TripletMarginLoss()": [(4, 3), (4, 3), (4, 3)],
    "nn.TripletMarginWithDistanceLoss()": [(4, 3), (4, 3), (4, 3)],
}
ELEMENTWISE = [
    text
    for text in LAYERS
    if text.startswith(
        (
            "nn.ReLU", "nn.LeakyReLU", "nn.ELU", "nn.CELU", "nn.SELU", "nn.SiLU", "nn.Mish", "nn.GELU", "nn.Hard", "nn.Threshold",
            "nn.Sigmoid", "nn.Tanh", "nn.LogSigmoid", "nn.Softsign", "nn.Softplus", "nn.Softshrink", "nn.Softmax(", "nn.Softmin",
            "nn.LogSoftmax",
        )
    )
]  # fmt: skip
FORWARDS.update({text: [(2, 5)] for text in ELEMENTWISE})


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def make(text, package):
    return eval(text, {"nn": package.nn, "t": package})


def plain(module):
    """The attributes of a module that are plain Python values."""
    return {
        key: value
        for key, value in module.__dict__.items()
        if isinstance(value, (int, float, str, tuple, list, type(None)))
    }


@pytest.mark.parametrize("text", LAYERS)
def test_attributes_and_text_as_pytorch(text, torch):
    mine, theirs = make(text, nptorch), make(text, torch)
    ours_text = repr(mine).replace("nptorch.FloatTensor", "torch.FloatTensor")
    assert ours_text == repr(theirs)
    assert set(mine.__dict__) == set(theirs.__dict__)
    assert plain(mine) == plain(theirs)
    assert mine._version == theirs._version
    assert type(mine).__module__ == "np" + type(theirs).__module__
    for registry in ("_parameters", "_buffers", "_modules"):
        assert list(getattr(mine, registry)) == list(getattr(theirs, registry))
    assert mine.state_dict()._metadata == theirs.state_dict()._metadata


@pytest.mark.parametrize("text", [text for text in LAYERS if "Loss" not in text and "Lazy" not in text])
def test_first_weights_bit_for_bit(text, torch):
    nptorch.manual_seed(5)
    torch.manual_seed(5)
    mine, theirs = make(text, nptorch).state_dict(), make(text, torch).state_dict()
    assert list(mine) == list(theirs)
    for key, value in theirs.items():
        assert mine[key].numpy().dtype == value.numpy().dtype
        np.testing.assert_array_equal(mine[key].numpy(), value.numpy(), err_msg=key)


@pytest.mark.parametrize("text", sorted(GOLDEN["weights"]))
def test_first_weights_without_pytorch(text):
    nptorch.manual_seed(GOLDEN["seed"])
    state = make(text, nptorch).state_dict()
    for key, expected in GOLDEN["weights"][text].items():
        np.testing.assert_array_equal(state[key].numpy().reshape(-1)[: len(expected)], np.float32(expected))


def inputs(kinds):
    rng = np.random.default_rng(7)
    arrays = []
    for kind in kinds:
        if kind == "classes":
            arrays.append(rng.integers(0, 2, 4))
        elif kind == "labels":
            arrays.append(np.array([[0, 2, -1], [1, -1, 0], [-1, 0, 1], [2, 1, 0]]))
        elif kind == "probabilities":
            arrays.append(rng.uniform(0.05, 0.95, (4, 3)))
        elif kind == "signs":
            arrays.append(rng.choice([-1.0, 1.0], (4, 3)))
        elif kind == "sign per row":
            arrays.append(np.array([1.0, -1.0, 1.0, -1.0]))
        else:
            arrays.append(rng.standard_normal(kind))
    return arrays


def outputs(module, tensors):
    result = module(*tensors)
    return list(result) if isinstance(result, tuple) else [result]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize("text", sorted(FORWARDS))
def test_forward_and_gradients_as_pytorch(text, torch):
    """In training, twice (so that running statistics count), then in evaluation."""
    arrays = inputs(FORWARDS[text])
    theirs = make(text, torch).double()
    mine = make(text, nptorch).double()
    mine.load_state_dict({key: nptorch.tensor(value.numpy()) for key, value in theirs.state_dict().items()})
    for training in (True, True, False):
        results = []
        for package, module in ((nptorch, mine), (torch, theirs)):
            module.train(training).zero_grad()
            leaves = [package.tensor(a, requires_grad=a.dtype.kind == "f" and i == 0) for i, a in enumerate(arrays)]
            # Not a leaf, so that in-place layers may write.
            out = outputs(module, [leaves[0] * 1, *leaves[1:]])
            (out[0] * out[0]).sum().backward()
            gradients = [leaves[0].grad, *(p.grad for p in module.parameters())]
            results.append([x.detach().numpy() for x in (*out, *gradients, *module.buffers())])
        assert len(results[0]) == len(results[1])
        for got, expected in zip(*results, strict=True):
            assert got.shape == expected.shape
            # PyTorch's hardsigmoid has 1/6 in float32, also for float64.
            np.testing.assert_allclose(got, expected, rtol=1e-7 if "Hardsigmoid" in text else 1e-9, atol=1e-11)


def test_batchnorm_whose_tracking_was_switched_off(torch):
    """Training then leaves the running statistics alone, evaluation uses them."""
    results = []
    for package in (nptorch, torch):
        layer = package.nn.BatchNorm1d(3)
        x = package.arange(12.0).reshape(4, 3)
        layer(x)
        layer.track_running_stats = False
        outputs = [layer(x), layer.eval()(x), layer.running_mean, layer.num_batches_tracked]
        results.append([out.detach().numpy() for out in outputs])
    for got, expected in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_dropout_draws_as_pytorch(torch):
    for text in ("nn.Dropout(0.3)", "nn.Dropout2d(0.5)", "nn.AlphaDropout(0.3)"):
        results = []
        for package in (nptorch, torch):
            package.manual_seed(3)
            layer = make(text, package)
            x = package.ones(4, 5, 3, 2)
            results.append([layer(x).numpy(), layer.eval()(x).numpy()])
        np.testing.assert_array_equal(results[0][1], results[1][1])
        np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-6)


def test_embedding_forward(torch):
    theirs, mine = torch.nn.Embedding(6, 3, padding_idx=1), nn.Embedding(6, 3, padding_idx=1)
    mine.load_state_dict({"weight": nptorch.tensor(theirs.weight.detach().numpy())})
    index = [[0, 1, 5], [5, 2, 1]]
    got, expected = mine(nptorch.tensor(index)), theirs(torch.tensor(index))
    np.testing.assert_array_equal(got.detach().numpy(), expected.detach().numpy())
    got.sum().backward()
    expected.sum().backward()
    np.testing.assert_array_equal(mine.weight.grad.numpy(), theirs.weight.grad.numpy())
    fixed = nn.Embedding.from_pretrained(nptorch.ones(4, 2))
    assert not fixed.weight.requires_grad
    assert repr(fixed) == "Embedding(4, 2)"


def test_transposed_convolution_to_a_wanted_size(torch):
    results = []
    for package in (nptorch, torch):
        package.manual_seed(0)
        layer = package.nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1)
        results.append(layer(package.ones(1, 2, 4, 4), output_size=(8, 7)).detach().numpy())
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="requested an output size"):
        nn.ConvTranspose2d(2, 3, 3, stride=2)(nptorch.ones(1, 2, 4, 4), output_size=(20, 20))


@pytest.mark.parametrize("text", LAYERS)
def test_layers_copy_and_pickle(text):
    layer = make(text, nptorch)
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert repr(again) == repr(layer)
        assert list(again.__dict__) == list(layer.__dict__)


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_layers_take_dtype_and_device(dtype):
    wanted = getattr(nptorch, dtype)
    for text in (
        "Linear(2, 3",
        "Conv2d(1, 2, 3",
        "BatchNorm1d(2",
        "Embedding(2, 3",
        "LayerNorm(2",
        "Bilinear(1, 2, 3",
        "PReLU(1",
    ):
        layer = eval(f"nn.{text}, dtype=wanted, device='cpu')", {"nn": nn, "wanted": wanted})
        assert {p.dtype for p in layer.parameters()} == {wanted}
    assert nn.BatchNorm1d(2, dtype=wanted).running_mean.dtype is wanted
    assert nn.BatchNorm1d(2, dtype=wanted).num_batches_tracked.dtype is nptorch.int64


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("Conv2d(3, 4, 3, groups=2)", ValueError, r"in_channels \(3\) must be divisible by groups \(2\)"),
        ("Conv2d(4, 3, 3, groups=2)", ValueError, r"out_channels \(3\) must be divisible by groups \(2\)"),
        ("Conv2d(4, 4, 3, groups=0)", ValueError, "groups must be a positive integer, got 0"),
        ("Conv2d(4, 4, 3, padding='full')", ValueError, "Invalid padding string 'full'"),
        ("Conv2d(4, 4, 3, stride=2, padding='same')", ValueError, "not supported for strided convolutions"),
        ("Conv2d(4, 4, 3, padding_mode='mirror')", ValueError, "padding_mode must be one of"),
        ("Conv2d(4, 4, (3, 3, 3))", ValueError, "kernel_size must be one number or 2 of them"),
        ("ConvTranspose2d(4, 4, 3, padding_mode='reflect')", ValueError, 'Only "zeros" padding mode'),
        ("GroupNorm(3, 4)", ValueError, r"num_channels \(4\) must be divisible by num_groups \(3\)"),
        ("Dropout(1.5)", ValueError, "dropout probability has to be between 0 and 1, but got 1.5"),
        ("Embedding(3, 2, padding_idx=3)", ValueError, "Padding_idx must be within num_embeddings"),
        ("Embedding.from_pretrained(nptorch.ones(3))", ValueError, "2-dimensional"),
        ("Bilinear(0, 1, 2)", ValueError, "in1_features must be > 0, but got 0"),
        ("Hardtanh(1.0, -1.0)", ValueError, "must be larger"),
        ("MultiMarginLoss(p=3)", ValueError, "only p == 1 and p == 2 supported"),
        ("TripletMarginLoss(margin=0)", ValueError, "margin to be greater than 0"),
        ("Unflatten('c', (1, 2))", TypeError, "Unflatten dim must be an int"),
        ("Unflatten(1, (1, 2.0))", TypeError, "element of type float at pos 1"),
        ("ZeroPad2d((1, 2, 3))", ValueError, "padding must be one number or 4 of them"),
        ("Sequential(nn.ReLU(), 3)", TypeError, "int is not a Module subclass"),
        ("Linear(2, 2, device='cuda')", RuntimeError, "device 'cuda' is not available"),
        ("BatchNorm2d(3)(nptorch.ones(2, 3))", ValueError, r"expected 4D input \(got 2D input\)"),
        ("BatchNorm1d(3)(nptorch.ones(3))", ValueError, r"expected 2D or 3D input \(got 1D input\)"),
        ("InstanceNorm2d(3, affine=True)(nptorch.ones(2, 4, 2, 2))", ValueError, "to match num_features"),
        ("Softmax2d()(nptorch.ones(2))", ValueError, "expected input to be 3D or 4D"),
    ],
)
def test_bad_input(text, error, message):
    with pytest.raises(error, match=message):
        eval(f"nn.{text}", {"nn": nn, "nptorch": nptorch})


def test_old_arguments_warn_as_in_pytorch():
    with pytest.warns(UserWarning, match="please use reduction='sum'"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.warns(UserWarning, match="please use reduction='none'"):
        assert nn.L1Loss(reduce=False).reduction == "none"
    with pytest.warns(FutureWarning, match="renamed to `min_val`"):
        assert nn.Hardtanh(min_value=-3.0).min_val == -3.0

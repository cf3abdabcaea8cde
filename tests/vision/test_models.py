"""torchvision's networks against its recorded answers; weights; files of whole networks."""

from __future__ import annotations

import functools
import http.server
import json
import re
import threading
from pathlib import Path

import numpy as np
import pytest

import nptorch
from nptorch import hub
from nptorch.errors import DataError
from nptorch.vision import models
from tests.vision import networks

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "vision_models.json").read_text())


def check(name):
    found, expected = networks.answer(name, nptorch, models), GOLDEN[name]
    for key, value in expected.items():
        if isinstance(value, str):
            assert found[key] == value, key
        else:
            assert np.allclose(found[key], value, rtol=1e-7, atol=1e-10 * max(1.0, np.abs(value).max())), key


@pytest.mark.parametrize("name", networks.SMALL)
def test_network_is_torchvisions(name):
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", networks.LARGE)
def test_large_network_is_torchvisions(name):
    check(name)


# --- by name ---


def test_models_by_name():
    assert models.list_models(include="resnet*", exclude=["*101", "*152"]) == ["resnet18", "resnet34", "resnet50"]
    assert models.list_models(models) == models.list_models()
    assert set(networks.SMALL + networks.LARGE) <= set(models.list_models())
    made = models.get_model("SqueezeNet1_1", weights=None, num_classes=3)
    assert type(made) is models.SqueezeNet
    assert made.num_classes == 3
    assert models.get_model_builder("vgg11") is models.vgg11
    assert models.get_model_weights("vgg11") is models.get_model_weights(models.vgg11) is models.VGG11_Weights
    assert models.get_weight("ResNet50_Weights.IMAGENET1K_V2") is models.ResNet50_Weights.DEFAULT
    assert repr(models.ResNet50_Weights.DEFAULT) == "ResNet50_Weights.IMAGENET1K_V2"


def test_a_network_of_ones_own_from_resnets_parts():
    class Small(models.ResNet):
        def __init__(self):
            super().__init__(
                models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=2, norm_layer=lambda n: nptorch.nn.GroupNorm(4, n)
            )
            self.conv1 = nptorch.nn.Conv2d(1, 64, 3)

        def forward(self, x):
            return self._forward_impl(x).softmax(1)

    made = Small()(nptorch.rand(2, 1, 32, 32))
    assert made.shape == (2, 2)
    assert nptorch.allclose(made.sum(1), nptorch.ones(2))


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "densenet121", "shufflenet_v2_x0_5", "googlenet"])
def test_a_whole_network_is_saved_by_torchvisions_names_and_read_again(name, tmp_path):
    network = models.get_model(name, num_classes=2).eval()
    nptorch.save(network, tmp_path / "whole.pt")
    names = set(re.findall(rb"c((?:nptorch|torch|torchvision)[\w.]*)\n", (tmp_path / "whole.pt").read_bytes()))
    assert b"torchvision.models" in b" ".join(names)
    assert not [found for found in names if found.startswith(b"nptorch")]
    again = nptorch.load(tmp_path / "whole.pt", weights_only=False)
    images = nptorch.rand(1, 3, 64, 64)
    assert type(again) is type(network)
    assert nptorch.equal(again(images), network(images))


# --- trained weights ---


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A server of weights and an empty folder of downloads; gives the server's folder."""
    folder = tmp_path / "published"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    fetched = hub.download_url_to_file
    here = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr(hub, "download_url_to_file", lambda url, *rest: fetched(here + Path(url).name, *rest))
    yield folder
    server.shutdown()
    server.server_close()


def publish(folder, name, network):
    """Save the state of a network under the name of a published file, and let its digest be that name's."""
    nptorch.save(network.state_dict(), folder / name)


def test_weights_are_fetched_once_and_checked(published, monkeypatch):
    name = Path(models.SqueezeNet1_1_Weights.DEFAULT.url).name
    trained = models.squeezenet1_1()
    publish(published, name, trained)
    with pytest.raises(DataError, match="sha256"):
        models.squeezenet1_1(weights="DEFAULT")
    monkeypatch.setattr(
        "hashlib.file_digest", lambda stream, kind: type("Digest", (), {"hexdigest": lambda self: "b8a52dc0ff"})()
    )
    made = models.squeezenet1_1(weights="DEFAULT")
    assert all(nptorch.equal(a, b) for a, b in zip(made.parameters(), trained.parameters(), strict=True))
    (published / name).unlink()
    for weights in (models.SqueezeNet1_1_Weights.IMAGENET1K_V1, "SqueezeNet1_1_Weights.IMAGENET1K_V1", True):
        made = models.squeezenet1_1(weights)
        assert nptorch.equal(made.features[0].weight, trained.features[0].weight)
    assert nptorch.equal(models.squeezenet1_1(pretrained=True).features[0].weight, trained.features[0].weight)


def test_weights_that_cannot_be_had_say_where_to_put_the_file(published):
    with pytest.raises(
        DataError, match=r"resnet18-f37072fd.pth; tried .* put the file into .*home/hub/checkpoints by hand"
    ):
        models.resnet18(weights=models.ResNet18_Weights.DEFAULT)


def test_the_older_names_in_densenets_file(published, monkeypatch):
    monkeypatch.setattr(
        "hashlib.file_digest", lambda stream, kind: type("Digest", (), {"hexdigest": lambda self: "a639ec97"})()
    )
    trained = models.densenet121()
    state = {
        re.sub(r"(denselayer\d+\.(?:norm|relu|conv))([12])", r"\1.\2", k): v for k, v in trained.state_dict().items()
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in state
    nptorch.save(state, published / "densenet121-a639ec97.pth")
    assert nptorch.equal(models.densenet121(weights="DEFAULT").classifier.weight, trained.classifier.weight)


@pytest.mark.parametrize("weights", [None, False])
def test_no_weights_is_no_weights(weights):
    assert models.squeezenet1_1(weights=weights, num_classes=2).num_classes == 2
    assert models.squeezenet1_1(pretrained=False, num_classes=2).num_classes == 2


def test_weights_prepare_images():
    prepare = models.ResNet50_Weights.DEFAULT.transforms()
    assert repr(prepare).splitlines()[:3] == ["ImageClassification(", "    crop_size=[224]", "    resize_size=[232]"]
    made = prepare(nptorch.full((2, 3, 300, 400), 255, dtype=nptorch.uint8))
    assert made.shape == (2, 3, 224, 224)
    assert np.allclose(made[0, :, 0, 0].numpy(), [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: models.get_model("resnet19"), ValueError, "Unknown model resnet19; there are .*resnet18"),
        (lambda: models.resnet18(weights="V9"), KeyError, "V9"),
        (lambda: models.resnet18(weights=models.VGG11_Weights.DEFAULT), TypeError, "ResNet18_Weights"),
        (lambda: models.resnet18(weights="DEFAULT", num_classes=5), ValueError, "'num_classes' expected value 1000 but got 5"),
        (lambda: models.resnext50_32x4d(groups=2), ValueError, "'groups' expected value 32 but got 2"),
        (lambda: models.get_weight("ResNet19_Weights.DEFAULT"), ValueError, "ResNet19_Weights"),
        (lambda: models.ResNet(models.resnet.BasicBlock, [1] * 4, groups=2), ValueError, "groups=1"),
        (lambda: models.resnet18(replace_stride_with_dilation=[True]), ValueError, "3-element"),
        (lambda: models.resnet18(replace_stride_with_dilation=[True] * 3), NotImplementedError, "Dilation"),
        (lambda: models.SqueezeNet("2_0"), ValueError, "2_0: 1_0 or 1_1"),
        (lambda: models.MobileNetV2(inverted_residual_setting=[[1, 2]]), ValueError, "rows of 4"),
        (lambda: models.MobileNetV3([], 8), ValueError, "empty"),
        (lambda: models.MobileNetV3([1], 8), TypeError, "InvertedResidualConfig"),
        (lambda: models.GoogLeNet(blocks=[1]), ValueError, "3 instead of 1"),
        (lambda: models.ShuffleNetV2([1], [1] * 5), ValueError, "stages_repeats"),
        (lambda: models.ShuffleNetV2([1] * 3, [1]), ValueError, "stages_out_channels"),
    ],
)  # fmt: skip
def test_bad_input_gets_a_clear_error(make, error, words):
    with pytest.raises(error, match=words):
        make()

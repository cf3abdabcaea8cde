"""SummaryWriter: what it writes, read back; and the advice without tensorboardX."""

import subprocess
import sys

import pytest

import nptorch


def values(folder):
    """Tag -> the values in the event files of one folder."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for file in sorted(folder.glob("events.*")):
        data = file.read_bytes()
        while data:
            length = int.from_bytes(data[:8], "little")
            for value in Event.FromString(data[12 : 12 + length]).summary.value:
                found.setdefault(value.tag, []).append(value)
            data = data[12 + length + 4 :]
    return found


def test_what_is_written(tmp_path):
    pytest.importorskip("tensorboardX")
    from nptorch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path, comment="unused") as writer:
        assert writer.log_dir == writer.get_logdir() == str(tmp_path)
        writer.add_scalar("loss", nptorch.tensor(1.5, requires_grad=True), 0)
        writer.add_scalar("loss", 2.5, global_step=1)
        writer.add_scalars("both", {"a": nptorch.tensor([3.0]), "b": 4.0}, 0)
        writer.add_histogram("weights", nptorch.tensor([1.0, 2.0, 4.0]), 0)
        writer.add_image("image", nptorch.rand(3, 4, 5), 0)
        writer.add_images("images", nptorch.rand(2, 1, 4, 5), 0)
        writer.add_text("note", "hello", 0)
        writer.add_hparams({"lr": 0.1, "n": nptorch.tensor(3)}, {"acc": nptorch.tensor(0.5)}, run_name="tried")
        with pytest.warns(UserWarning, match="add_graph"):
            writer.add_graph(nptorch.nn.Linear(1, 1))
    found = values(tmp_path)
    assert [v.simple_value for v in found["loss"]] == [1.5, 2.5]
    assert (found["weights"][0].histo.sum, found["weights"][0].histo.num) == (7, 3)
    assert (found["image"][0].image.width, found["image"][0].image.height) == (5, 4)
    assert found["images"][0].image.encoded_image_string[:4] == b"\x89PNG"
    assert any(tag.startswith("note") for tag in found)
    assert values(tmp_path / "both" / "a")["both"][0].simple_value == 3
    assert values(tmp_path / "tried")["acc"][0].simple_value == 0.5


def test_figures(tmp_path):
    pytest.importorskip("tensorboardX")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    from nptorch.utils.tensorboard import SummaryWriter

    pyplot.switch_backend("Agg")
    with SummaryWriter(tmp_path) as writer:
        writer.add_figure("figure", pyplot.figure(figsize=(1, 2), dpi=50))
    assert values(tmp_path)["figure"][0].image.height == 100


def test_advice_without_tensorboardx():
    code = "import sys; sys.modules['tensorboardX'] = None\nfrom nptorch.utils.tensorboard import SummaryWriter"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip().endswith("utils.tensorboard needs tensorboardX: pip install tensorboardX")

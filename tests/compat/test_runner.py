"""`nptorch run` is to a program what `python` is: arguments, folder, exit code, traceback, pickles, modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

IMPORTS = """
import torch, torchvision
import torch.nn as nn, torch.nn.functional as F
import torch.utils.data as Data
import torch.backends.cudnn as cudnn
from torch.autograd import Variable
from torch.cuda.amp import autocast, GradScaler
from torch.distributions.normal import Normal
from torch.distributions.transforms import TanhTransform
from torch.nn.modules import Linear, Module
from torch.nn.modules.activation import ReLU
from torch.nn.modules.conv import Conv2d
from torch.nn.modules.utils import _pair
from torch.nn.parameter import Parameter
from torch.optim import SGD, optimizer
from torch.optim.lr_scheduler import StepLR
from torch.optim.optimizer import Optimizer
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.dataloader import default_collate
from torch.utils.data.dataset import TensorDataset
from torchvision import datasets, transforms
from torchvision.transforms import ToTensor
"""


def run(*arguments: str, cwd: Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """`nptorch run ARGUMENTS` in a folder, with this at standard input."""
    command = [sys.executable, "-m", "nptorch", "run", *arguments]
    return subprocess.run(command, cwd=cwd, input=text, capture_output=True, text=True, timeout=60)


def script(folder: Path, text: str, name: str = "script.py") -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return name


def test_names_are_the_modules_of_this_library(tmp_path: Path) -> None:
    check = """
import sys, nptorch
assert torch.nn is nptorch.nn and nn.Linear is nptorch.nn.Linear and torchvision.datasets is nptorch.vision.datasets
assert Conv2d is nn.Conv2d and isinstance(torch.zeros(1), Variable) and not hasattr(torch, "no_such_name")
assert torch.__version__ >= "2.0" and torch.__version__.split(".")[0] == "2" and torchvision.__version__
x = torch.FloatTensor([1, 2])
print(x.dtype, x.type(), type(x), x.size(), torch.device("cpu"), isinstance(x, torch.LongTensor))
print("torch._C" in sys.modules, [m for m in sys.modules if m.startswith("torch.") and not sys.modules[m].__name__.startswith("nptorch")])
"""
    done = run(script(tmp_path, IMPORTS + check), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "torch.float32 torch.FloatTensor <class 'torch.Tensor'> torch.Size([2]) cpu False",
        "False []",
    ]


def test_a_name_that_is_a_function_and_a_file_stays_the_function(tmp_path: Path) -> None:
    text = """
from torchvision.models.squeezenet import Fire
from torchvision.models.alexnet import AlexNet
import torchvision.models.googlenet
from torchvision import models
import torchvision.transforms.v2.functional as F2, torchvision.ops.misc, torchvision.tv_tensors
print(callable(models.alexnet), callable(models.googlenet), models.squeezenet.Fire is Fire, models.AlexNet is AlexNet)
"""
    done = run(script(tmp_path, text), cwd=tmp_path)
    assert done.stdout == "True True True True\n", done.stderr


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("torch.nn.Lineer(2, 3)", "AttributeError: nptorch has no torch.nn.Lineer (nearest: torch.nn.Linear); `nptorch names`"),
        ("torch.optim.lr_scheduler.StepL(1)", "AttributeError: nptorch has no torch.optim.lr_scheduler.StepL (nearest: torch.optim.lr_scheduler.StepLR)"),
        ("torch.rlu(x)", "AttributeError: nptorch has no torch.rlu (nearest: torch.relu); `nptorch names`"),
        ("from torch.nn import Lineer", "ModuleNotFoundError: nptorch has no torch.nn.Lineer (nearest: torch.nn.Linear)"),
        ("import torch.sparse.foo", "ModuleNotFoundError: nptorch has no torch.sparse"),
        ("from torchvision.datasets import MNITS", "ModuleNotFoundError: nptorch has no torchvision.datasets.MNITS (nearest: torchvision.datasets.MNIST)"),
    ],
)  # fmt: skip
def test_a_missing_name_says_what_is_near_at_the_line_that_uses_it(line: str, error: str, tmp_path: Path) -> None:
    done = run(script(tmp_path, f"import torch\n\n{line}\n"), cwd=tmp_path)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert 'script.py", line 3, in <module>' in lines[1]
    assert lines[-1].startswith(error)


def test_a_traceback_is_pythons(tmp_path: Path) -> None:
    name = script(tmp_path, "import torch\ndef f():\n    raise ValueError('bad value')\nf()\n")
    ours = run(name, cwd=tmp_path)
    assert ours.returncode == 1
    script(tmp_path, "def f():\n    raise ValueError('bad value')\nf()\n", "plain.py")
    plain = subprocess.run([sys.executable, str(tmp_path / "plain.py")], capture_output=True, text=True)
    moved = plain.stderr.replace("plain.py", "script.py").replace("line 3", "line 4").replace("line 2", "line 3")
    assert ours.stderr == moved


def test_arguments_folder_and_exit_code(tmp_path: Path) -> None:
    script(tmp_path, "NAME = 'neighbour'\n", "code/neighbour.py")
    name = script(
        tmp_path,
        "import os, sys, neighbour\nprint(sys.argv, __name__, neighbour.NAME, os.getcwd())\nsys.exit(3)\n",
        "code/main.py",
    )
    done = run(name, "--lr", "0.1", "-m", "--help", "--", "x", cwd=tmp_path)
    assert done.returncode == 3
    assert (
        done.stdout == f"{['code/main.py', '--lr', '0.1', '-m', '--help', '--', 'x']} __main__ neighbour {tmp_path}\n"
    )


def test_a_module_and_standard_input(tmp_path: Path) -> None:
    script(tmp_path, "", "package/__init__.py")
    script(tmp_path, "import torch\nWIDTH = torch.ones(3).sum()\n", "package/part.py")
    script(
        tmp_path, "import sys\nfrom .part import WIDTH\nprint(WIDTH, __package__, sys.argv[1:])\n", "package/main.py"
    )
    assert run("-m", "package.main", "a", cwd=tmp_path).stdout == "tensor(3.) package ['a']\n"
    assert (
        run("-", "b", cwd=tmp_path, text="import torch, sys\nprint(torch.eye(1), sys.argv)").stdout
        == "tensor([[1.]]) ['-', 'b']\n"
    )


@pytest.mark.parametrize("arguments", [("nowhere.py",), ("-m", "nowhere.at_all")])
def test_a_script_that_is_not_there_is_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ") and "nowhere" in done.stderr and "Traceback" not in done.stderr


def test_a_whole_model_is_read_by_a_script_that_does_not_import_its_class(tmp_path: Path) -> None:
    script(tmp_path, "import torch.nn as nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
           "        self.fc = nn.Linear(2, 1)\n    def forward(self, x):\n        return self.fc(x)\n", "model.py")  # fmt: skip
    script(tmp_path, "import torch\nfrom model import Net\ntorch.manual_seed(0)\nnet = Net()\ntorch.save(net, './Net.pkl')\n"
           "print(net(torch.ones(1, 2)))\n", "train.py")  # fmt: skip
    script(tmp_path, "import torch\nnet = torch.load('./Net.pkl', map_location=torch.device('cpu'))\n"
           "print(net(torch.ones(1, 2)))\n", "test.py")  # fmt: skip
    saved, loaded = run("train.py", cwd=tmp_path), run("test.py", cwd=tmp_path)
    assert loaded.returncode == 0, loaded.stderr
    assert saved.stdout == loaded.stdout != ""


def test_pickles_of_the_scripts_own_classes(tmp_path: Path) -> None:
    name = script(
        tmp_path, "import pickle, torch\nclass Kept:\n    x = 5\nprint(pickle.loads(pickle.dumps(Kept())).x)\n"
    )
    assert run(name, cwd=tmp_path).stdout == "5\n"


def test_install_in_a_module(tmp_path: Path) -> None:
    code = "import nptorch, nptorch.compat as c; c.install(); c.install(); import torch; print(torch.nn is nptorch.nn, c.installed())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "True True\n", done.stderr


def test_install_after_the_real_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("real = True\n")
    code = "import torch, nptorch.compat; nptorch.compat.install()"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert "RuntimeError: PyTorch has been imported already" in done.stderr


def test_an_installed_torch_is_not_touched(tmp_path: Path) -> None:
    script(tmp_path, "raise SystemExit('the real one was imported')\n", "torch/__init__.py")
    assert run(script(tmp_path, "import torch\nprint(torch.ones(1))\n"), cwd=tmp_path).stdout == "tensor([1.])\n"


def test_classes_print_pytorchs_full_names(tmp_path: Path) -> None:
    program = script(
        tmp_path,
        """
import torch
from torch.optim.lr_scheduler import StepLR
for x in (torch.Tensor, torch.Size, torch.nn.Module, torch.nn.Linear, torch.nn.Parameter, torch.optim.Adam, StepLR,
          torch.utils.data.DataLoader, torch.no_grad, torch.Generator):
    print(x)
""",
    )
    names = [line.split("'")[1] for line in run(program, cwd=tmp_path).stdout.splitlines()]
    assert names == [
        "torch.Tensor", "torch.Size", "torch.nn.modules.module.Module", "torch.nn.modules.linear.Linear",
        "torch.nn.parameter.Parameter", "torch.optim.adam.Adam", "torch.optim.lr_scheduler.StepLR",
        "torch.utils.data.dataloader.DataLoader", "torch.autograd.grad_mode.no_grad", "torch._C.Generator",
    ]  # fmt: skip


def test_modules_found_by_attribute_where_pytorch_has_them(tmp_path: Path) -> None:
    program = script(tmp_path, "import torch\nprint(torch.nn.modules.module.register_module_forward_hook.__name__)")
    assert run(program, cwd=tmp_path).stdout == "register_forward_hook\n"

"""PyTorch's names for nptorch: after `install()`, `import torch` and `import torchvision` mean this library.

    import nptorch.compat
    nptorch.compat.install()
    import torch

`nptorch run script.py` does the same for a script that knows nothing of nptorch.
"""

from nptorch.compat.finder import install as install
from nptorch.compat.finder import installed as installed

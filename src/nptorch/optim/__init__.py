"""Optimizers and learning rate schedules (https://docs.pytorch.org/docs/stable/optim.html)."""

from nptorch.optim import lr_scheduler, swa_utils
from nptorch.optim.adadelta import Adadelta
from nptorch.optim.adafactor import Adafactor
from nptorch.optim.adagrad import Adagrad
from nptorch.optim.adam import Adam, AdamW
from nptorch.optim.adamax import Adamax
from nptorch.optim.asgd import ASGD
from nptorch.optim.lbfgs import LBFGS
from nptorch.optim.muon import Muon
from nptorch.optim.nadam import NAdam
from nptorch.optim.optimizer import Optimizer
from nptorch.optim.radam import RAdam
from nptorch.optim.rmsprop import RMSprop
from nptorch.optim.rprop import Rprop
from nptorch.optim.sgd import SGD
from nptorch.optim.sparse_adam import SparseAdam

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SparseAdam",
    "lr_scheduler",
    "swa_utils",
]

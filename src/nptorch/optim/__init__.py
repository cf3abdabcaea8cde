"""Optimizers and learning rate schedules (https://docs.pytorch.org/docs/stable/optim.html)."""

from nptorch.optim import lr_scheduler
from nptorch.optim.adadelta import Adadelta
from nptorch.optim.adagrad import Adagrad
from nptorch.optim.adam import Adam, AdamW
from nptorch.optim.adamax import Adamax
from nptorch.optim.nadam import NAdam
from nptorch.optim.optimizer import Optimizer
from nptorch.optim.radam import RAdam
from nptorch.optim.rmsprop import RMSprop
from nptorch.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "lr_scheduler",
]

"""The errors that have a name of their own; everything else raises Python's usual ones."""

from pickle import UnpicklingError


class OutOfMemoryError(RuntimeError):
    """A tensor was asked for that does not fit into memory."""


class CheckpointError(RuntimeError, UnpicklingError):
    """A checkpoint file that cannot be read: broken, hostile, or of a kind that is refused.

    PyTorch raises RuntimeError for the first and pickle.UnpicklingError for the others; either `except` catches this one.
    """


class DataError(RuntimeError):
    """A data set file that is missing, truncated or not what its name says."""


class LinAlgError(RuntimeError):
    """A matrix that cannot be inverted, solved with or factorised (torch.linalg.LinAlgError)."""

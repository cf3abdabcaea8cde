"""Signal processing (https://pytorch.org/docs/stable/signal.html)."""

from nptorch.signal import windows as windows

"""The older name of func.functional_call (https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.stateless.functional_call.html)."""

from nptorch.func import functional_call as functional_call

__all__ = ["functional_call"]

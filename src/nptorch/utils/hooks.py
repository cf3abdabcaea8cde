"""What registering a hook returns (https://docs.pytorch.org/docs/stable/generated/torch.Tensor.register_hook.html)."""

from nptorch.graph import Hooks

RemovableHandle = Hooks.Handle

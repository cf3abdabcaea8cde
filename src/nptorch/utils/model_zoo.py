"""The older name of hub's downloads (https://docs.pytorch.org/docs/stable/model_zoo.html)."""

from nptorch.hub import load_state_dict_from_url

load_url = load_state_dict_from_url

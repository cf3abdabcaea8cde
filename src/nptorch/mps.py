"""Apple's GPU: not used here."""

from nptorch.accelerator import device_count as device_count
from nptorch.accelerator import is_available as is_available
from nptorch.accelerator import synchronize as synchronize
from nptorch.cuda import empty_cache as empty_cache
from nptorch.cuda import manual_seed as manual_seed

"""`nptorch.transforms` is `nptorch.vision.transforms`."""

import sys

from nptorch.vision import transforms

sys.modules[__name__] = transforms

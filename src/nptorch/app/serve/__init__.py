"""A page to draw on, answered by a network: `nptorch serve`."""

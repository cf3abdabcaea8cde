"""Measurements against PyTorch: `python -m benchmarks --help`. Nothing here is part of the package or of its tests."""

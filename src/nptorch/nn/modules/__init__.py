"""The layers, one file a family, under the module paths of PyTorch: pickled models name them."""

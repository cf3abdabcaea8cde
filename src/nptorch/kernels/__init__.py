"""Which implementation serves an op: native code if it was built and the case fits, else the reference."""

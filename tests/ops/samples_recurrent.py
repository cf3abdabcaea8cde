"""Samples of the recurrent layers' op: each kind of cell, both directions, with and without biases."""

from __future__ import annotations

from typing import Any

from tests.ops.sampling import R, sample


def _layer(kind: str, **options: Any) -> Any:
    """A call that puts weights into a layer of that kind and runs it over 3 steps of 2 rows."""

    def call(T: Any, x: Any, *weights: Any) -> Any:
        layer = getattr(T.nn, kind)(2, 2, dtype=x.dtype, **options)
        names = [name for name, _ in layer.named_parameters()]
        out, last = T.func.functional_call(layer, dict(zip(names, weights, strict=True)), (x,))
        return (out**2).sum() + sum((s**3).sum() for s in (last if isinstance(last, tuple) else (last,)))

    return call


for _kind, _gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
    _weights = [R(_gates * 2, 2), R(_gates * 2, 2), R(_gates * 2), R(_gates * 2)]
    sample("recurrent", _layer(_kind), R(3, 2, 2), *_weights)
    sample("recurrent", _layer(_kind, bidirectional=True, bias=False), R(2, 1, 2), *_weights[:2], *_weights[:2])
sample("recurrent", _layer("RNN", nonlinearity="relu"), R(2, 2, 2), R(2, 2), R(2, 2), R(2), R(2))

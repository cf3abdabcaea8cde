"""Samples of Fourier transforms."""

from __future__ import annotations

from typing import Any

from tests.ops.sampling import R, sample

_REAL = {"rfft": "fft_r2c", "ihfft": "fft_r2c"}
_COMPLEX = {"fft": "fft_c2c", "ifft": "fft_c2c", "irfft": "fft_c2r", "hfft": "fft_c2r"}


def parts(T: Any, y: Any) -> Any:
    return T.view_as_real(y.resolve_conj()) if y.is_complex() else y


for _kind, _op in (_REAL | _COMPLEX).items():
    for _suffix, _keywords in (
        ("", {"dim": 1}),
        ("", {"n": 3, "dim": 0, "norm": "ortho"}),
        ("2", {"s": (5, 4), "norm": "forward"}),
        ("n", {"norm": "backward"}),
    ):
        if _kind in _REAL:
            sample(_op, lambda T, x, f=_kind + _suffix, k=_keywords: parts(T, getattr(T.fft, f)(x, **k)), R(4, 5))
        else:
            sample(
                _op,
                lambda T, x, y, f=_kind + _suffix, k=_keywords: parts(T, getattr(T.fft, f)(T.complex(x, y), **k)),
                R(4, 5),
                R(4, 5),
            )
sample("fft_c2c", lambda T, x: parts(T, T.fft.fft(x)), R(5))
sample("roll", lambda T, x: T.fft.fftshift(x) * T.fft.ifftshift(x, dim=1), R(4, 5))
sample("roll", lambda T, x: x + T.fft.fftfreq(5, 0.5) + T.fft.rfftfreq(9, d=2.0), R(2, 5))
for _keywords in (
    {},
    {"normalized": True, "center": False},
    {"onesided": False, "pad_mode": "constant"},
    {"hop_length": 3, "pad_mode": "circular"},
):
    sample(
        "fft_r2c",
        lambda T, x, w, k=_keywords: parts(T, T.stft(x, 8, window=w, return_complex=True, **k)),
        R(2, 20),
        [0.3, 0.6, 0.9, 1.0, 1.0, 0.9, 0.6, 0.3],
    )
sample("fft_c2r", lambda T, x, y: T.istft(T.complex(x, y), 8, window=T.ones(8), length=9), R(5, 6), R(5, 6))
sample(
    "fft_c2r",
    lambda T, x, y, w: T.istft(T.complex(x, y), 8, 2, 6, w, normalized=True, onesided=False),
    R(2, 8, 6),
    R(2, 8, 6),
    [0.5, 0.8, 1.0, 1.0, 0.8, 0.5],
)

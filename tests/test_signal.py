"""torch.fft, windows, torch.special and complex numbers beyond their op samples."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest

import nptorch


def test_transforms_invert_each_other() -> None:
    nptorch.manual_seed(0)
    x = nptorch.randn(3, 7, dtype=nptorch.float64)
    for norm in (None, "backward", "ortho", "forward"):
        for there, back in (("fft2", "ifft2"), ("rfft2", "irfft2"), ("ihfft2", "hfft2")):
            y = getattr(nptorch.fft, back)(getattr(nptorch.fft, there)(x, norm=norm), s=(3, 7), norm=norm)
            np.testing.assert_allclose(nptorch.real(y).numpy(), x.numpy(), atol=1e-12)
    np.testing.assert_array_equal(nptorch.fft.ifftshift(nptorch.fft.fftshift(x)).numpy(), x.numpy())


def test_stft_and_istft_invert_each_other() -> None:
    nptorch.manual_seed(0)
    x = nptorch.randn(2, 64)
    window = nptorch.hann_window(16)
    spectrum = nptorch.stft(x, 16, window=window, return_complex=True)
    assert spectrum.shape == (2, 9, 17)
    np.testing.assert_allclose(nptorch.istft(spectrum, 16, window=window, length=64).numpy(), x.numpy(), atol=1e-5)


def test_fft_arguments_are_checked() -> None:
    x = nptorch.ones(4)
    for call, error, words in (
        (lambda: nptorch.fft.fft(x, norm="sideways"), RuntimeError, 'Invalid normalization mode: "sideways"'),
        (lambda: nptorch.fft.fft(x, n=0), RuntimeError, r"Invalid number of data points \(0\) specified"),
        (lambda: nptorch.fft.rfft(x + 0j), RuntimeError, "rfft expects a real input tensor"),
        (lambda: nptorch.fft.fftn(x, dim=(0, 0)), RuntimeError, "FFT dims must be unique"),
        (lambda: nptorch.fft.fft(x, dim=1), IndexError, "Dimension out of range"),
        (
            lambda: nptorch.stft(x, 4),
            RuntimeError,
            "stft requires the return_complex parameter be given for real inputs",
        ),
        (lambda: nptorch.istft(x, 4), RuntimeError, "istft requires a complex-valued input tensor"),
    ):
        with pytest.raises(error, match=words):
            call()


_OLD_WINDOWS = ("bartlett", "blackman", "hamming", "hann", "kaiser")
_NEW_WINDOWS: dict[str, dict[str, Any]] = {
    **{name: {} for name in ("bartlett", "blackman", "cosine", "hamming", "hann", "nuttall")},
    "exponential": {"tau": 2.5},
    "gaussian": {"std": 1.5},
    "kaiser": {"beta": 5.0},
    "general_cosine": {"a": [0.4, 0.3, 0.2, 0.1]},
    "general_hamming": {"alpha": 0.6},
}


@pytest.mark.parametrize("length", [0, 1, 2, 7, 8])
def test_windows_are_pytorchs(length: int) -> None:
    torch = pytest.importorskip("torch")
    for flag in (True, False):
        for name in _OLD_WINDOWS:
            ours, theirs = (
                getattr(lib, f"{name}_window")(length, flag, dtype=lib.float64).numpy() for lib in (nptorch, torch)
            )
            np.testing.assert_allclose(ours, theirs, atol=1e-12, err_msg=name)
        for name, extra in _NEW_WINDOWS.items():
            ours, theirs = (
                getattr(lib.signal.windows, name)(length, sym=flag, dtype=lib.float64, **extra).numpy()
                for lib in (nptorch, torch)
            )
            np.testing.assert_allclose(ours, theirs, atol=1e-12, err_msg=name)


def test_window_arguments_are_checked() -> None:
    windows = nptorch.signal.windows
    for call, words in (
        (lambda: windows.hann(-1), "hann requires non-negative window length, got M=-1"),
        (lambda: windows.gaussian(4, std=0), "Standard deviation must be positive, got: 0 instead"),
        (lambda: windows.exponential(4, center=1.0), "Center must be None for symmetric windows"),
        (lambda: windows.hann(4, dtype=nptorch.int64), "expects float32 or float64 dtypes, got: nptorch.int64"),
    ):
        with pytest.raises(ValueError, match=words):
            call()


def test_without_scipy_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    importing = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("scipy"):
            raise ImportError(name)
        return importing(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    x = nptorch.tensor([0.5, 1.0])
    with pytest.raises(ImportError, match=r"i0\(\) needs SciPy: pip install scipy"):
        nptorch.i0(x)
    with pytest.raises(ImportError, match=r"linalg.ldl_factor\(\) needs SciPy: pip install scipy"):
        nptorch.linalg.ldl_factor(nptorch.eye(2))
    # These do without it.
    np.testing.assert_allclose(nptorch.erf(x).numpy(), [0.5204999, 0.8427008], rtol=1e-6)
    assert nptorch.special.legendre_polynomial_p(x, 2).tolist() == [-0.125, 1.0]


def test_special_aliases_are_the_functions_at_the_top() -> None:
    assert nptorch.special.expit is nptorch.sigmoid
    assert nptorch.special.gammainc is nptorch.igamma
    assert nptorch.special.psi is nptorch.digamma


def test_complex_views_share_memory() -> None:
    z = nptorch.tensor([1 + 2j, 3 + 4j])
    parts = nptorch.view_as_real(z)
    parts[0, 1] = 9
    assert z.tolist() == [1 + 9j, 3 + 4j]
    assert nptorch.view_as_complex(parts).tolist() == z.tolist()
    z.real.zero_()
    assert parts.tolist() == [[0, 9], [0, 4]]
    with pytest.raises(RuntimeError, match="last dimension of size 2"):
        nptorch.view_as_complex(nptorch.ones(3))
    with pytest.raises(RuntimeError, match="Expected object of scalar type Float but got scalar type Double"):
        nptorch.complex(nptorch.ones(1), nptorch.ones(1, dtype=nptorch.float64))


def test_writing_through_a_real_view_keeps_the_gradient_right() -> None:
    x = nptorch.tensor([1 + 1j, 2 - 1j], requires_grad=True)
    z = x * 2
    nptorch.view_as_real(z)[:, 0] = 0
    (z * z.conj()).real.sum().backward()
    assert x.grad.tolist() == [8j, -8j]

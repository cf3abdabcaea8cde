from __future__ import annotations

import pytest

import nptorch
from nptorch.utils.benchmark import Measurement, Timer


def test_a_statement_is_run_as_often_as_asked() -> None:
    calls: list[int] = []
    m = Timer("calls.append(1)", globals={"calls": calls}).timeit(200)
    assert len(calls) == 202 and m.number_per_run == 200 and m.mean == m.median == m.times[0] > 0
    assert repr(m).splitlines()[1] == "calls.append(1)" and repr(m).endswith("1 measurement, 200 runs, 1 thread")


def test_enough_runs_for_the_clock() -> None:
    m = Timer("x.sum()", "y = 1", globals={"x": nptorch.ones(3)}, label="sum", sub_label="small").blocked_autorange(
        min_run_time=0.02
    )
    assert len(m.times) > 1 and m.iqr >= 0 and sum(m.raw_times) >= 0.02
    assert repr(m).splitlines()[1:3] == ["sum: small", "setup: y = 1"]


def test_threads_are_as_before() -> None:
    before = nptorch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        Timer("1 / 0", num_threads=2).timeit(1)
    assert nptorch.get_num_threads() == before


def test_units() -> None:
    texts = [repr(Measurement(10, [10 * t], "t", 1)).splitlines()[2].strip() for t in (2.5, 2.5e-3, 2.5e-6, 2.5e-10)]
    assert texts == ["2.50 s", "2.50 ms", "2.50 us", "0.25 ns"]

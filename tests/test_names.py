"""Small names that scripts use beside tensors and layers."""

import json
import pickle

import numpy as np
import pytest

import nptorch


def test_typename():
    assert nptorch.typename(nptorch.ones(1)).endswith(".FloatTensor")
    assert nptorch.typename(nptorch.tensor([1])).endswith(".LongTensor")
    assert nptorch.typename(nptorch.nn.Linear).endswith("nn.modules.linear.Linear")
    assert [nptorch.typename(x) for x in (3, "a", len, None)] == ["int", "str", "len", "NoneType"]


def test_dlpack_shares_memory():
    array = np.arange(6.0)
    x = nptorch.from_dlpack(array[::2])
    x[0] = 9
    assert array[0] == 9 and x.tolist() == [9, 2, 4]
    np.from_dlpack(x)[1] = 7
    assert x[1] == 7 and array[2] == 7
    own = nptorch.from_dlpack(array, copy=True)
    own[0] = 0
    assert array[0] == 9


def test_dlpack_with_pytorch():
    torch = pytest.importorskip("torch")
    theirs = torch.arange(6).view(2, 3)
    mine = nptorch.from_dlpack(theirs)
    assert mine.dtype is nptorch.int64 and mine.tolist() == theirs.tolist()
    torch.from_dlpack(mine)[0, 0] = 5
    assert theirs[0, 0] == 5


def test_dlpack_refuses():
    with pytest.raises(TypeError, match="from_dlpack.. needs an object with __dlpack__, got list"):
        nptorch.from_dlpack([1.0])
    with pytest.raises(BufferError, match="require gradient, use tensor.detach"):
        np.from_dlpack(nptorch.ones(1, requires_grad=True))


def test_bfloat16_is_a_name_only():
    kind = nptorch.bfloat16
    assert repr(kind) == "nptorch.bfloat16" and kind.itemsize == 2 and kind.is_floating_point
    assert pickle.loads(pickle.dumps(kind)) is kind
    with nptorch.autocast("cpu", dtype=kind):
        assert nptorch.ones(1).dtype is nptorch.float32
    for use in (
        lambda: nptorch.zeros(2, dtype=kind),
        lambda: nptorch.ones(2).to(kind),
        lambda: nptorch.nn.Linear(2, 2).to(kind),
        lambda: nptorch.set_default_dtype(kind),
    ):
        with pytest.raises(TypeError, match="bfloat16 tensors are not supported here.*use float32"):
            use()


def test_vmap_is_funcs():
    assert nptorch.vmap is nptorch.func.vmap
    assert nptorch.vmap(nptorch.sum)(nptorch.ones(2, 3)).tolist() == [3, 3]


def test_distributed_is_not_here():
    d = nptorch.distributed
    assert not d.is_available() and not d.is_initialized()
    assert (d.get_rank(), d.get_world_size()) == (0, 1)
    with pytest.raises(RuntimeError, match="trains in one process"):
        d.init_process_group("gloo")


def test_profilers_run_the_code(tmp_path):
    from nptorch.profiler import ProfilerActivity, profile, record_function, schedule

    with profile(activities=[ProfilerActivity.CPU], schedule=schedule(wait=1, warmup=1, active=2)) as prof:
        with record_function("forward"):
            nptorch.ones(1)
        prof.step()
    assert "cProfile" in prof.key_averages().table(sort_by="cpu_time_total", row_limit=5)
    prof.export_chrome_trace(str(tmp_path / "trace.json"))
    assert json.loads((tmp_path / "trace.json").read_text()) == {"traceEvents": []}
    with nptorch.autograd.profiler.profile(use_cuda=False) as old:
        nptorch.ones(1)
    assert len(old.events()) == 0 and record_function("f")(len)([1]) == 1


def test_numpys_names_of_arguments():
    x = nptorch.arange(6.0).view(2, 3)
    assert x.sum(axis=1, keepdims=True).tolist() == [[3], [12]]
    assert nptorch.cat([x, x], axis=1).shape == (2, 6) and x.max(axis=0).values.tolist() == [3, 4, 5]
    with pytest.raises(TypeError, match="unexpected keyword argument 'axes'"):
        x.sum(axes=1)


def test_numpys_functions_give_tensors():
    x = nptorch.tensor([1.0, 4.0])
    assert isinstance(np.sqrt(x), nptorch.Tensor) and np.sqrt(x).tolist() == [1, 2]
    assert np.greater(x, 2).dtype is nptorch.uint8
    assert isinstance(np.mean(x), nptorch.Tensor)


@pytest.mark.parametrize("make", ["empty", "zeros", "ones", "rand", "randn"])
def test_size_by_name(make):
    f = getattr(nptorch, make)
    assert f(size=(2, 3)).shape == f(2, 3).shape == f((2, 3)).shape == (2, 3)
    assert f().shape == ()


def test_zeros_and_ones_into_a_tensor():
    x = nptorch.full((2,), 7.0)
    assert nptorch.ones(2, out=x) is x and x.tolist() == [1, 1]


def test_types_of_tensors():
    x = nptorch.tensor([1.5])
    assert x.type(nptorch.LongTensor).dtype is nptorch.int64 and x.type("torch.DoubleTensor").dtype is nptorch.float64
    assert nptorch.can_cast(nptorch.int32, nptorch.float16) and not nptorch.can_cast(nptorch.float32, nptorch.int64)
    assert nptorch.result_type(nptorch.tensor(1), 2.5) is nptorch.float32
    with nptorch.device("cpu"):
        assert nptorch.zeros(1).device.type == "cpu"
    with pytest.raises(RuntimeError, match="'cuda' is not available"), nptorch.device("cuda"):
        pass


def test_a_range_is_an_index():
    x = nptorch.arange(9).view(3, 3)
    assert x[range(3), range(3)].tolist() == [0, 4, 8]
    x[range(2)] = 0
    assert x.sum() == 21
    with pytest.raises(IndexError, match="invalid index of a 0-dim tensor"):
        x.sum()[0]


def test_data_parallel_without_gpus():
    inner = nptorch.nn.Linear(2, 1)
    model = nptorch.nn.DataParallel(inner)
    assert list(model.state_dict()) == ["module.weight", "module.bias"]
    x = nptorch.ones(3, 2)
    assert model(x).equal(inner(x)) and model.module is inner
    with pytest.raises(RuntimeError, match="one process"):
        nptorch.nn.parallel.DistributedDataParallel(inner)


def test_an_optimizer_that_wraps_another():
    class Wrapper(nptorch.optim.Optimizer):
        def __init__(self, inner):
            self.inner, self.param_groups = inner, inner.param_groups

        def step(self, closure=None):
            return self.inner.step(closure)

    p = nptorch.ones(1, requires_grad=True)
    p.grad = nptorch.ones(1)
    Wrapper(nptorch.optim.SGD([p], lr=0.5)).step()
    assert p.item() == 0.5


def test_retained_gradients_add_up():
    x = nptorch.ones(1, requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    assert y.grad.item() == 2


def test_old_variables():
    with pytest.warns(UserWarning, match="volatile was removed"):
        assert not nptorch.autograd.Variable(nptorch.ones(1), volatile=True).requires_grad


def test_layers_are_found_under_modules():
    from nptorch.nn.modules import Conv2d, Module

    assert Conv2d is nptorch.nn.Conv2d and Module is nptorch.nn.Module and nptorch.nn.modules.LSTM is nptorch.nn.LSTM


def test_functions_of_layers():
    x = nptorch.arange(16.0).view(1, 1, 4, 4)
    assert nptorch.max_pool2d(x, 2).flatten().tolist() == [5, 7, 13, 15]
    assert nptorch.pixel_unshuffle(x, 2).shape == (1, 4, 2, 2) and x.hardshrink().equal(nptorch.hardshrink(x))


def test_a_python_function_on_every_element():
    x = nptorch.tensor([[1, 2], [3, 4]]).t()
    assert x.apply_(lambda n: n * 10 + 1) is x and x.tolist() == [[11, 31], [21, 41]] and x.is_cpu


def test_a_choice_of_attention_kernels_is_accepted():
    from nptorch.nn.attention import SDPBackend, sdpa_kernel

    q = nptorch.ones(1, 1, 2, 4)
    with sdpa_kernel([SDPBackend.MATH, SDPBackend.FLASH_ATTENTION]):
        assert nptorch.nn.functional.scaled_dot_product_attention(q, q, q).equal(q)

"""Where tensors live, and the switches for repeatable numbers."""

from types import SimpleNamespace

import pytest
import torch

from coursecode import device


@pytest.fixture
def wish(monkeypatch):
    def set_(value):
        monkeypatch.setenv("COURSECODE_DEVICE", value)

    monkeypatch.delenv("COURSECODE_DEVICE", raising=False)
    return set_


@pytest.fixture
def gpu(monkeypatch):
    def set_(present):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: present)

    return set_


@pytest.mark.parametrize(
    ("value", "present", "expected"),
    [
        (None, True, "cuda"),
        (None, False, "cpu"),
        ("", True, "cuda"),
        ("cpu", True, "cpu"),
        ("CPU", False, "cpu"),
        (" cuda ", True, "cuda"),
    ],
)
def test_the_variable_decides_and_cuda_is_taken_where_it_is(wish, gpu, value, present, expected):
    gpu(present)
    if value is not None:
        wish(value)
    assert device.pick() == torch.device(expected)


def test_an_absent_cuda_is_an_error_that_says_what_to_set(wish, gpu):
    gpu(False)
    wish("cuda")
    with pytest.raises(RuntimeError, match=r"torch finds no CUDA device.*Set COURSECODE_DEVICE=cpu, or unset it"):
        device.pick()


@pytest.mark.parametrize("value", ["gpu", "cuda:1", "mps"])
def test_an_unknown_device_is_named(wish, value):
    wish(value)
    with pytest.raises(ValueError, match=f"COURSECODE_DEVICE is '{value}', but it must be cpu or cuda"):
        device.pick()


def test_cpu_is_described_by_its_threads():
    assert device.describe("cpu") == "CPU, 1 thread"
    assert device.describe(torch.device("cpu")) == "CPU, 1 thread"


def test_gpu_is_described_by_its_name(monkeypatch):
    properties = SimpleNamespace(name="Some GPU", total_memory=80 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    assert device.describe("cuda") == "Some GPU, 80 GiB"


def test_deterministic_sets_every_switch_and_no_seed():
    torch.manual_seed(3)
    state = torch.get_rng_state()
    torch.backends.cudnn.benchmark = True
    device.deterministic(threads=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == 1
    assert torch.get_float32_matmul_precision() == "highest"
    cudnn = torch.backends.cudnn
    assert (cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic) == (False, False, True)


@pytest.mark.parametrize(("threads", "error"), [(0, ValueError), (1.5, TypeError)])
def test_threads_are_a_whole_number_of_at_least_one(threads, error):
    with pytest.raises(error, match="deterministic: threads"):
        device.deterministic(threads=threads)

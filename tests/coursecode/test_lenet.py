"""Chapter LeNet: shapes, counts, the original, and what the nets learn."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from registry import claim
from torch import nn

from coursecode import lenet
from coursecode.geometry import conv_parameters

SHAPES = {
    "conv1": (6, 28, 28),
    "act1": (6, 28, 28),
    "pool1": (6, 14, 14),
    "conv2": (16, 10, 10),
    "act2": (16, 10, 10),
    "pool2": (16, 5, 5),
    "flatten": (400,),
    "dense1": (120,),
    "act3": (120,),
    "dense2": (84,),
    "act4": (84,),
    "dense3": (10,),
}


def d2l_recipe() -> nn.Sequential:
    """The layers that d2l 1.0.3's LeNet has once its lazy sizes are known."""
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2),
        nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5),
        nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.Sigmoid(),
        nn.Linear(120, 84),
        nn.Sigmoid(),
        nn.Linear(84, 10),
    )


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@claim("S27")
@pytest.mark.parametrize("make", [lenet.lenet_classic, lenet.lenet_modern])
def test_each_layer_makes_the_shape_the_chapter_shows(make):
    X = torch.zeros(2, 1, 28, 28)
    shapes = {}
    for name, layer in make().named_children():
        X = layer(X)
        shapes[name] = tuple(X.shape[1:])
    assert shapes == SHAPES


@claim("S27")
@pytest.mark.parametrize("make", [lenet.lenet_classic, lenet.lenet_modern])
def test_both_variants_have_61706_parameters(make):
    by_geometry = (
        conv_parameters(1, 6, (5, 5))
        + conv_parameters(6, 16, (5, 5))
        + sum(conv_parameters(i, o, (1, 1)) for i, o in ((400, 120), (120, 84), (84, 10)))
    )
    assert parameters(make()) == by_geometry == 61_706


@given(
    width=st.integers(1, 12), kernel=st.sampled_from((3, 5, 7)), hidden=st.tuples(st.integers(1, 9), st.integers(1, 9))
)
def test_the_builder_joins_layers_that_fit_whatever_their_width(width, kernel, hidden):
    net = lenet.lenet(width=width, kernel=kernel, hidden=hidden, num_classes=4, activation=nn.Tanh, pool=nn.AvgPool2d)
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 4)
    assert (net.conv1.out_channels, net.conv2.out_channels) == (width, round(width * 8 / 3))
    assert (net.dense1.out_features, net.dense2.out_features) == hidden
    assert net.conv1(torch.zeros(1, 1, 28, 28)).shape[2:] == (28, 28)
    assert {type(layer) for layer in net if not list(layer.parameters())} == {nn.Tanh, nn.AvgPool2d, nn.Flatten}


def test_number_of_classes_changes_the_last_layer_only():
    assert parameters(lenet.lenet_modern(num_classes=3)) == 61_706 - 7 * 85
    assert lenet.lenet_classic(num_classes=3)(torch.zeros(1, 1, 28, 28)).shape == (1, 3)


def test_classic_is_the_recipe_of_d2l_layer_by_layer():
    ours, theirs = lenet.lenet_classic(), d2l_recipe()
    assert [str(layer) for layer in ours] == [str(layer) for layer in theirs]
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    X = torch.rand(4, 1, 28, 28)
    assert torch.equal(ours(X), theirs(X))


def test_classic_weights_are_drawn_as_xavier_says():
    torch.manual_seed(0)
    for layer in lenet.lenet_classic():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            fan_out, fan_in = layer.weight.shape[0], layer.weight[0].numel()
            area = layer.weight[0, 0].numel() if isinstance(layer, nn.Conv2d) else 1
            bound = math.sqrt(6 / (fan_in + fan_out * area))
            assert 0.9 * bound < float(layer.weight.detach().abs().max()) <= bound
            assert float(layer.weight.detach().std()) == pytest.approx(bound / math.sqrt(3), rel=0.15)


@pytest.mark.parametrize("seed", range(3))
def test_modern_weights_keep_the_signal_through_relu_and_biases_start_at_0(seed):
    """Kaiming's rule for ReLU: uniform, with the variance 2 / inputs."""
    torch.manual_seed(seed)
    for layer in (layer for layer in lenet.lenet_modern() if isinstance(layer, nn.Conv2d | nn.Linear)):
        fan_in = layer.weight[0].numel()
        bound = math.sqrt(6 / fan_in)
        assert 0.9 * bound < layer.weight.abs().max() <= bound
        assert layer.weight.var().item() == pytest.approx(2 / fan_in, rel=0.35)
        assert torch.equal(layer.bias, torch.zeros_like(layer.bias))


def test_kaimings_weights_fill_their_range_and_a_linear_layer_gets_half_the_variance():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 64, 5), nn.ReLU(), nn.Linear(500, 300, bias=False), nn.BatchNorm1d(300))
    assert lenet.kaiming_(net) is net
    for layer, inputs in ((net[0], 75), (net[2], 500)):
        limit = math.sqrt(6 / inputs)
        assert 0.98 * limit < layer.weight.abs().max() <= limit
        assert layer.weight.var().item() == pytest.approx(2 / inputs, rel=0.05)
    assert net[0].bias.count_nonzero() == 0
    wide = net[2].weight.var().item()
    assert lenet.kaiming_(net, nonlinearity="linear")[2].weight.var().item() == pytest.approx(wide / 2, rel=0.05)


@pytest.mark.parametrize(
    ("make", "pool", "act"),
    [(lenet.lenet_classic, nn.AvgPool2d, nn.Sigmoid), (lenet.lenet_modern, nn.MaxPool2d, nn.ReLU)],
)
def test_both_poolings_and_all_activations_are_those_of_the_variant(make, pool, act):
    net = make()
    assert [type(layer) for layer in (net.pool1, net.pool2)] == [pool] * 2
    assert [type(layer) for layer in (net.act1, net.act2, net.act3, net.act4)] == [act] * 4


@pytest.mark.parametrize("make", [lenet.lenet_classic, lenet.lenet_modern, lenet.mlp, lenet.softmax_regression])
def test_there_is_at_least_one_class(make):
    with pytest.raises(ValueError, match=f"{make.__name__}: num_classes is 0, but it must be at least 1"):
        make(num_classes=0)


def test_modern_differs_from_classic_in_activation_and_pooling_alone():
    pairs = {
        (type(a).__name__, type(b).__name__)
        for a, b in zip(lenet.lenet_classic(), lenet.lenet_modern(), strict=True)
        if str(a) != str(b)
    }
    assert pairs == {("Sigmoid", "ReLU"), ("AvgPool2d", "MaxPool2d")}


@pytest.mark.parametrize("make", [lenet.lenet_classic, lenet.lenet_modern, lenet.mlp, lenet.softmax_regression])
def test_the_callers_seed_decides_the_weights(make):
    nets = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        nets.append(torch.cat([p.flatten() for p in make().parameters()]))
    assert torch.equal(nets[0], nets[1])
    assert not torch.equal(nets[0], nets[2])


@pytest.mark.parametrize("name", ["width", "kernel", "num_classes"])
def test_a_lenet_of_size_zero_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"^lenet: {name} is 0, but it must be at least 1"):
        lenet.lenet(**{name: 0})


@claim("S27")
def test_baselines_have_the_sizes_the_chapter_compares():
    X = torch.zeros(3, 1, 28, 28)
    assert parameters(lenet.softmax_regression()) == 784 * 10 + 10
    assert parameters(lenet.mlp()) == 784 * 256 + 256 + 256 * 10 + 10
    assert parameters(lenet.mlp(hidden=7)) == 784 * 7 + 7 + 7 * 10 + 10
    assert lenet.softmax_regression()(X).shape == lenet.mlp()(X).shape == (3, 10)
    with pytest.raises(ValueError, match="hidden is 0"):
        lenet.mlp(hidden=0)


@claim("S27")
def test_original_lenet5_has_the_counts_of_the_paper():
    rows = {row.layer: row for row in lenet.original_lenet5()}
    assert {name: row.parameters for name, row in rows.items()} == {
        "C1": 156,
        "S2": 12,
        "C3": 1_516,
        "S4": 32,
        "C5": 48_120,
        "F6": 10_164,
        "Output": 0,
    }
    assert sum(row.parameters for row in rows.values()) == 60_000
    assert {name: row.connections for name, row in rows.items()} == {
        "C1": 122_304,
        "S2": 5_880,
        "C3": 151_600,
        "S4": 2_000,
        "C5": 48_120,
        "F6": 10_164,
        "Output": 840,
    }
    assert sum(row.connections for row in rows.values()) == 340_908
    assert [(row.maps, row.size) for row in rows.values()] == [
        (6, 28), (6, 14), (16, 10), (16, 5), (120, 1), (84, 1), (10, 1),
    ]  # fmt: skip


def test_c3_table_joins_maps_as_the_paper_describes():
    table = lenet.C3_TABLE
    assert [len(column) for column in table] == [3] * 6 + [4] * 9 + [6]
    assert len(set(table)) == 16
    cyclic = [{(i + j) % 6 for j in range(k)} for k in (3, 4) for i in range(6)]
    assert [set(column) for column in table[:12]] == cyclic
    assert set(table[15]) == set(range(6))
    read = [sum(i in column for column in table) for i in range(6)]
    assert read == [10] * 6  # every map of S2 is read equally often


@given(
    targets=st.lists(st.integers(0, 4), max_size=30),
    shift=st.integers(0, 4),
)
def test_confusion_matrix_counts_every_image_once(targets, shift):
    y = torch.tensor(targets, dtype=torch.int64)
    guess = (y + shift) % 5
    M = lenet.confusion_matrix(y, guess, 5)
    assert M.shape == (5, 5)
    assert M.dtype == torch.int64
    assert M.sum() == len(y)
    for i in range(5):
        for j in range(5):
            assert M[i, j] == sum(int(a) == i and int(b) == j for a, b in zip(y, guess, strict=True))


def test_confusion_matrix_says_what_is_wrong():
    y = torch.tensor([0, 1, 2])
    with pytest.raises(ValueError, match=r"targets run from 0 to 2, but 2 classes are numbered 0 to 1"):
        lenet.confusion_matrix(y, y, 2)
    with pytest.raises(ValueError, match="3 targets, but 2 predictions"):
        lenet.confusion_matrix(y, y[:2], 3)
    with pytest.raises(TypeError, match=r"argmax\(1\)"):
        lenet.confusion_matrix(y, y.float(), 3)


def test_worst_mistakes_come_first_and_right_answers_never():
    logits = torch.tensor([[5.0, 0.0], [0.0, 1.0], [0.0, 9.0], [0.0, 3.0], [2.0, 0.0]])
    targets = torch.tensor([0, 0, 0, 1, 1])
    assert lenet.worst_mistakes(logits, targets, 9).tolist() == [2, 4, 1]
    assert lenet.worst_mistakes(logits, targets, 1).tolist() == [2]
    assert lenet.worst_mistakes(logits, targets, 0).tolist() == []
    with pytest.raises(ValueError, match="4 targets"):
        lenet.worst_mistakes(logits, targets[:4], 1)


def test_equal_mistakes_keep_their_order():
    logits = torch.tensor([[0.0, 1.0]]).repeat(6, 1)
    assert lenet.worst_mistakes(logits, torch.zeros(6, dtype=torch.int64), 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("kind", [torch.float32, torch.complex64])
def test_class_numbers_are_whole(kind):
    good = torch.tensor([0, 1])
    for call in (
        lambda: lenet.confusion_matrix(good.to(kind), good, 2),
        lambda: lenet.confusion_matrix(good, good.to(kind), 2),
        lambda: lenet.worst_mistakes(torch.eye(2), good.to(kind), 1),
    ):
        with pytest.raises(TypeError, match=r"but class numbers are integers; .*argmax\(1\)"):
            call()


def test_worst_mistakes_say_which_target_is_out_of_range_and_take_any_integers():
    logits = torch.tensor([[0.0, 9.0], [1.0, 0.0]])
    for wrong in (torch.tensor([0, 2]), torch.tensor([-1, 0])):
        with pytest.raises(ValueError, match=r"targets run from -?\d to \d, but the logits are of 2 classes"):
            lenet.worst_mistakes(logits, wrong, 1)
    with pytest.raises(TypeError, match=r"logits are int64, .*logits\.float\(\)"):
        lenet.worst_mistakes(logits.long(), torch.tensor([0, 0]), 1)
    assert lenet.worst_mistakes(logits, torch.tensor([0, 0], dtype=torch.uint8), 5).tolist() == [0]

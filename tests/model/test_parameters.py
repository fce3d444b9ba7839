"""The names, shapes and first values of the parameters."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sentinel.errors import ModelError
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Initialisation, Parameters

WIDE = Architecture(40, 96, 2, 2, bidirectional=True)
FORECASTING = Architecture(300, 96, forecast=True)
HEADS = ("output", "forecast")
MATRICES = [
    (architecture, name)
    for architecture in (WIDE, FORECASTING)
    for name, shape in architecture.shapes().items()
    if len(shape) == 2
]


def initial(initialisation: Initialisation, architecture: Architecture = WIDE) -> Parameters:
    return Parameters.initial(architecture, np.random.default_rng(0), initialisation)


def test_every_tensor_has_its_documented_name_and_shape() -> None:
    assert Architecture(3, 5, 2, 2, bidirectional=True).shapes() == {
        "encoder.0.forward.w_x": (20, 3),
        "encoder.0.forward.w_h": (20, 5),
        "encoder.0.forward.bias": (20,),
        "encoder.0.backward.w_x": (20, 3),
        "encoder.0.backward.w_h": (20, 5),
        "encoder.0.backward.bias": (20,),
        "encoder.1.forward.w_x": (20, 10),
        "encoder.1.forward.w_h": (20, 5),
        "encoder.1.forward.bias": (20,),
        "encoder.1.backward.w_x": (20, 10),
        "encoder.1.backward.w_h": (20, 5),
        "encoder.1.backward.bias": (20,),
        "decoder.0.w_x": (20, 10),
        "decoder.0.w_h": (20, 5),
        "decoder.0.bias": (20,),
        "decoder.1.w_x": (20, 5),
        "decoder.1.w_h": (20, 5),
        "decoder.1.bias": (20,),
        "output.w": (3, 5),
        "output.bias": (3,),
    }


def test_a_second_head_reads_the_encoder_and_comes_last() -> None:
    plain = Architecture(3, 5, 2, 2)
    added = {"forecast.w": (3, 5), "forecast.bias": (3,)}
    assert list(Architecture(3, 5, 2, 2, forecast=True).shapes().items()) == [
        *plain.shapes().items(), *added.items(),
    ]  # fmt: skip


def test_a_bidirectional_encoder_cannot_forecast() -> None:
    with pytest.raises(ModelError, match="it has seen the answer"):
        Architecture(3, bidirectional=True, forecast=True)


def test_tensors_are_views_of_the_flat_vector_in_order_and_without_gap() -> None:
    parameters = Parameters(Architecture(3, 5, 1, 2))
    parameters.flat[:] = np.arange(parameters.flat.size)
    joined = np.concatenate([tensor.ravel() for tensor in parameters.tensors.values()])
    np.testing.assert_array_equal(joined, parameters.flat)
    parameters["output.bias"][...] = -1
    assert parameters.flat[-3:].tolist() == [-1, -1, -1]


@pytest.mark.parametrize(("architecture", "name"), MATRICES)
@pytest.mark.parametrize("initialisation", ["glorot", "he"])
def test_weights_have_the_variance_of_their_initialisation(
    initialisation: Initialisation, architecture: Architecture, name: str
) -> None:
    outputs, inputs = architecture.shapes()[name]
    per_gate = outputs if name.startswith(HEADS) else outputs // 4
    expected = 2 / (inputs + per_gate) if initialisation == "glorot" else 2 / inputs
    weights = initial(initialisation, architecture)[name]
    # The sample variance of n normal values is off by sqrt(2 / n), of uniform ones by less.
    assert weights.var() == pytest.approx(expected, rel=5 * math.sqrt(2 / weights.size))
    assert abs(weights.mean()) < 5 * math.sqrt(expected / weights.size)
    if initialisation == "glorot":
        assert np.abs(weights).max() <= math.sqrt(3 * expected) * (1 + 1e-6)
    else:
        assert np.abs(weights).max() > math.sqrt(3 * expected)  # normal, not uniform


@pytest.mark.parametrize("architecture", [WIDE, FORECASTING], ids=["wide", "forecasting"])
@pytest.mark.parametrize("initialisation", ["glorot", "he"])
def test_biases_are_zero_but_for_the_forget_gates_one(
    initialisation: Initialisation, architecture: Architecture
) -> None:
    for name, bias in initial(initialisation, architecture).tensors.items():
        if name.endswith("bias"):
            gates = np.zeros_like(bias)
            if not name.startswith(HEADS):
                gates.reshape(4, 96)[1] = 1  # i, f, g, o
            np.testing.assert_array_equal(bias, gates)


@pytest.mark.parametrize("architecture", [WIDE, FORECASTING], ids=["wide", "forecasting"])
def test_uniform_draws_weights_and_biases_alike_within_one_over_the_root_of_the_hidden_units(
    architecture: Architecture,
) -> None:
    limit = 1 / math.sqrt(96)
    for tensor in initial("uniform", architecture).tensors.values():
        assert np.abs(tensor).max() <= limit * (1 + 1e-6)
        # The largest of n such values stays below a share s of the limit with probability s^n.
        assert np.abs(tensor).max() >= limit * 1e-9 ** (1 / tensor.size)
        assert abs(tensor.mean()) < 6 * limit / math.sqrt(3 * tensor.size)


def test_a_seed_gives_its_parameters_again_and_another_gives_others() -> None:
    def made(seed: int) -> Parameters:
        return Parameters.initial(Architecture(2, 4), np.random.default_rng(seed))

    np.testing.assert_array_equal(made(1).flat, made(1).flat)
    assert np.any(made(1).flat != made(2).flat)


def test_parameters_from_tensors_are_a_copy_and_need_every_name() -> None:
    first = initial("glorot", Architecture(2, 4))
    again = Parameters.from_tensors(first.architecture, first.tensors)
    np.testing.assert_array_equal(again.flat, first.flat)
    again.flat[:] = 0
    assert np.any(first.flat != 0)
    with pytest.raises(KeyError, match=r"output\.bias"):
        Parameters.from_tensors(
            first.architecture, {n: t for n, t in first.tensors.items() if n != "output.bias"}
        )


def test_a_forecaster_needs_no_decoder_and_sees_as_far_as_it_is_asked_to() -> None:
    shapes = Architecture(3, 5, decoder_layers=0, forecast=True, horizons=4).shapes()
    heads = {name: shape for name, shape in shapes.items() if not name.startswith("encoder")}
    assert heads == {"forecast.w": (12, 5), "forecast.bias": (12,)}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("channels", 0),
        ("hidden", 0),
        ("hidden", 1025),
        ("encoder_layers", 0),
        ("decoder_layers", 9),
        ("decoder_layers", 0),  # there is no other head
        ("horizons", 2),
        ("dropout", 0.51),
        ("dropout", -0.1),
        ("dropout", math.nan),
    ],
)
def test_an_impossible_architecture_is_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ModelError, match=f"{field} is {value}.*must lie in"):
        Architecture(**{"channels": 3, field: value})  # type: ignore[arg-type]

"""Training: what it optimises, what it keeps, and that it gives the same bytes again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from sentinel.model.architecture import Architecture
from sentinel.model.learning import Learner
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.schedule import one_cycle
from sentinel.model.scoring import WindowScorer
from sentinel.model.training import (
    Progress,
    Trained,
    TrainingSettings,
    evenly,
    train,
)
from sentinel.model.training import mean_loss as mean_loss_of_scorer
from sentinel.model.windows import WindowSet
from sentinel.records import TimeArray
from tests.kernels import oracle
from tests.kernels.samples import Float32Array, assert_close, float64, normal

STEPS = 12
SMALL = Architecture(2, 8)
QUICK = TrainingSettings(batch_size=48, epochs_max=3, epoch_windows_max=120)


def sine(count: int, seed: int, noise: float = 0.1) -> Float32Array:
    """Two channels of one sine, a quarter of a period apart."""
    t = np.arange(count)
    clean = np.stack([np.sin(t / 4), np.cos(t / 4)], axis=1)
    return (clean + noise * np.random.default_rng(seed).standard_normal(clean.shape)).astype(
        np.float32
    )


def every_window(rows: Float32Array, steps: int = STEPS) -> WindowSet:
    starts = np.arange(len(rows) - steps + 1)
    return WindowSet(rows, starts, np.full(len(starts), steps), steps)


def with_holes() -> WindowSet:
    """Windows with missing values, some shorter than the others."""
    rows = sine(100, 1)
    rows[np.random.default_rng(2).random(rows.shape) < 0.15] = np.nan
    windows = every_window(rows)
    lengths = windows.lengths.copy()
    lengths[::5] -= 4
    return replace(windows, lengths=lengths)


def high() -> WindowSet:
    """Noise about 2: training moves what the model gives from 0 to 2."""
    return every_window(2 + 0.1 * normal(np.random.default_rng(1), 200, 2))


def between() -> WindowSet:
    """Noise about 1: validation that `high` comes close to at first, and leaves behind."""
    return every_window(1 + 0.1 * normal(np.random.default_rng(2), 80, 2))


def mean_loss(parameters: Parameters, windows: WindowSet, chosen: TimeArray | None = None) -> float:
    """Of all windows, or of some."""
    scorer = WindowScorer(parameters, windows.window_length, Backend())
    return mean_loss_of_scorer(
        scorer, windows, np.arange(len(windows)) if chosen is None else chosen
    )


def x_and_mask(windows: WindowSet) -> tuple[Float32Array, Float32Array]:
    """All windows for the oracle: (T, F, B), 0 where masked, short ones padded on the left."""
    x = np.full((windows.window_length, windows.rows.shape[1], len(windows)), np.nan, np.float32)
    for b, (start, length) in enumerate(zip(windows.starts, windows.lengths, strict=True)):
        x[windows.window_length - length :, :, b] = windows.rows[start : start + length]
    return np.nan_to_num(x), np.isfinite(x).astype(np.float32)


def stop_after(minibatches: int) -> Callable[[], bool]:
    """A should_stop that lets so many minibatches pass."""
    asked = iter(range(10**9))
    return lambda: next(asked) >= minibatches


def run(
    architecture: Architecture = SMALL,
    settings: TrainingSettings = QUICK,
    windows: WindowSet | None = None,
    threads: int = 1,
) -> Trained:
    chosen = every_window(sine(200, 1)) if windows is None else windows
    backend = Backend(threads=threads)
    return train(architecture, chosen, every_window(sine(60, 2)), settings, backend)


def test_loss_falls_on_a_sine() -> None:
    validation = every_window(sine(100, 2))
    start = Parameters.initial(Architecture(2, 16), np.random.default_rng(0))
    settings = TrainingSettings(learning_rate=1e-2, epochs_max=25, patience=25)
    windows = every_window(sine(600, 1))
    trained = train(Architecture(2, 16), windows, validation, settings, Backend())
    before = mean_loss(start, validation)
    assert before > 0.3  # the variance of a sine is a half
    assert trained.validation_loss < 0.1 * before
    assert trained.train_loss < 0.1 * before
    assert trained.epochs == 25
    assert not trained.interrupted


@pytest.mark.parametrize(("dropout", "input_noise"), [(0.0, 0.0), (0.3, 0.0), (0.3, 0.2)])
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_same_seed_same_bytes_with_any_number_of_threads(
    optimizer: Literal["adam", "rmsprop"], dropout: float, input_noise: float
) -> None:
    architecture = Architecture(2, 8, 2, 1, dropout=dropout)
    settings = replace(QUICK, optimizer=optimizer, batch_size=100, input_noise=input_noise)
    found = [run(architecture, settings, threads=threads) for threads in (1, 2, 2, 3)]
    assert len({trained.parameters.flat.tobytes() for trained in found}) == 1
    assert len({trained.validation_loss for trained in found}) == 1
    for other_settings in (replace(settings, seed=1), replace(settings, input_noise=0.1)):
        other = run(architecture, other_settings)
        assert other.parameters.flat.tobytes() != found[0].parameters.flat.tobytes()


@pytest.mark.parametrize("clip_norm", [1e9, 0.2])
@pytest.mark.parametrize("schedule", ["constant", "one-cycle"])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop"])
def test_an_epoch_of_one_minibatch_is_one_clipped_step_of_the_optimiser(
    optimizer: Literal["adam", "adamw", "rmsprop"],
    schedule: Literal["constant", "one-cycle"],
    clip_norm: float,
) -> None:
    """Replayed in float64; with one minibatch an epoch the order of the windows does not matter."""
    windows, epochs = with_holes(), 6
    settings = TrainingSettings(
        optimizer=optimizer, schedule=schedule, batch_size=1000, epochs_max=epochs,
        clip_norm=clip_norm, weight_decay=3.0,
    )  # fmt: skip
    trained = train(SMALL, windows, windows, settings, Backend())
    assert trained.best_epoch == trained.epochs == trained.steps == epochs

    parameters = Parameters.initial(SMALL, np.random.default_rng(0))
    learner = Learner(SMALL, STEPS, Backend())
    theta = parameters.flat.astype(np.float64)
    m, v, norms, losses = np.zeros_like(theta), np.zeros_like(theta), [], []
    for step in range(1, epochs + 1):
        parameters.flat[:] = theta
        loss, gradient = learner.gradient(parameters, windows.rows, windows.starts, windows.lengths)
        losses.append(loss.reconstruction)
        g = gradient.astype(np.float64)
        norms.append(float(np.linalg.norm(g)))
        g *= min(1.0, clip_norm / norms[-1])
        rate = settings.learning_rate
        if schedule == "one-cycle":
            rate = one_cycle(step, epochs, rate)
        if optimizer == "adamw":
            theta -= rate * settings.weight_decay * theta
        if optimizer != "rmsprop":
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            m_hat, v_hat = m / (1 - 0.9**step), v / (1 - 0.999**step)
            theta -= rate * m_hat / (np.sqrt(v_hat) + 1e-8)
        else:
            v = 0.99 * v + 0.01 * g**2
            theta -= rate * g / (np.sqrt(v) + 1e-8)
    assert_close(trained.parameters.flat, theta, tol=3e-5, eps=1e-5)
    assert trained.gradient_norm == pytest.approx(np.mean(norms), rel=1e-4)
    assert trained.clipped_share == np.mean(np.array(norms) > clip_norm)
    assert (trained.clipped_share == 0) == (clip_norm > 1)
    assert trained.train_loss == pytest.approx(losses[-1], rel=1e-4)


def test_the_best_epochs_parameters_are_kept_not_the_last() -> None:
    validation = between()
    settings = replace(QUICK, epochs_max=50, patience=4, learning_rate=1e-2)
    trained = train(SMALL, high(), validation, settings, Backend())
    assert 0 < trained.best_epoch < trained.epochs < 50
    assert trained.epochs - trained.best_epoch == 4
    assert mean_loss(trained.parameters, validation) == trained.validation_loss
    until_best = replace(settings, epochs_max=trained.best_epoch)
    again = train(SMALL, high(), validation, until_best, Backend())
    assert again.parameters.flat.tobytes() == trained.parameters.flat.tobytes()
    later = replace(settings, epochs_max=trained.best_epoch + 1)
    assert train(SMALL, high(), validation, later, Backend()).best_epoch == trained.best_epoch


@pytest.mark.parametrize("minibatches", [0, 1, 7, 10])
def test_a_stop_keeps_the_best_so_far_and_is_obeyed_at_once(minibatches: int) -> None:
    """120 windows in minibatches of 48: three to an epoch."""
    validation = every_window(sine(60, 2))
    settings = replace(QUICK, epochs_max=20)
    seen: list[Progress] = []
    trained = train(
        SMALL,
        every_window(sine(200, 1)),
        validation,
        settings,
        Backend(),
        seen.append,
        stop_after(minibatches),
    )
    assert trained.interrupted
    assert trained.steps == len(seen) == minibatches
    assert trained.epochs == minibatches // 3 + 1
    assert mean_loss(trained.parameters, validation) == trained.validation_loss
    start = Parameters.initial(SMALL, np.random.default_rng(0))
    if minibatches:
        assert trained.validation_loss < mean_loss(start, validation)
    else:
        assert trained.parameters.flat.tobytes() == start.flat.tobytes()


def test_a_stop_after_things_went_wrong_still_keeps_the_best() -> None:
    validation = between()
    settings = replace(QUICK, epochs_max=50, patience=50, learning_rate=1e-2)
    best = train(SMALL, high(), validation, replace(settings, patience=4), Backend())
    stopped = train(SMALL, high(), validation, settings, Backend(), should_stop=stop_after(40))
    assert stopped.interrupted
    assert stopped.epochs > best.best_epoch + 4
    assert stopped.parameters.flat.tobytes() == best.parameters.flat.tobytes()


def test_training_that_diverges_returns_finite_parameters() -> None:
    trained = run(settings=replace(QUICK, learning_rate=1e30))
    assert np.isfinite(trained.parameters.flat).all()
    assert np.isfinite(trained.validation_loss)


def test_what_lies_outside_every_window_or_under_a_mask_has_no_influence() -> None:
    rows = sine(100, 1)
    rows[::7, 0] = np.nan
    starts, lengths = np.arange(20, 80, 10), np.full(6, STEPS)
    lengths[::2] = 5  # these are padded: the rows before them are none of theirs
    windows = WindowSet(rows, starts, lengths, STEPS)
    used = np.zeros(len(rows), bool)
    for start, length in zip(starts, lengths, strict=True):
        used[start : start + length] = True
    other_rows = np.where(used[:, None], rows, np.float32(5.0))
    assert np.any(~used[20:80])
    others = replace(windows, rows=other_rows)
    first, second = run(windows=windows), run(windows=others)
    assert first.parameters.flat.tobytes() == second.parameters.flat.tobytes()
    assert first.train_loss == second.train_loss


def test_mean_loss_is_the_oracles_over_all_unmasked_values() -> None:
    windows = with_holes()
    assert len(windows) > 64  # more than one call
    parameters = Parameters.initial(SMALL, np.random.default_rng(3))
    x, mask = x_and_mask(windows)
    expected = oracle.loss(float64(parameters.tensors), x.astype(np.float64), mask)
    assert mean_loss(parameters, windows) == pytest.approx(expected, rel=1e-6)
    few = np.array([3, 70])
    expected = oracle.loss(
        float64(parameters.tensors), x[:, :, few].astype(np.float64), mask[:, :, few]
    )
    assert mean_loss(parameters, windows, few) == pytest.approx(expected, rel=1e-6)


def test_mean_loss_of_nothing_is_nan() -> None:
    nothing = every_window(np.full((20, 2), np.nan, np.float32))
    assert np.isnan(mean_loss(Parameters(SMALL), nothing))
    assert np.isnan(mean_loss(Parameters(SMALL), nothing, np.arange(0)))


def test_progress_tells_every_minibatch_and_the_best_loss_so_far() -> None:
    seen: list[Progress] = []
    trained = train(
        SMALL, every_window(sine(200, 1)), every_window(sine(60, 2)), QUICK, Backend(), seen.append
    )
    assert [(p.epoch, p.step, p.steps) for p in seen] == [
        (epoch, step, 3) for epoch in (1, 2, 3) for step in (1, 2, 3)
    ]
    assert seen[-1].train_loss == trained.train_loss
    assert seen[0].validation_loss > seen[3].validation_loss > trained.validation_loss


@pytest.mark.parametrize(("count", "most", "expected"), [(3, 5, [0, 1, 2]), (9, 3, [0, 4, 8])])
def test_evenly_spreads_over_the_whole_range(count: int, most: int, expected: list[int]) -> None:
    assert evenly(count, most).tolist() == expected

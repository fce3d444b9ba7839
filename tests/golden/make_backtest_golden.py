"""Writes backtest.npz: what a harness for anomaly scores makes of made-up scores and labels.

Not run by the tests and not needed by them. The harness is a module `evaluate` with the functions
`vus`, `auc_pr_roc_f1` and `alarm_metrics`; its VUS agrees with TSB-AD 1.5. To make the file anew:

    PYTHONPATH=<folder of the harness> python tests/golden/make_backtest_golden.py

    format, seed                      what wrote the file
    names                             of the numbers in `expected`
    CASE/score (N,), CASE/label (N,)  float32 and bool
    CASE/alarm (N,)                   bool: in an episode
    CASE/expected                     float64; NaN: no event was found
"""

from __future__ import annotations

from pathlib import Path

import evaluate
import numpy as np

FORMAT = "sentinel-backtest/1"
TARGET = Path(__file__).with_name("backtest.npz")
SEED = 20260101
NAMES = (
    "vus_pr", "auc_pr", "event_recall", "episode_precision", "episode_f1", "false_per_10_000",
    "normal_open_share", "delay_readings",
)  # fmt: skip


def stretches(rng: np.random.Generator, length: int, count: int, longest: int) -> np.ndarray:
    """A mask of at most `count` stretches."""
    mask = np.zeros(length, bool)
    for start in rng.integers(0, length, count):
        mask[start : start + rng.integers(1, longest + 1)] = True
    return mask


def cases(rng: np.random.Generator) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Label, score and alarm by name: edges, ties, events near each other, short series."""
    plain = stretches(rng, 900, 4, 60)
    crowded = stretches(rng, 700, 25, 9)
    edges = np.zeros(500, bool)
    edges[:30] = edges[470:] = edges[200] = True
    short = np.zeros(23, bool)
    short[11:14] = True
    labels = {"plain": plain, "crowded": crowded, "edges": edges, "short": short}
    noise = {name: rng.normal(size=len(label)) for name, label in labels.items()}
    made = {name: (labels[name], noise[name] + 1.2 * labels[name]) for name in labels}
    made["ties"] = plain, np.round(made["plain"][1])
    made["constant"] = plain, np.zeros(len(plain))
    made["inverted"] = crowded, -made["crowded"][1]
    made["perfect"] = plain, plain.astype(float)
    found = {
        name: (label, score, (score > 1.7) | stretches(rng, len(label), 3, 20))
        for name, (label, score) in made.items()
    }
    label, score = made["plain"]
    return found | {
        "silent": (label, score, np.zeros(len(label), bool)),
        "always_on": (label, score, np.ones(len(label), bool)),
        "missed": (label, score, ~label & (score > 1.5)),
    }


def main() -> None:
    content: dict[str, object] = {"format": FORMAT, "seed": SEED, "names": NAMES}
    for name, (label, score, alarm) in cases(np.random.default_rng(SEED)).items():
        score = score.astype(np.float32)
        truth = label.astype(int)
        _, vus_pr = evaluate.vus(truth, score.astype(float), min(100, len(label) // 4))
        alarms = evaluate.alarm_metrics(truth, alarm.astype(int))
        expected = (
            vus_pr, evaluate.auc_pr_roc_f1(truth, score.astype(float))[0], alarms["A_event_rec"],
            alarms["A_episode_prec"], alarms["A_episode_F1"], alarms["A_false_episodes_per_10k"],
            alarms["A_FAR"], alarms["A_delay"],
        )  # fmt: skip
        arrays = {"score": score, "label": label, "alarm": alarm, "expected": np.array(expected)}
        content |= {f"{name}/{key}": array for key, array in arrays.items()}
    np.savez_compressed(TARGET, **content)


if __name__ == "__main__":
    main()

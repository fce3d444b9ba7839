"""The rows of the CUDA benchmark, for people."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.cuda_rounds import (
    CPU,
    CUDNN,
    CUDNN_TF32,
    DEVICE,
    HOST,
    OURS,
    STREAM,
    Row,
    named,
)
from tests.bench.kernel_table import human

EVERYBODY = (OURS, CUDNN, CUDNN_TF32, CPU)


def table(rows: Sequence[Row], roof_gflops: float) -> str:
    """Markdown.  roof_gflops  of the whole device"""
    columns, heads = [], []
    for where in (DEVICE, STREAM, HOST):
        there = [who for who in EVERYBODY if named(who, where) in rows[0].windows_per_s]
        columns += [named(who, where) for who in there]
        heads += [f"{where}: {there[0]}", *there[1:]]
    lines = [
        "| (T, F, H) | B | " + " | ".join(heads) + " |",
        "|---" * (2 + len(columns)) + "|",
    ]
    for row in rows:
        cells = [_cell(row, name, roof_gflops) for name in columns]
        lines.append(f"| {row.shape} | {row.batch:,} | " + " | ".join(cells) + " |")
    errors = ", ".join(f"{name} {max(r.max_error[name] for r in rows):.1g}" for name in columns)
    return "\n".join(
        [
            *lines,
            "",
            "Windows per second; ours: times cuDNN in float32, and percent of the FMA roof.",
            f"FMA roof: {roof_gflops:,.0f} GFLOP/s.",
            f"Largest error against float64: {errors}.",
            "Largest difference of sentinel from its CPU: "
            f"{max(row.excess for row in rows):.2g} of what is promised.",
        ]
    )


def _cell(row: Row, name: str, roof_gflops: float) -> str:
    rate = row.windows_per_s[name]
    cell = [human(rate)]
    who, _, where = name.partition(" from ")
    if who == OURS:
        if (peer := row.windows_per_s.get(named(CUDNN, where))) is not None:
            cell.append(f"{rate / peer:.2f}x")
        if where == DEVICE:
            cell.append(f"{rate * row.shape.flops / roof_gflops / 1e7:.0f}%")
    return ", ".join(cell)

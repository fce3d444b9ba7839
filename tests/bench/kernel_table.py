"""The rows of the kernel benchmark, for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.kernel_case import Shape


@dataclass(frozen=True, slots=True)
class Row:
    """One case on so many threads.

    windows_per_s, max_error  of each candidate, by its name
    roof_gflops               of each of our variants, on one thread, measured in turns with them
    """

    shape: Shape
    batch: int
    threads: int
    windows_per_s: dict[str, float]
    max_error: dict[str, float]
    roof_gflops: dict[str, float]


def median_roofs(rows: Sequence[Row]) -> dict[str, float]:
    """GFLOP/s of one thread, of each of our variants."""
    return {name: median(row.roof_gflops[name] for row in rows) for name in rows[0].roof_gflops}


def table(rows: Sequence[Row], peers: Sequence[str], flops_per_score: int) -> str:
    """Markdown. Rows of ours alone, on one thread, become a ratio in the rows of more threads."""
    roof_gflops = median_roofs(rows)
    alone = {(row.shape, row.batch): row for row in rows if row.threads == 1}
    most = max(row.threads for row in rows)
    lines = [
        "| (T, F, H) | B | " + " | ".join((*peers, *roof_gflops)) + " |",
        "|---" * (2 + len(peers) + len(roof_gflops)) + "|",
    ]
    for row in rows:
        if row.threads < most:
            continue
        best = max((row.windows_per_s[name] for name in peers), default=None)
        cells = [human(row.windows_per_s[name]) for name in peers]
        for name in roof_gflops:
            roof, rate = row.roof_gflops[name], row.windows_per_s[name]
            flops = rate * row.shape.flops * flops_per_score
            cell = [human(rate), f"{flops / (roof * row.threads) / 1e7:.0f}%"]
            if best is not None:
                cell.insert(1, f"{rate / best:.2f}x")
            if most > 1:
                ratio = rate / alone[row.shape, row.batch].windows_per_s[name]
                cell.append(f"{ratio:.2f} of 1 thread")
            cells.append(", ".join(cell))
        lines.append(f"| {row.shape} | {row.batch} | " + " | ".join(cells) + " |")
    roofs = ", ".join(f"{name} {gflops:.0f}" for name, gflops in roof_gflops.items())
    errors = ", ".join(
        f"{name} {max(row.max_error.get(name, 0.0) for row in rows):.1g}"
        for name in (*peers, *roof_gflops)
    )
    lines += [
        "",
        "Windows per second; ours: "
        + ("times the best peer, " if peers else "")
        + "percent of the FMA roof"
        + (", times our own on one thread." if most > 1 else "."),
        f"FMA roof, GFLOP/s of one thread: {roofs}.",
        f"Largest error against float64: {errors}.",
    ]
    return "\n".join(lines)


def human(rate: float) -> str:
    """Three digits."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if rate >= size:
            return f"{rate / size:.{3 - len(str(int(rate / size)))}f}{unit}"
    return f"{rate:.3g}"

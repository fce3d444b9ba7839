"""All that wants an NVIDIA GPU, in pieces: each takes less than ten minutes, and stands alone.

    python -m tests.cuda.gpu                      # all of them, one after another
    python -m tests.cuda.gpu --list               # their numbers and commands
    python -m tests.cuda.gpu 0 9                  # some of them
    python -m tests.cuda.gpu --sanitize memcheck  # instead: small tests under compute-sanitizer

They need NumPy, Numba, numba-cuda and pytest; torch where cuDNN shall take part. What the
benchmarks find lies in `cuda-T-F-H.json`, in the current directory.

That detection is as good needs the development series, and all that sentinel depends on:
`python -m tests.quality --series DIR --evaluate FILE --device cuda --versus STORED.csv` compares it
with what an earlier run on the CPU found.

compute-sanitizer comes with the CUDA toolkit: `memcheck` finds accesses out of bounds, `racecheck`
those to shared memory without a barrier between them, `synccheck` barriers that not all threads
reach, `initcheck` reads of what nobody wrote. It makes kernels some fifty times slower; of other
tests than the small ones by hand:

    compute-sanitizer --tool memcheck --error-exitcode 1 python -m pytest -o addopts= \\
        -p no:cacheprovider -m gpu tests/cuda/gpu/test_gpu_scoring.py -k odd
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence

from tests.bench.kernels import SHAPES

LIMIT_S = 600
FOLDER = "tests/cuda/gpu"
# Without the project's options: these share tests among processes, and the memory tests count what
# the device has left.
PYTEST = (sys.executable, "-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider", "-q")
# Tests of a file, by a word of their names; every one compiles kernels for many models.
TESTS = {
    "scoring": ("benchmarked", "odd", "not benchmarked and not odd"),
    "carrying": ("",), "rings": ("",), "memory": ("",), "training": ("",), "detecting": ("",),
}  # fmt: skip
SMALL = ("rings",)
SANITIZER = "compute-sanitizer"
TOOLS = ("memcheck", "racecheck", "synccheck", "initcheck")


def command_of(name: str, words: str = "") -> list[str]:
    """The command for tests of a file."""
    return [*PYTEST, "-m", "gpu", f"{FOLDER}/test_gpu_{name}.py", *(("-k", words) if words else ())]


def pieces() -> list[list[str]]:
    """The command of each."""
    found = [command_of(name, words) for name, parts in TESTS.items() for words in parts]
    for shape in SHAPES:
        numbers = [str(number) for number in shape]
        options = "--shapes", ",".join(numbers), "--json", f"cuda-{'-'.join(numbers)}.json"
        found.append([sys.executable, "-m", "tests.bench.cuda", *options])
    for shape in SHAPES:
        only = "--shapes", ",".join(str(number) for number in shape)
        found.append([sys.executable, "-m", "tests.bench.cuda_training", *only])
    return found


def run(command: Sequence[str]) -> bool:
    """Whether it went well, and in time."""
    print(f"\n$ {shlex.join(command)}", flush=True)
    try:
        return subprocess.run(command, check=False, timeout=LIMIT_S).returncode == 0
    except subprocess.TimeoutExpired:
        print(f"more than {LIMIT_S} s", flush=True)
        return False


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is asked for; exit code 1 where a piece fails or takes too long."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.cuda.gpu", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("numbers", type=int, nargs="*", metavar="N", help="default: all")
    parser.add_argument("--list", action="store_true", help="what there is, and run nothing")
    parser.add_argument("--sanitize", choices=TOOLS)
    options = parser.parse_args(arguments)
    found = pieces()
    if unknown := [str(number) for number in options.numbers if not 0 <= number < len(found)]:
        parser.error(f"there is no piece {', '.join(unknown)}: they are 0 to {len(found) - 1}")
    asked = {number: found[number] for number in options.numbers or range(len(found))}
    if options.sanitize:
        prefix = [SANITIZER, "--tool", options.sanitize, "--error-exitcode", "1"]
        asked = {number: [*prefix, *command_of(name)] for number, name in enumerate(SMALL)}
    if options.list:
        print("\n".join(f"{number:2}  {shlex.join(each)}" for number, each in asked.items()))
        return
    if options.sanitize and shutil.which(SANITIZER) is None:
        sys.exit(f"{SANITIZER} is not on PATH: it comes with the CUDA toolkit")
    failed = [str(number) for number, command in asked.items() if not run(command)]
    if failed:
        sys.exit(f"failed: {' '.join(failed)}")


if __name__ == "__main__":
    main()

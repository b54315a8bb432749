"""Time of one training step in one and in several processes, which share the batch (extra `mpi`).

Each network is trained by gradient descent on one batch, W4 784-512-256-10 with 128 examples, W5 784-1024-1024-10 with
512, in float32, with one BLAS thread a process. Of many steps the quickest counts: on a machine that others use, too,
it is what the work takes. The communication alone, the step without forward and backward pass, is a column of its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

NETWORKS = {"W4": ((784, 512, 256, 10), 128), "W5": ((784, 1024, 1024, 10), 512)}
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--examples", type=int, help="in a batch, for all networks")


def run(options: argparse.Namespace) -> None:
    mpiexec = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if mpiexec is None:
        sys.exit("processes: needs mpiexec; pip install 'tinygrad_edu[mpi]'")
    as_root = ["--allow-run-as-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    print("| network | examples | processes | ms a step | of that communication, ms | times one process |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": path}
    for network in ["W4"] if options.quick else NETWORKS:
        alone, examples = None, str(options.examples or NETWORKS[network][1])
        for size in options.processes:
            command = [mpiexec, *as_root, "--bind-to", "none", "--oversubscribe", "-n", str(size), sys.executable]
            task = [__file__, network, examples, "3" if options.quick else str(options.steps)]
            finished = subprocess.run([*command, *task], env=environment, capture_output=True, text=True, check=True)
            step, communication = (float(seconds) * 1e3 for seconds in finished.stdout.split())
            alone = alone or step
            cells = (network, examples, size, f"{step:.2f}", f"{communication:.2f}", f"{alone / step:.2f}")
            print(f"| {' | '.join(map(str, cells))} |", flush=True)


def worker(network: str, m: int, steps: int) -> None:
    """What each process does; rank 0 prints the two times."""
    import tinygrad_edu as tg

    sizes, _ = NETWORKS[network]
    rng = np.random.default_rng(0)
    X, labels = rng.standard_normal((m, sizes[0]), dtype=np.float32), rng.integers(10, size=m)
    with tg.distributed.Group() as group:
        model = tg.nn.MLP(sizes, activation=tg.nn.ReLU, rng=rng, dtype=np.float32)
        optimizer, loss = tg.optim.SGD(model.parameters(), lr=0.01), tg.nn.CrossEntropyLoss()
        group.agree(model, optimizer, steps=steps)
        X_share, labels_share = group.shard(X, labels)
        quickest = [np.inf, np.inf]
        for _ in range(steps):
            start = perf_counter()
            optimizer.zero_grad()
            loss(model(X_share), labels_share).backward()
            before = perf_counter()
            group.average(model.parameters(), len(X_share))
            after = perf_counter()
            optimizer.step()
            taken = perf_counter() - start
            quickest = [min(quickest[0], taken), min(quickest[1], after - before)]
        slowest = group.comm.allgather(quickest)
        if group.root:
            print(*np.max(slowest, axis=0))


if __name__ == "__main__":
    worker(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

"""More than one process: each works on its share of the batch, and all take the same step (extra `mpi`).

    from mpi4py import MPI

    fit(model, loss, optimizer, X, y, ..., comm=MPI.COMM_WORLD)        # mpiexec -n 2 python training.py

`fit` calls what is here; a training loop of one's own can, too:

    with Group() as group:
        group.agree(model, optimizer)                        # the same model everywhere, with the weights of rank 0
        for X_batch, y_batch in batches(X, y, 64, rng):      # the same rng everywhere
            X_share, y_share = group.shard(X_batch, y_batch)
            optimizer.zero_grad()
            if len(X_share):
                loss(model(X_share), y_share).backward()
            group.average(model.parameters(), len(X_share))
            optimizer.step()

The cost is a mean, J = (1/m) sum of L_i. A rank with m_r of the m examples has the gradient of its own mean, with 1/m_r
in it. So the gradient of J is not the mean of the ranks' gradients, but

    dJ/dx = sum over ranks of (m_r / m) dJ_r/dx

and that is what `average` computes. The two agree where all shares have one size.

Read next: `docs/more-than-one-process.md`, for when it pays.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import nullcontext
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

import numpy as np

import tinygrad_edu
from tinygrad_edu.nn import Module
from tinygrad_edu.optim import Optimizer
from tinygrad_edu.tensor import Tensor

__all__ = ["Group"]

METHODS = ("Get_rank", "Get_size", "allgather", "bcast", "Allreduce", "Abort")


class Group:
    """The processes of an MPI communicator, by default of all that mpiexec has started.

    rank   the number of this process, from 0
    size   how many there are
    root   whether this is rank 0, which alone writes files and prints

    A rank that leaves while the others train would let them wait for ever. So from here on an exception that nobody
    catches ends the whole job, and within `with Group() as group:` sys.exit does, too.

    Raises:  ImportError without mpi4py; TypeError for something that is no communicator
    """

    def __init__(self, comm: Any = None) -> None:
        comm = world() if comm is None else comm
        if not all(hasattr(comm, method) for method in METHODS):
            raise TypeError(
                f"Group: comm must be a communicator of mpi4py; got {type(comm).__name__}. Pass MPI.COMM_WORLD, "
                "after from mpi4py import MPI."
            )
        self.comm, self.rank, self.size = comm, int(comm.Get_rank()), int(comm.Get_size())
        self.root = self.rank == 0
        if self.size > 1:
            end_together(comm)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, SystemExit) and self.size > 1:
            end(self.comm, f"has left the training by sys.exit({error.code!r})")

    def same(self, value: Any) -> Any:
        """The value that rank 0 has given, for a seed that all must share."""
        return self.comm.bcast(value, root=0)

    def agree(self, model: Module, optimizer: Optimizer | None = None, **settings: Any) -> None:
        """Make sure that all ranks train the same, then give all the weights and the optimizer's state of rank 0.

        Compared are the version of this package, the parameters' names, shapes and dtypes, the optimizer's class and
        settings, and the further settings given here, as epochs=20.

        Raises:  ValueError, the same on every rank, if they differ; then nothing has changed
        """
        everywhere = self.comm.allgather(facts(model, optimizer, settings))
        for name in dict.fromkeys(name for found in everywhere for name in found):
            values = [found.get(name, "none") for found in everywhere]
            for rank, value in enumerate(values):
                if value != values[0]:
                    error = ValueError(
                        f"Group.agree: all ranks must train the same; got {name} {values[0]} on rank 0, and {value} on "
                        f"rank {rank}. Start the same program with the same packages and settings everywhere."
                    )
                    error.on_every_rank = True  # type: ignore[attr-defined]
                    raise error
        model.load_state_dict(self.same(model.state_dict()))
        if optimizer is not None:
            optimizer.load_state_dict(self.same(optimizer.state_dict()))

    def shard(self, *arrays: Any) -> tuple[Any, ...]:
        """This rank's rows of each array; the shares follow one another, and differ by one row at most.

        With fewer rows than ranks, the last ranks have none.

        Raises:  ValueError if the arrays differ in length
        """
        lengths = [len(array) for array in arrays]
        if len(set(lengths)) > 1:
            raise ValueError(
                f"Group.shard: the arrays must have one row for each example; got {lengths}. Check X and y."
            )
        each, more = divmod(lengths[0], self.size) if lengths else (0, 0)
        start = self.rank * each + min(self.rank, more)
        rows = slice(start, start + each + (self.rank < more))
        return tuple(array[rows] for array in arrays)

    def average(self, parameters: Iterable[Tensor], examples: int) -> None:
        """Set every `.grad` to the gradient of the mean over the examples of all ranks.

            g = sum over ranks of examples g_rank / sum over ranks of examples

        One Allreduce for each dtype, over one flat buffer: the gradients, then for each parameter whether it has one,
        then the number of examples. A parameter that has a gradient nowhere keeps none.

        Raises:  ValueError if no rank has an example
        """
        if self.size == 1:
            return
        by_dtype: dict[np.dtype, list[Tensor]] = {}
        for x in parameters:
            if x.requires_grad:
                by_dtype.setdefault(x.dtype, []).append(x)
        for dtype, group in by_dtype.items():
            ends = np.cumsum([0, *(x.size for x in group)])
            places = [slice(*pair) for pair in pairwise(ends)]
            has_one = slice(ends[-1], ends[-1] + len(group))
            flat = np.zeros(has_one.stop + 1, dtype)
            for x, place in zip(group, places, strict=True):
                if x.grad is not None and examples:
                    np.multiply(x.grad.data.ravel(), examples, out=flat[place])
            flat[has_one] = [x.grad is not None and examples > 0 for x in group]
            flat[-1] = examples
            self.comm.Allreduce(None, flat)  # None: in place
            count = counted("average", flat[-1])
            for x, place, found in zip(group, places, flat[has_one], strict=True):
                x.grad = Tensor.wrap(flat[place].reshape(x.shape) / count) if found else None

    def mean(self, value: float, examples: int) -> float:
        """The mean of a number over the examples of all ranks; what a rank without examples gives does not count.

        Raises:  ValueError if no rank has an example
        """
        total = np.array([value * examples if examples else 0.0, examples])
        self.comm.Allreduce(None, total)
        return float(total[0] / counted("mean", total[1]))

    def __repr__(self) -> str:
        return f"Group(rank={self.rank}, size={self.size})"


class Alone(nullcontext[None]):
    """The group of one process."""

    root = True

    def same(self, value: Any) -> Any:
        return value

    def agree(self, model: Module, optimizer: Optimizer, **settings: Any) -> None:
        """There is nobody to disagree with."""

    def shard(self, *arrays: Any) -> tuple[Any, ...]:
        return arrays

    def average(self, parameters: Any, examples: int) -> None:
        """The gradients are those of the whole batch."""

    def mean(self, value: float, examples: int) -> float:
        return value


def world() -> Any:
    """All processes that mpiexec has started."""
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ImportError(
            f"Group: needs mpi4py and an MPI library; got {error}. Install both: pip install 'tinygrad_edu[mpi]'."
        ) from None
    return MPI.COMM_WORLD


def facts(model: Module, optimizer: Optimizer | None, settings: dict[str, Any]) -> dict[str, str]:
    """What must be the same on every rank, by name, as text."""
    found = {"tinygrad_edu": tinygrad_edu.__version__, "model": type(model).__name__}
    for name, x in model.named_parameters():
        found[f"parameter {name!r}"] = f"{x.shape} {x.dtype}{'' if x.requires_grad else ', frozen'}"
    if optimizer is not None:
        found["optimizer"] = type(optimizer).__name__
        settings_of = {name.lstrip("_"): value for name, value in vars(optimizer).items() if name != "buffers"}
        found |= {f"optimizer.{name}": repr(value) for name, value in settings_of.items() if plain(value)}
        found["parameters of the optimizer"] = str([x.shape for x in optimizer.params])
    return found | {name: repr(value) for name, value in settings.items()}


def plain(value: Any) -> bool:
    """Whether a value is a setting: a number, a word, or a few of them."""
    if isinstance(value, tuple):
        return all(map(plain, value))
    return isinstance(value, bool | int | float | str | None)


def counted(method: str, examples: Any) -> Any:
    """The number of examples, if there are any."""
    if not examples > 0:
        raise ValueError(
            f"Group.{method}: at least one rank must have an example; got {examples:g} in all. Check the batch."
        )
    return examples


def end_together(comm: Any) -> None:
    """From now on, an exception that nobody catches on this rank ends the job on all ranks."""
    shown = getattr(sys.excepthook, "shown", sys.excepthook)  # not once more for each Group

    def show_and_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        everywhere = getattr(error, "on_every_rank", False)
        if comm.Get_rank() == 0 or not everywhere:
            shown(kind, error, trace)
        if not everywhere:
            end(comm, "has failed")

    show_and_end.shown = shown  # type: ignore[attr-defined]
    sys.excepthook = show_and_end


def end(comm: Any, reason: str) -> None:
    """End the job on all ranks."""
    print(f"Rank {comm.Get_rank()} of {comm.Get_size()} {reason}: the job ends.", file=sys.stderr, flush=True)
    comm.Abort(1)

"""Train a model: batches, metrics, a progress bar, checkpoints, and a history of it all.

    history = fit(model, loss, optimizer, X, y, epochs=40, batch_size=32, validation=(X_test, y_test), rng=0)

`fit` is the loop that the examples write out, with what people want around it. Read next: `history.py`,
`checkpoint.py`, `metrics.py`.
"""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

import tinygrad_edu
from tinygrad_edu.autograd import detect_anomaly, no_grad
from tinygrad_edu.checkpoint import Arrays, Checkpoint, State, description
from tinygrad_edu.data import arguments, batches
from tinygrad_edu.distributed import Alone, Group
from tinygrad_edu.history import VALIDATION, History
from tinygrad_edu.metrics import METRICS, Metric
from tinygrad_edu.nn import Module
from tinygrad_edu.optim import LRScheduler, Optimizer
from tinygrad_edu.progress import View, shown

__all__ = ["evaluate", "fit"]

#: How many examples are evaluated at a time.
CHUNK = 1024

Pair = tuple[np.ndarray, np.ndarray]


def fit(
    model: Module,
    loss: Callable[..., Any],
    optimizer: Optimizer,
    X: Any,
    y: Any,
    epochs: int,
    batch_size: int,
    validation: tuple[Any, Any] | None = None,
    metrics: Sequence[str | Metric] = ("accuracy",),
    schedule: LRScheduler | None = None,
    callbacks: Sequence[Callable[[Module, History], object]] = (),
    early_stopping: int | None = None,
    checkpoint: Any = None,
    resume: bool = False,
    compile: bool = False,
    comm: Any = None,
    rng: np.random.Generator | int | None = None,
    progress: Any = "auto",
) -> History:
    """Train, and tell how it went.

        every epoch:  every batch, in an order drawn by rng:  zero_grad, loss(model(X), y).backward(), step
                      then metrics, schedule.step(), checkpoint, callbacks

    loss            of a batch, reduced to its mean
    validation      a pair (X, y) that is not trained on
    metrics         "accuracy", "mean_absolute_error", or functions of output and targets that are means over examples
    callbacks       each is called with the model and the history after every epoch
    early_stopping  end after so many epochs without a lower loss, on the validation set where there is one
    checkpoint      a directory to which all is written after every epoch; resume=True goes on from there
    compile         compute the steps by `tg.compile`: the same numbers, sooner
    comm            an MPI communicator: each process takes a part of every batch; the first one writes and prints
    progress        a bar on a terminal or in a notebook, lines where the output is piped; False for silence

    Where training ends early, by early_stopping or Ctrl-C, the model gets the weights of its best epoch; else it has
    those of the last. Ctrl-C lets the batch that is being computed end; a second one does not.

    Shapes:  X (m, ...), y (m, ...) -> History
    Raises:  FloatingPointError with epoch, batch and op where the loss or a gradient is NaN or infinite;
             TypeError, ValueError, OSError for what cannot be done
    """
    callbacks = [callbacks] if callable(callbacks) else list(callbacks)
    group = processes(comm, compile)  # first: from here on a rank that fails ends the others, too
    check(model, loss, optimizer, schedule, callbacks)
    counts = counted(epochs, batch_size, early_stopping)
    sets = prepared(X, y, validation, model, batch_size)
    rng = np.random.default_rng(rng)
    rng.bit_generator.state = group.same(rng.bit_generator.state)
    run = Run(model, loss, optimizer, schedule, sets, *counts, measures(metrics, loss), rng, group)
    run.try_out()
    run.open(checkpoint, resume)
    group.agree(model, optimizer, epochs=run.epochs, batch_size=run.batch_size, examples=run.examples)
    if compile:
        run.step = tinygrad_edu.compile(model, loss, optimizer, gradient_norm=True)
    with (
        group,
        model.evaluating(),  # for what it does at the end: each module as it was
        shown(progress if group.root else False, run.epochs, run.batches, run.history.epochs) as view,
        interruptible(comm is None) as pressed,
        np.errstate(all="ignore"),  # what overflows is found by the run, with the op that did it
    ):
        model.train()
        run.train(view, pressed, callbacks)
    return run.history


@dataclass
class Run:
    """What one call of `fit` works on."""

    model: Module
    loss: Callable[..., Any]
    optimizer: Optimizer
    schedule: LRScheduler | None
    sets: dict[str, Pair]
    epochs: int
    batch_size: int
    early_stopping: int | None
    metrics: dict[str, Metric]
    rng: np.random.Generator
    group: Group | Alone
    best: Arrays = field(default_factory=dict)
    history: History = field(default_factory=History)
    saved: Checkpoint | None = None

    def __post_init__(self) -> None:
        self.step: Callable[[Any, Any], tuple[Any, Any]] = self.plain_step
        self.state = State(self.model, self.optimizer, self.schedule, self.rng)
        self.examples = [len(X) for X, _ in self.sets.values()]
        self.batches = -(-self.examples[0] // self.batch_size)

    def try_out(self) -> None:
        """Evaluate one batch of each set, so that what does not fit shows before training."""
        with np.errstate(all="ignore"):
            for X, y in self.sets.values():
                evaluate(self.model, self.loss, X[: self.batch_size], y[: self.batch_size], self.metrics)

    def open(self, checkpoint: Any, resume: bool) -> None:
        """Begin a checkpoint in that directory, or go on from the one that is there."""
        if checkpoint is None:
            if resume:
                raise ValueError("fit: resume=True needs a checkpoint; got none. Name its directory by checkpoint=.")
            return
        must_stay = {"batch_size": self.batch_size, "examples": self.examples, "metrics": [*self.metrics]}
        same = description(self.model, self.loss, self.optimizer, self.schedule, **must_stay)
        self.saved = Checkpoint(checkpoint, same, resume)
        self.best, self.history = self.saved.load(self.state)
        if self.history.epochs > self.epochs:
            raise ValueError(
                f"fit: epochs must be at least those that the run has, {self.history.epochs}; got {self.epochs}. They "
                "count from its beginning."
            )

    def train(self, view: View, pressed: list[bool], callbacks: Sequence[Callable[[Module, History], object]]) -> None:
        """Epoch after epoch, until the last one, Ctrl-C or too many without a lower loss."""
        history = self.history
        if history.epochs == self.epochs:
            view.say(f"The run has all of its {self.epochs} epochs.")
        while history.epochs < self.epochs and not pressed and not self.impatient():
            results = self.epoch(view, pressed)
            if results is None:
                break
            history.add(results)
            if self.schedule:
                self.schedule.step()
            if history.best_epoch == history.epochs:
                self.best = self.model.state_dict()
            if self.saved and self.group.root:
                self.saved.save(self.state, self.best, history)
            view.epoch(history)
            for callback in callbacks:
                callback(self.model, history)
        if history.epochs < self.epochs:
            history.stopped = self.end_early(pressed)
            view.say(history.stopped)

    def impatient(self) -> bool:
        """Whether there were so many epochs since the best one."""
        since = self.history.epochs - self.history.best_epoch
        return self.early_stopping is not None and since >= self.early_stopping

    def plain_step(self, X: Any, y: Any) -> tuple[float, float]:
        """Forward, backward, update; the loss of this process's part of the batch, and the length of the gradient."""
        J = 0.0
        self.optimizer.zero_grad()
        if len(X):
            cost = self.loss(self.model(X), y)
            cost.backward()
            J = cost.item()
        self.group.average(self.optimizer.params, len(X))
        norm = gradient_norm(self.optimizer)
        self.optimizer.step()
        return J, norm

    def epoch(self, view: View, pressed: list[bool]) -> dict[str, float] | None:
        """One epoch, and its numbers for the history; None if it was broken off.

        Raises:  FloatingPointError for NaN and infinity
        """
        before, started, rate = self.state.capture(), perf_counter(), self.optimizer.lr
        cost = norms = 0.0
        for X, y in batches(*self.sets[""], self.batch_size, self.rng):
            if pressed:
                return None
            part = self.group.shard(X, y)
            J, norm = map(float, self.step(*part))
            J = self.group.mean(J, len(part[0]))
            if not math.isfinite(J + norm):
                raise FloatingPointError(self.diagnosis(before))
            cost, norms = cost + J * len(X), norms + norm
            view.step()
        if not all(np.isfinite(x.data).all() for x in self.optimizer.params):
            raise FloatingPointError(self.diagnosis(before))
        results = {"loss": cost / self.examples[0]}
        for prefix, (X, y) in self.sets.items():
            if prefix or self.metrics:
                part = self.group.shard(X, y)
                for name, value in evaluate(self.model, self.loss, part[0], part[1], self.metrics).items():
                    results.setdefault(prefix + name, self.group.mean(value, len(part[0])))
        results |= {"learning_rate": rate, "gradient_norm": norms / self.batches}
        return results | {"seconds": perf_counter() - started}

    def diagnosis(self, before: Any) -> str:
        """Where NaN or infinity came from: the epoch again, from its start, with an eye on every op."""
        self.state.restore(*before)
        alone, number, cause = replace(self, group=Alone()), 0, "No op of this package made it."
        try:
            with detect_anomaly():
                for number, (X, y) in enumerate(batches(*self.sets[""], self.batch_size, self.rng), start=1):  # noqa: B007
                    alone.plain_step(X, y)
        except FloatingPointError as error:
            cause = str(error)
        self.state.restore(*before)
        if self.best:
            self.model.load_state_dict(self.best)
        return (
            f"fit: loss, gradient and weights must be finite; got NaN or infinity in epoch {self.history.epochs + 1}, "
            f"batch {number}. {cause}"
        )

    def end_early(self, pressed: list[bool]) -> str:
        """Give the model its best weights; returns the sentence that says so."""
        if not self.best:
            return "Ctrl-C in the first epoch."
        self.model.load_state_dict(self.best)
        history = self.history
        why = f"Ctrl-C after epoch {history.epochs}" if pressed else f"No lower loss for {self.early_stopping} epochs"
        return f"{why}: the model has the weights of epoch {history.best_epoch}, the best."


def evaluate(
    model: Module, loss: Callable[..., Any], X: Any, y: Any, metrics: Mapping[str, Metric]
) -> dict[str, float]:
    """The loss and the metrics, without training: dropout passes all, nothing is recorded."""
    totals = dict.fromkeys(["loss", *metrics], 0.0)
    with model.evaluating(), no_grad():
        for start in range(0, len(X), CHUNK):
            X_part, y_part = X[start : start + CHUNK], y[start : start + CHUNK]
            output = model(X_part)
            totals["loss"] += loss(output, y_part).item() * len(X_part)
            for name, measure in metrics.items():
                totals[name] += float(measure(output.numpy(), y_part)) * len(X_part)
    return {name: total / max(1, len(X)) for name, total in totals.items()}


def processes(comm: Any, compile: bool) -> Any:
    """The group of processes that train together."""
    if comm is None:
        return Alone()
    if compile:
        raise ValueError("fit: compile=True and comm cannot be combined; got both. Leave one out.")
    return Group(comm)


@contextmanager
def interruptible(enabled: bool) -> Iterator[list[bool]]:
    """Note the first Ctrl-C in a list, where Python would raise KeyboardInterrupt at once; the second does."""
    pressed: list[bool] = []

    def note(*_: Any) -> None:
        pressed.append(True)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    mine = threading.current_thread() is threading.main_thread()  # elsewhere signals cannot be handled
    if not (enabled and mine and signal.getsignal(signal.SIGINT) is signal.default_int_handler):
        yield pressed
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def gradient_norm(optimizer: Optimizer) -> float:
    """The length of the gradient by all parameters."""
    gradients = (x.grad.data for x in optimizer.params if x.grad is not None)
    return math.sqrt(sum(float(np.vdot(g, g)) for g in gradients))


# What is asked for


def check(model: Any, loss: Any, optimizer: Any, schedule: Any, callbacks: Any) -> None:
    """Raise unless these are what they should be and belong together."""
    if not isinstance(model, Module):
        raise TypeError(f"fit: model must be a Module; got {type(model).__name__}. Put a function into nn.Sequential.")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"fit: optimizer must be an Optimizer; got {type(optimizer).__name__}. "
            "Pass for example optim.Adam(model.parameters())."
        )
    if isinstance(loss, type) or not callable(loss):
        got, written = ("a class", loss.__name__) if isinstance(loss, type) else (repr(loss), "nn.MSELoss")
        raise TypeError(f"fit: loss must be a function of output and targets; got {got}. Write {written}().")
    own = set(model.parameters())
    if not any(x in own for x in optimizer.params):
        raise ValueError(
            "fit: the optimizer must hold parameters of the model; got one of other Tensors. "
            "Make it with model.parameters(), after the model."
        )
    reduction = getattr(loss, "reduction", "mean")
    if reduction != "mean":
        raise ValueError(
            f"fit: the loss must be the mean over the batch; got reduction={reduction!r}. Leave reduction out, "
            "or write the loop yourself."
        )
    for callback in callbacks:
        if not callable(callback):
            raise TypeError(f"fit: callbacks must be functions; got {type(callback).__name__}. Put them into a list.")
    if schedule is not None and not (isinstance(schedule, LRScheduler) and schedule.optimizer is optimizer):
        raise TypeError(
            f"fit: schedule must be a schedule of this optimizer; got {type(schedule).__name__}. "
            "Pass for example optim.CosineAnnealingLR(optimizer, T_max=epochs)."
        )


def counted(epochs: Any, batch_size: Any, early_stopping: Any) -> tuple[int, int, int | None]:
    """The same as whole numbers, at least 1."""
    epochs = arguments.whole_number("fit", "epochs", epochs, 1, "An epoch meets every example once.")
    batch_size = arguments.whole_number("fit", "batch_size", batch_size, 1, "It counts the examples of a batch.")
    if early_stopping is not None:
        advice = "It counts the epochs without a lower loss."
        early_stopping = arguments.whole_number("fit", "early_stopping", early_stopping, 1, advice)
    return epochs, batch_size, early_stopping


def prepared(X: Any, y: Any, validation: Any, model: Module, batch_size: int) -> dict[str, Pair]:
    """The examples by the prefix of their numbers in the history: of training without, of validation where given."""
    sets = {"": pair("X, y", (X, y), model)}
    if validation is not None:
        sets[VALIDATION] = pair("validation", validation, model)
    m = len(sets[""][0])
    if batch_size > m:
        raise ValueError(
            f"fit: batch_size must be at most the number of examples, {m}; got {batch_size}. "
            f"Pass batch_size={m} for one batch an epoch."
        )
    return sets


def pair(name: str, given: Any, model: Module) -> Pair:
    """X and y with one row per example each, finite, X in the dtype of the model."""
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise TypeError(
            f"fit: {name} must be a pair (X, y); got {type(given).__name__}. "
            "Hold examples back with data.split(X, y, test_fraction=0.2, rng=rng)."
        )
    X, y = (arguments.real_rows("fit", part, array) for part, array in zip("Xy", given, strict=True))
    if len(X) != len(y):
        raise ValueError(
            f"fit: {name} must have one row per example each; got {X.shape} and {y.shape}. "
            "Transpose an array that holds its examples in columns."
        )
    dtype = next(model.parameters()).dtype
    return X.astype(dtype, copy=False) if X.dtype.kind == "f" else X, y


def measures(metrics: Any, loss: Any) -> dict[str, Metric]:
    """The metrics by name.

    Raises:  ValueError for a name that is not known, or that two of them have
    """
    named: dict[str, Metric] = {}
    for given in [metrics] if isinstance(metrics, str) or callable(metrics) else metrics:
        name = given if isinstance(given, str) else getattr(given, "__name__", type(given).__name__)
        if name in named or name == "loss":
            raise ValueError(f"fit: metrics must have names of their own; got {name!r} twice. Write it as a function.")
        if not callable(given) and given not in METRICS:
            raise ValueError(
                f"fit: metrics must be functions or of {', '.join(METRICS)}; got {given!r}. "
                "Pass a function of the output and the targets for any other."
            )
        named[name] = given if callable(given) else partial(METRICS[given], loss=loss)
    return named

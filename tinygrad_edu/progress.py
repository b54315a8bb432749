"""How a training run shows where it is: a bar on a terminal and in a notebook, lines where the output is piped.

    with shown("auto", epochs=40, steps=25, done=0) as view:
        view.step()              after each batch
        view.epoch(history)      after each epoch
        view.say("a sentence")

Read next: `train.py`.
"""

from __future__ import annotations

import sys
import warnings
from types import TracebackType
from typing import Any, Self

from tinygrad_edu.history import VALIDATION, History

__all__ = ["Bar", "Lines", "View", "shown"]

#: How many lines are printed of a run, at most.
LINES = 20


class View:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None) -> None:
        pass

    def step(self) -> None:
        """A batch is done."""

    def epoch(self, history: History) -> None:
        """An epoch is done."""

    def say(self, sentence: str) -> None:
        """Something that the reader should know."""


class Lines(View):
    """A line for every epoch, or, of many, for every second, fifth ... one."""

    def __init__(self, epochs: int, done: int) -> None:
        self.epochs, self.done = epochs, done
        self.every = -(-(epochs - done) // LINES)

    def epoch(self, history: History) -> None:
        if history.epochs == self.done + 1:
            print("\n".join(history.headings()), flush=True)
        if history.epochs in (self.done + 1, self.epochs) or history.epochs % self.every == 0:
            print(history.line(history.epochs), flush=True)

    def say(self, sentence: str) -> None:
        print(sentence, flush=True)


class Bar(View):
    """tqdm's bar over all batches."""

    def __init__(self, tqdm: Any, epochs: int, steps: int, done: int) -> None:
        self.epochs = epochs
        self.bar = tqdm(
            total=epochs * steps,
            initial=done * steps,
            desc=f"epoch {min(done + 1, epochs)}/{epochs}",
            bar_format="{desc} |{bar}| {remaining} left",
        )

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None) -> None:
        self.bar.close()

    def step(self) -> None:
        self.bar.update()

    def epoch(self, history: History) -> None:
        names = [name for name in ("loss", "accuracy") if name in history]
        text = ", ".join(f"{name} {history[name][-1]:#.3g}" for name in names)
        if VALIDATION + "loss" in history:
            text += "; validation " + ", ".join(f"{history[VALIDATION + name][-1]:#.3g}" for name in names)
        self.bar.set_description_str(f"{history.epochs}/{self.epochs}: {text}", refresh=False)

    def say(self, sentence: str) -> None:
        self.bar.write(sentence)


def shown(progress: Any, epochs: int, steps: int, done: int) -> View:
    """The view that fits the place: `progress` is "auto", True or False.

    Raises:  ValueError for anything else
    """
    if progress not in ("auto", True, False):
        raise ValueError(f"fit: progress must be 'auto', True or False; got {progress!r}. Pass False for silence.")
    if not progress:
        return View()
    notebook = type(sys.stdout).__module__.startswith("ipykernel")
    if notebook or (sys.stdout.isatty() and sys.stderr.isatty()):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # tqdm's own, where a notebook has no widgets: it draws in text then
                from tqdm.auto import tqdm
            return Bar(tqdm, epochs, steps, done)
        except ImportError:
            pass
    return Lines(epochs, done)

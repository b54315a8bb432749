"""What importing the package costs, and what it gives."""

import importlib
import sys

import pytest
from interpreters import start

import tinygrad_edu as tg


def run(*arguments):
    """What a fresh interpreter prints."""
    running = start(*arguments)
    out, err = running.communicate()
    assert running.returncode == 0, err.decode()
    return out.decode()


HEAVY = [
    "matplotlib",
    "sympy",
    "tqdm",
    "graphviz",
    "pygraphviz",
    "threadpoolctl",
    "scipy",
    "pandas",
    "torch",
    "PIL",
    "pyarrow",
]


def test_importing_the_package_loads_nothing_heavy():
    loaded = run("-c", "import sys, tinygrad_edu; print(*{name.split('.')[0] for name in sys.modules})").split()
    assert "tinygrad_edu" in loaded
    assert "numpy" in loaded
    assert not set(HEAVY) & set(loaded)
    outside = set(loaded) - sys.stdlib_module_names - {"tinygrad_edu", "numpy"}
    known = run("-c", "import sys, numpy.random, ctypes; print(*{name.split('.')[0] for name in sys.modules})").split()
    assert outside <= set(known)


def test_plotting_does_not_touch_pyplot(tmp_path):
    """Its global state, and the windows it may open, belong to the person who imports it."""
    program = (
        "import sys; from tinygrad_edu import plot; "
        f"plot.save(plot.loss_curve({{'training': [2.0, 1.0]}}), {str(tmp_path / 'loss.png')!r}); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    assert run("-c", program).split() == ["False"]


def test_drawing_is_loaded_when_it_is_first_asked_for():
    program = (
        "import sys, tinygrad_edu as tg; print('graphviz' in sys.modules); tg.draw; print('graphviz' in sys.modules)"
    )
    assert run("-W", "ignore", "-c", program).split() == ["False", "True"]
    assert tg.draw is importlib.import_module("tinygrad_edu.read.draw").draw
    assert tg.explore is importlib.import_module("tinygrad_edu.read.draw.explorer").explore
    assert {"draw", "explore", "tree", "Tensor", "__version__"} <= set(dir(tg))
    with pytest.raises(AttributeError, match="module 'tinygrad_edu' has no attribute 'drow'"):
        _ = tg.drow
    with pytest.raises(ImportError, match="drow"):
        exec("from tinygrad_edu import drow")


def test_every_public_name_is_there():
    assert all(hasattr(tg, name) for name in tg.__all__)
    assert len(set(tg.__all__)) == len(tg.__all__)
    for module in (tg.check, tg.data, tg.nn, tg.optim, tg.functional, tg.autograd):
        assert all(hasattr(module, name) for name in module.__all__)

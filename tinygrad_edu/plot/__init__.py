"""Plots of data, training and networks, by Matplotlib (extra `plot`), without pyplot's global state.

    ax = decision_boundary(model, X, y)         each returns its Axes, or draws into those given as ax=
    save(ax, "boundary.png")                    in a notebook, end a cell with ax.figure

Colours are told apart by the colour-blind (Okabe and Ito's), and never tell anything alone: lines differ in
dashes, classes in markers. Read next: `figures.py`, then `boundary.py`.
"""

from tinygrad_edu.plot.boundary import animate_boundary, decision_boundary
from tinygrad_edu.plot.curves import loss_curve, metric_curve, right_digits, slow_start
from tinygrad_edu.plot.figures import figure, save
from tinygrad_edu.plot.layers import histograms
from tinygrad_edu.plot.mistakes import confusion, worst

__all__ = [
    "animate_boundary",
    "confusion",
    "decision_boundary",
    "figure",
    "histograms",
    "loss_curve",
    "metric_curve",
    "right_digits",
    "save",
    "slow_start",
    "worst",
]

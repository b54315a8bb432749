"""One term, several routes: by autograd, by a fused op, by hand, side by side.

    print(compare("sigmoid-bce", Z, Y))                             # J, dJ/dA, dJ/dZ
    print(compare("softmax-nll", Y=labels, A_prev=A, W=W, b=b))     # and dJ/dW, dJ/db, dJ/dA_prev

A `Comparison` holds the arrays. The first route is the one that the others are measured against.
Read next: `recognise.py`, the same for the last layer of your own model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from tinygrad_edu import autograd, functional, notebook
from tinygrad_edu.check import formulas
from tinygrad_edu.check.pairs import COMPOSED, FUSED
from tinygrad_edu.tensor import Tensor

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, repr=False)
class Comparison:
    """Terms, each as an array by several routes; prints as a table of the largest differences."""

    terms: Mapping[str, Mapping[str, Any]]
    title: str = ""

    def difference(self, term: str, route: str) -> float:
        """The largest absolute difference of a route from the first; NaN if one is not finite, unless both agree."""
        first = np.asarray(next(iter(self.terms[term].values())))
        other = np.asarray(self.terms[term][route])
        if other.shape != first.shape:
            raise ValueError(
                f"Comparison: the routes of {term} must have one shape; got {first.shape} and {other.shape} "
                f"for {route!r}. Check the layout."
            )
        with np.errstate(invalid="ignore"):
            return float(np.max(np.where(other == first, 0, np.abs(other - first)), initial=0))

    def relative_difference(self, term: str, route: str) -> float:
        """The difference over the largest entry of the term."""
        difference, scale = self.difference(term, route), self._scale(term)
        return difference / scale if scale > 0 else difference and np.inf

    def _scale(self, term: str) -> float:
        return float(np.max(np.abs(np.asarray(next(iter(self.terms[term].values())))), initial=0))

    @property
    def routes(self) -> list[str]:
        """The routes in order, those of the fullest term first."""
        fullest_first = sorted(self.terms.values(), key=len, reverse=True)
        return list(dict.fromkeys(route for by in fullest_first for route in by))

    @property
    def largest(self) -> float:
        """The largest difference in the table."""
        return self._largest(self.difference)

    @property
    def largest_relative(self) -> float:
        """The largest difference in the table, each over the largest entry of its term."""
        return self._largest(self.relative_difference)

    def _largest(self, measure: Any) -> float:
        return float(np.max([measure(term, route) for term, by in self.terms.items() for route in by], initial=0))

    def table(self) -> list[list[str]]:
        """The table as rows of text, the titles first."""
        routes = self.routes
        table = [["", "shape", "largest entry", *routes]]
        for term, by in self.terms.items():
            reference, first = next(iter(by.items()))
            row = [term, "x".join(map(str, np.shape(first))) or "scalar", f"{self._scale(term):.6g}"]
            for route in routes:
                if route == reference:
                    row.append("reference")
                else:
                    row.append(f"{self.difference(term, route):.1e}" if route in by else "-")
            table.append(row)
        return table

    @property
    def summary(self) -> str:
        """The last line of the table."""
        relative = f", relative to its term {self.largest_relative:.1e}" if self.terms else ""
        return f"largest difference of all: {self.largest:.1e}{relative}"

    def __str__(self) -> str:
        table = self.table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [self.title] if self.title else []
        for row in table:
            cells = (f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
            lines.append("   ".join([f"{row[0]:<{widths[0]}}", *cells]))
        return "\n".join([*lines, self.summary])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return notebook.table(self.table(), self.title, self.summary)


def compare(
    pair: str,
    Z: Any = None,
    Y: Any = None,
    *,
    A_prev: Any = None,
    W: Any = None,
    b: Any = None,
    layout: str = "rows",
    m: float | None = None,
    per_example: bool = False,
) -> Comparison:
    """Each term of a last layer by autograd op by op, by the fused op where there is one, and by hand.

    From Z, or from what Z is made of, A_prev, W and b. J is the sum of the losses over m, the number of examples if
    not given. With per_example=True dA, dZ and dA_prev are those of L, without the 1/m, which is then in dW and db.

    Shapes:  rows: Z, Y (m, k), A_prev (m, n), W (k, n), b (k,); columns: Z, Y (k, m), A_prev (n, m), b (k, 1);
             Y may be class numbers (m,) for softmax and sigmoid
    Raises:  ValueError, TypeError for what does not fit
    >>> print(compare("sigmoid-bce", Z=[[0.5], [-1.0]], Y=[[1.0], [1.0]]).routes)
    ['composed', 'fused', 'by hand']
    """
    known = look_up(pair)
    by_rows = formulas.in_rows(layout)
    given = {name: number_array(name, x) for name, x in (("A_prev", A_prev), ("W", W), ("b", b))}
    layer = {name: x for name, x in given.items() if x is not None}
    if (Z is None) == (not layer) or Y is None or (layer and not {"A_prev", "W"} <= layer.keys()):
        got = [name for name, x in {"Z": Z, "Y": Y, **given}.items() if x is not None]
        raise ValueError(
            f"compare: needs Y, and either Z or A_prev and W (and b); got {', '.join(got) or 'neither'}. "
            "Z = A_prev W.T + b is computed if it is not given."
        )
    if layer:
        check_layer(layer, by_rows)
        Z = formulas.dense(layer["A_prev"], layer["W"], layer.get("b", np.zeros(())), layout)
    Z = number_array("Z", Z)
    Y = check_targets(pair, Z, targets(pair, Z, Y, by_rows), by_rows)
    m = Z.shape[0 if by_rows else 1] if m is None else m
    with np.errstate(all="ignore"):
        routes = {"composed": by_autograd(pair, Z, Y, layer, layout, m, fused=False)}
        if pair in FUSED:
            routes["fused"] = by_autograd(pair, Z, Y, layer, layout, m, fused=True)
        routes["by hand"] = by_hand(known, Z, Y, layer, layout, 1 if per_example else m, m if per_example else 1)
    if per_example:
        of_each = {"dJ/dA", "dJ/dZ", "dJ/dA_prev"}
        for route in routes.keys() - {"by hand"}:
            routes[route] = {term: x * m if term in of_each else x for term, x in routes[route].items()}
        routes = {
            route: {term.replace("dJ", "dL") if term in of_each else term: x for term, x in by.items()}
            for route, by in routes.items()
        }
    return Comparison(by_term(routes), f"{pair}: A = {known.text['A']}, J = {known.text['J']}")


def by_term(routes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Routes of terms as terms of routes, in the order of the fullest route."""
    terms = dict.fromkeys(term for by in sorted(routes.values(), key=len, reverse=True) for term in by)
    return {term: {route: by[term] for route, by in routes.items() if term in by} for term in terms}


def by_autograd(
    pair: str, Z: np.ndarray, Y: np.ndarray, layer: Mapping[str, np.ndarray], layout: str, m: float, fused: bool
) -> dict[str, Any]:
    """J and its gradients by the engine, from the layer's tensors if there are any, else from Z."""
    leaves = {name: Tensor(x, requires_grad=True, name=name) for name, x in layer.items()}
    z: Any = Tensor(Z, requires_grad=True, name="Z")
    if layer:
        A_prev, W, b = (leaves.get(name) for name in ("A_prev", "W", "b"))
        if fused and layout == "rows":
            z = functional.linear(A_prev, W, b)
        else:
            z = formulas.dense(A_prev, W, 0 if b is None else b, layout)  # type: ignore[arg-type]
    wanted = {"dJ/dZ": z} | {f"dJ/d{name}": leaves[name] for name in ("W", "b", "A_prev") if name in leaves}
    if fused:
        J = FUSED[pair](z, Y, layout) / m
    else:
        A = COMPOSED[pair].activation(z, layout)
        J = np.sum(COMPOSED[pair].losses(A, Y)) / m
        wanted = {"dJ/dA": A} | wanted
    gradients = autograd.grad(J, list(wanted.values()))
    return {"J": J.numpy()} | {term: g.numpy() for term, g in zip(wanted, gradients, strict=True)}


def by_hand(
    pair: formulas.Pair,
    Z: np.ndarray,
    Y: np.ndarray,
    layer: Mapping[str, np.ndarray],
    layout: str,
    m_in_dZ: float,
    m_in_dW: float = 1,
) -> dict[str, Any]:
    """The same by the formulas alone, with 1/m in dZ, or in dW and db."""
    A = pair.activation(Z, layout)
    dZ = pair.dZ(A, Y, m_in_dZ)
    J = pair.cost(A, Y, m_in_dZ * m_in_dW)
    terms: dict[str, Any] = {"J": np.asarray(J, Z.dtype), "dJ/dA": pair.dA(A, Y, m_in_dZ), "dJ/dZ": dZ}
    if layer:
        terms["dJ/dW"] = formulas.dense_dW(dZ, layer["A_prev"], layout, m_in_dW)
        if "b" in layer:
            terms["dJ/db"] = formulas.dense_db(dZ, layout, m_in_dW)
        terms["dJ/dA_prev"] = formulas.dense_dA_prev(dZ, layer["W"], layout)
    return terms


# What is given


def look_up(pair: Any) -> formulas.Pair:
    """The pair of that name; an error that lists them, with the nearest."""
    if isinstance(pair, str) and pair in formulas.PAIRS:
        return formulas.PAIRS[pair]
    near = get_close_matches(str(pair).lower().replace("_", "-").replace(" ", "-"), formulas.PAIRS, 1)
    advice = f"Did you mean {near[0]!r}?" if near else "Name the activation, then the loss."
    raise ValueError(f"compare: the pair must be one of {', '.join(formulas.PAIRS)}; got {pair!r}. {advice}")


def number_array(name: str, x: Any) -> Any:
    """A floating array of what is given; None stays None."""
    if x is None:
        return None
    array = x.numpy() if isinstance(x, Tensor) else np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"compare: {name} must hold real numbers; got dtype {array.dtype}. Convert it first.")
    array = array if array.dtype.kind == "f" else array.astype(float)
    if name in ("Z", "A_prev", "W") and (array.ndim != 2 or 0 in array.shape):
        raise ValueError(
            f"compare: {name} must have two axes, and nothing of length 0; got shape {array.shape}. "
            "Write a single output as a column (rows: z[:, None]) or a row (columns: z[None])."
        )
    return array


def check_layer(layer: Mapping[str, np.ndarray], by_rows: bool) -> None:
    """Raise unless A_prev, W and b make a dense layer in the layout."""
    A_prev, W, b = layer["A_prev"], layer["W"], layer.get("b")
    axis = 1 if by_rows else 0
    if A_prev.shape[axis] != W.shape[1]:
        other = A_prev.shape[1 - axis] == W.shape[1]
        advice = f"It fits layout={'columns' if by_rows else 'rows'!r}." if other else "W is (out, in) in both layouts."
        raise ValueError(
            f"compare: A_prev must be {'(m, in)' if by_rows else '(in, m)'} and W (out, in) with "
            f"layout={'rows' if by_rows else 'columns'!r}; got {A_prev.shape} and {W.shape}. {advice}"
        )
    shape = (len(W),) if by_rows else (len(W), 1)
    if b is not None and b.shape != shape:
        raise ValueError(
            f"compare: b must be {shape} for W {W.shape} with layout={'rows' if by_rows else 'columns'!r}; "
            f"got {b.shape}. Reshape it."
        )


def targets(pair: str, Z: np.ndarray, Y: Any, by_rows: bool) -> np.ndarray:
    """Y in the shape of Z: class numbers are turned into one-hot rows, or columns."""
    raw = Y.numpy() if isinstance(Y, Tensor) else np.asarray(Y)
    examples, k = Z.shape if by_rows else Z.shape[::-1]
    if raw.shape != (examples,) or not pair.startswith(("softmax", "sigmoid")) or k == 1 or raw.dtype.kind not in "iu":
        result: np.ndarray = number_array("Y", raw)
        return result
    if raw.min() < 0 or raw.max() >= k:
        raise ValueError(
            f"compare: class numbers must be in [0, {k}); got {raw.min()} to {raw.max()}. Count classes from 0."
        )
    return formulas.one_hot(raw, k, "rows" if by_rows else "columns").astype(Z.dtype)


def check_targets(pair: str, Z: np.ndarray, Y: np.ndarray, by_rows: bool) -> np.ndarray:
    """Y in the dtype of Z, if shape and values fit the pair."""
    if Y.shape != Z.shape:
        advice = "Reshape Y, for example y[:, None] in rows."
        if Y.shape == Z.shape[::-1]:
            advice = "Y lies the other way round: transpose it, or Z, to the layout."
        elif Y.ndim == 1 and pair == "softmax-nll":
            advice = "Class numbers are integers, one for each example: labels.astype(int)."
        raise ValueError(
            f"compare: Y must have the shape of Z with layout={'rows' if by_rows else 'columns'!r}; "
            f"got {Y.shape} for Z {Z.shape}. {advice}"
        )
    if fault := unfit(pair, Y, by_rows):
        raise ValueError(f"compare: {fault}")
    return Y.astype(Z.dtype)


def unfit(pair: str, Y: np.ndarray, by_rows: bool) -> str:
    """Why the formulas of the pair do not hold for such targets; empty if they do."""
    low, high = Y.min(), Y.max()
    if pair == "sigmoid-bce" and not (low >= 0 and high <= 1):
        return f"targets must be in [0, 1]; got {low:.4g} to {high:.4g}. Write 0 and 1 for no and yes, not -1 and 1."
    if pair == "exp-poisson" and not low >= 0:
        return f"targets must be counts, 0 or more; got {low:.4g}. A Poisson variable is never negative."
    if pair == "softmax-nll":
        sums = Y.sum(axis=1 if by_rows else 0)
        if not (low >= 0 and np.abs(sums - 1).max() <= 1e-5):
            return (
                f"the targets of each example must be 0 or more and sum to one, which A - Y rests on; got sums from "
                f"{sums.min():.4g} to {sums.max():.4g}. Check the layout, or see formulas.softmax_any_targets_dZ."
            )
    return ""

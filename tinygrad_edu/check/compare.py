"""One term, several routes: by autograd, by a fused op, by hand, side by side.

    print(Comparison({"dJ/dZ": {"composed": ..., "fused": ..., "by hand": ...}}))

The first route is the one that the others are measured against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Comparison"]


@dataclass(frozen=True)
class Comparison:
    """Terms, each as an array by several routes; prints as a table of the largest differences."""

    terms: Mapping[str, Mapping[str, Any]]

    def difference(self, term: str, route: str) -> float:
        """The largest absolute difference of a route from the first; NaN if one is not finite."""
        first = np.asarray(next(iter(self.terms[term].values())))
        other = np.asarray(self.terms[term][route])
        if other.shape != first.shape:
            raise ValueError(
                f"Comparison: the routes of {term} must have one shape; got {first.shape} and {other.shape} "
                f"for {route!r}. Check the layout."
            )
        return float(np.max(np.abs(other - first), initial=0))

    @property
    def largest(self) -> float:
        """The largest difference in the table."""
        differences = [self.difference(term, route) for term, routes in self.terms.items() for route in routes]
        return float(np.max(differences, initial=0))

    def __str__(self) -> str:
        fullest_first = sorted(self.terms.values(), key=len, reverse=True)
        routes = list(dict.fromkeys(route for by in fullest_first for route in by))
        titles = ["", "shape", "largest entry", *routes]
        table = [titles]
        for term, by in self.terms.items():
            reference, first = next(iter(by.items()))
            shape = "x".join(map(str, np.shape(first))) or "scalar"
            row = [term, shape, f"{np.max(np.abs(np.asarray(first)), initial=0):.6g}"]
            for route in routes:
                if route == reference:
                    row.append("reference")
                else:
                    row.append(f"{self.difference(term, route):.1e}" if route in by else "-")
            table.append(row)
        widths = [max(len(row[column]) for row in table) for column in range(len(titles))]
        lines = []
        for row in table:
            cells = (f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
            lines.append("   ".join([f"{row[0]:<{widths[0]}}", *cells]))
        return "\n".join([*lines, f"largest difference of all: {self.largest:.1e}"])

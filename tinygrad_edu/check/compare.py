"""One term, several routes: by autograd, by a fused op, by hand, side by side.

    print(Comparison({"dJ/dZ": {"composed": ..., "fused": ..., "by hand": ...}}))

The first route is the one that the others are measured against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Comparison"]


@dataclass(frozen=True)
class Comparison:
    """Terms, each as an array by several routes; prints as a table of the largest differences."""

    terms: Mapping[str, Mapping[str, np.ndarray]]

    def difference(self, term: str, route: str) -> float:
        """The largest absolute difference of a route from the first."""
        routes = self.terms[term]
        first = next(iter(routes.values()))
        if routes[route].shape != first.shape:
            raise ValueError(
                f"Comparison: the routes of {term} must have one shape; got {first.shape} and {routes[route].shape} "
                f"for {route!r}. Check the layout."
            )
        return float(np.max(np.abs(routes[route] - first), initial=0))

    @property
    def largest(self) -> float:
        """The largest difference in the table."""
        return max(self.difference(term, route) for term, routes in self.terms.items() for route in routes)

    def __str__(self) -> str:
        routes = list(dict.fromkeys(route for by in self.terms.values() for route in by))
        wide = max(len(term) for term in self.terms) + 2
        lines = [f"{'':<{wide}} {'shape':>9} {'largest entry':>14}" + "".join(f" {route:>14}" for route in routes)]
        for term, by in self.terms.items():
            first = next(iter(by.values()))
            cells = [
                "-"
                if route not in by
                else "reference"
                if route == next(iter(by))
                else f"{self.difference(term, route):.1e}"
                for route in routes
            ]
            shape = "x".join(map(str, first.shape)) or "scalar"
            lines.append(
                f"{term:<{wide}} {shape:>9} {np.abs(first).max():>14.6g}" + "".join(f" {cell:>14}" for cell in cells)
            )
        lines.append(f"largest difference of all: {self.largest:.1e}")
        return "\n".join(lines)

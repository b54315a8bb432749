"""Parameters, caches and gradients in lists and dicts of any depth, as one dict with names.

flat({"W": [W1, W2], "lam": 0.1})      {"W[0]": W1, "W[1]": W2, "lam": 0.1}
flattened(forward, backward, params, init)      the same functions, on such a dict
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

__all__ = ["SHORT", "attributes", "flat", "flattened", "rebuilt", "short"]

SHORT = 100  # entries: more are a list of examples, and not of layers


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Every entry by its path; what is no dict, list or tuple is an entry, and so is a list of numbers."""
    if whole(value):
        return {name: value}
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    plain = isinstance(value, dict) and not name
    return {
        path: x for key, entry in entries for path, x in flat(entry, str(key) if plain else f"{name}[{key}]").items()
    }


def rebuilt(pattern: Any, entries: dict[str, Any], name: str = "") -> Any:
    """The entries in the nesting of a pattern."""
    if whole(pattern):
        return entries[name]
    if isinstance(pattern, dict):
        return {key: rebuilt(x, entries, f"{name}[{key}]" if name else str(key)) for key, x in pattern.items()}
    parts = [rebuilt(x, entries, f"{name}[{k}]") for k, x in enumerate(pattern)]
    return type(pattern)(*parts) if hasattr(pattern, "_fields") else type(pattern)(parts)


def whole(value: Any) -> bool:
    """Whether a value has no entries: an array, a number, or a list that stands for an array."""
    if isinstance(value, list | tuple) and value:
        return all(isinstance(x, int | float) or (isinstance(x, list) and x and whole(x)) for x in value)
    return not isinstance(value, dict | list | tuple)


def flattened(
    forward: Callable[..., Any], backward: Callable[..., Any], params: Any, init: Callable[..., Any] | None
) -> tuple[Callable[..., Any], Callable[..., Any], dict[str, Any] | None, Callable[..., Any] | None]:
    """Functions of nested parameters as functions of a flat dict of them."""
    pattern = [params]

    @wraps(forward)
    def forward_of_flat(given: dict[str, Any], X: Any, Y: Any) -> Any:
        return forward(rebuilt(pattern[0], given), X, Y)

    @wraps(backward)
    def backward_of_flat(given: dict[str, Any], cache: Any, X: Any, Y: Any) -> Any:
        params = rebuilt(pattern[0], given)
        gradients = backward(params, cache, X, Y)
        given.update(flat(params))  # whatever it put there is seen
        return gradients

    def init_flat(sizes: Any, rng: Any) -> dict[str, Any]:
        pattern[0] = init(sizes, rng)  # type: ignore[misc]
        return flat(pattern[0])

    started = None if params is None else flat(params)
    return forward_of_flat, backward_of_flat, started, init and wraps(init)(init_flat)


def attributes(value: Any) -> dict[str, Any]:
    """What an object keeps: arrays, and those in its short lists and dicts."""
    kept = getattr(value, "__dict__", {})
    return flat({key: x for key, x in kept.items() if not isinstance(x, dict | list | tuple) or short(x)})


def short(value: Any) -> bool:
    """Whether a list or dict is one of layers, not of examples."""
    entries = value.values() if isinstance(value, dict) else value
    return len(value) < SHORT and sum(len(x) for x in entries if isinstance(x, dict | list | tuple)) < SHORT

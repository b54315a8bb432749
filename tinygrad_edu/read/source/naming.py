"""Names that can stand in a program: made of what people call their tensors, and of nothing else.

naming = Naming()
naming.name("W1")           "W1"
naming.name("W1")           "W1_2", for another
naming.name("lambda\\n")     "lambda_"
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable

__all__ = ["Naming"]

LONGEST = 30
#: What a text uses by itself: NumPy, its functions, the names of lengths and of results.
OWN = ("np", "backprop", "m", "gradients")


class Naming:
    """Gives every name once. `taken` are those that no one gets."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = {*OWN, *taken, *keyword.kwlist, *keyword.softkwlist, *dir(builtins)}

    def name(self, wish: str, instead: str = "x") -> str:
        """An identifier like the one wished for, that no other has."""
        name = identifier(wish) or instead
        found, count = name, 1
        while found in self.taken:
            count += 1
            found = f"{name}_" if keyword.iskeyword(name) and count == 2 else f"{name}_{count}"
        self.taken.add(found)
        return found


def identifier(wish: str) -> str:
    """Letters, digits and underscores of a name; empty if there is nothing in it."""
    text = unicodedata.normalize("NFKC", wish[: 4 * LONGEST])
    text = re.sub(r"\W+", "_", text.replace("−", " minus "))[:LONGEST].strip("_") if not text.isidentifier() else text
    text = text[:LONGEST]
    text = f"_{text}" if text[:1].isdigit() else text
    return text if text.isidentifier() else ""

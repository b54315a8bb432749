"""What the tests of the engine share: a leaf, and an error in its own words."""

import re

import pytest

from tinygrad_edu.tensor import Tensor


def leaf(data, **options):
    return Tensor(data, requires_grad=True, **{"dtype": float, **options})


def raised(error, text):
    """pytest.raises for a message that starts with text, taken literally."""
    return pytest.raises(error, match="^" + re.escape(text))

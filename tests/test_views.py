"""How an array was taken out of another: what is said of it makes it again, of other data too."""

import numpy as np
import pytest

from tinygrad_edu.views import key_text, view_of

X = np.arange(60.0).reshape(4, 3, 5)
Y = np.arange(12.0).reshape(4, 3)
VECTOR = np.arange(4.0)

TAKEN = {
    "Y[:, 0]": (Y, lambda x: x[:, 0]),
    "Y[1]": (Y, lambda x: x[1]),
    "Y[:, 1:]": (Y, lambda x: x[:, 1:]),
    "Y[1:3, :2]": (Y, lambda x: x[1:3, :2]),
    "Y[::2]": (Y, lambda x: x[::2]),
    "Y[2:3]": (Y, lambda x: x[2:3]),
    "X[0, :, 3]": (X, lambda x: x[0, :, 3]),
    "X[:, 2]": (X, lambda x: x[:, 2]),
    "X[3, 2, 4]": (X, lambda x: x[3, 2, 4:5].reshape(())),
    "Yᵀ": (Y, lambda x: x.T),
    "y[:, None]": (VECTOR, lambda x: x[:, None]),
    "X.reshape(4, 15)": (X, lambda x: x.reshape(len(x), 15)),
    "Y.reshape(12)": (Y, lambda x: x.ravel()),
    "(X.reshape(4, 15))ᵀ": (X, lambda x: x.reshape(len(x), 15).T),
}


@pytest.mark.parametrize("text", TAKEN)
def test_a_view_is_found_by_its_memory(text):
    whole, take = TAKEN[text]
    name = {id(X): "X", id(Y): "Y", id(VECTOR): "y"}[id(whole)]
    view = view_of(take(whole), whole)
    assert view.text.format(name) == text
    assert np.may_share_memory(view.rule(whole), take(whole)) or not take(whole).ndim
    other = np.random.default_rng(0).standard_normal(whole.shape)
    np.testing.assert_array_equal(view.rule(other), take(other))


@pytest.mark.parametrize("text", ["X.reshape(4, 15)", "Yᵀ", "y[:, None]", "Y[:, 1:]"])
def test_a_view_of_all_examples_is_made_of_more_of_them(text):
    whole, take = TAKEN[text]
    view = view_of(take(whole), whole)
    more = np.random.default_rng(0).standard_normal((7, *whole.shape[1:]))
    np.testing.assert_array_equal(view.rule(more), take(more))
    assert [view.axes[a] for a, n in enumerate(take(whole).shape) if n == 4] == [0]


@pytest.mark.parametrize(
    "array, whole",
    [
        (Y[:, 0].copy(), Y),
        (Y.copy(), Y),
        (Y[::-1], Y),
        (Y[:, 0], Y[::-1]),
        (Y.view(np.int64)[:, 0], Y),
        (Y, Y[:, :2]),
        (np.broadcast_to(Y[:, :1], (4, 3)), Y),
        (X[:, :2].reshape(4, 10), X),
        (Y[:0], Y),
    ],
    ids=[
        "copy",
        "whole copy",
        "backwards",
        "of backwards",
        "other dtype",
        "larger",
        "stretched",
        "copied part",
        "empty",
    ],
)
def test_what_is_no_view_is_not_taken_for_one(array, whole):
    assert view_of(array, whole) is None


def test_an_index_as_it_is_written():
    rows = np.arange(3)
    labels = np.array([2, 0, 1])
    assert key_text((rows, labels), {id(labels): "y"}) == "i, y"
    assert key_text((slice(None), slice(1, None), slice(None, None, 2), 3)) == ":, 1:, ::2, 3"
    assert key_text((labels, Ellipsis)) == "…, …"

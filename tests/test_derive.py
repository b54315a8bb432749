"""The derivation in symbols: what it says, and that every line of it is what autograd computes."""

import re
import subprocess
import sys

import numpy as np
import pytest
import sympy

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.check import formulas
from tinygrad_edu.ops import Op
from tinygrad_edu.read.derive import Derivation, derive
from tinygrad_edu.read.derive.mathematics import text
from tinygrad_edu.tensor import Tensor


def leaf(*shape, name, seed=0):
    return Tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True, name=name)


def yes_or_no(*shape, seed=1):
    return Tensor((np.random.default_rng(seed).random(shape) > 0.5).astype(float), name="Y")


def checked(cost, wrt, names=None, **options) -> Derivation:
    """A derivation whose every line agrees with autograd and fits the terminal."""
    derivation = derive(cost, wrt, names, **options)
    report = derivation.check()
    assert report, str(report)
    assert len(report.lines) == len(list(derivation.lines()))
    assert max(map(len, str(derivation).splitlines())) <= 100
    assert derivation.html().count("<math") > 2
    assert derivation.latex().count("align*") > 2
    return derivation


def result(derivation):
    return text(derivation.result)


def cross_entropy(A, Y):
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


# The six pairs


def test_sigmoid_and_cross_entropy():
    Z, Y = leaf(5, 1, name="Z"), yes_or_no(5, 1)
    A = tg.sigmoid(Z)
    derivation = checked(cross_entropy(A, Y), Z)
    assert text(derivation.line("dA/dZ")) == "dA/dZ = A*(1 - A)"
    assert text(derivation.line("dJ/dA")).endswith("= (1 - Y)/(m*(1 - A)) - Y/(m*A) = (A - Y)/(m*A*(1 - A))")
    assert text(derivation.line("dJ/dZ")) == "dJ/dZ = (A - Y)/m"
    assert "dJ/dZ = dJ/dA * dA/dZ\n" in str(derivation)
    assert "(A - Y)/(m*A*(1 - A)) * A*(1 - A)" in str(derivation)
    assert "A is used 2 times, in u1 and u3: what comes back through each adds up" in str(derivation)
    assert result(derivation) == "dJ/dZ = (A - Y)/m"


def test_softmax_and_log_likelihood():
    Z, Y = leaf(5, 3, name="Z"), Tensor(np.eye(3)[[0, 1, 2, 0, 1]], name="Y")
    A = tg.softmax(Z)
    derivation = checked(-np.mean(np.sum(Y * np.log(A), axis=1)), Z)
    written = str(derivation)
    assert "dA_ik/dZ_ij = ([j = k] - A_ik)*A_ij" in written
    assert "dJ/dZ_ij = sum_k (dJ/dA_ik*dA_ik/dZ_ij)" in written
    off = "k != j: sum_{k != j} ((-Y_ik/(m*A_ik)) * (-A_ij*A_ik)) = A_ij/m * sum_{k != j} Y_ik"
    assert off in " ".join(written.split())
    assert "assumption: the entries of Y sum to one in each example" in written
    assert result(derivation) == "dJ/dZ = (A - Y)/m"


def test_leaving_out_the_off_diagonal_terms_gives_the_naive_answer():
    Z, Y = leaf(5, 3, name="Z"), Tensor(np.eye(3)[[0, 1, 2, 0, 1]], name="Y")
    A = tg.softmax(Z)
    derivation = checked(-np.mean(np.sum(Y * np.log(A), axis=1)), Z)
    diagonal = derivation.line("k = j")
    assert text(diagonal).endswith("= Y*(A - 1)/m")
    naive = formulas.wrong_softmax_without_off_diagonal(A.numpy(), Y.numpy(), 5)
    np.testing.assert_allclose(derivation.numbers(diagonal.steps[-1], diagonal), naive, rtol=0, atol=1e-15)
    others = derivation.line("k != j")
    both = naive + derivation.numbers(others.steps[-1], others)
    np.testing.assert_allclose(both, (A.numpy() - Y.numpy()) / 5, rtol=0, atol=1e-15)


def test_targets_that_do_not_sum_to_one_keep_their_sum():
    Z, Y = leaf(5, 3, name="Z"), Tensor(np.random.default_rng(3).random((5, 3)), name="Y")
    derivation = checked(-np.mean(np.sum(Y * np.log(tg.softmax(Z)), axis=1)), Z)
    assert "the entries of Y do not sum to one in each example; here they are off by up to" in str(derivation)
    assert result(derivation) == "dJ/dZ_ij = (A_ij * sum_k Y_ik - Y_ij)/m"


@pytest.mark.parametrize(
    ("activation", "slope"), [(lambda z: z, ""), (tg.sigmoid, "A*(1 - A)*"), (np.tanh, "(1 - A**2)*")]
)
def test_squared_error(activation, slope):
    Z, Y = leaf(5, 1, name="Z"), yes_or_no(5, 1)
    A = activation(Z)
    derivation = checked(np.mean((A - Y) ** 2), Z)
    expected = f"dJ/dZ = 2*{slope}({'A' if slope else 'Z'} - Y)/m"
    assert sympy.simplify(sympy.sympify(result(derivation)[8:]) - sympy.sympify(expected[8:])) == 0
    assert ("A - Y" in result(derivation)) == bool(slope)


def test_half_of_the_squared_error_has_no_two():
    Z, Y = leaf(5, 1, name="Z"), yes_or_no(5, 1)
    assert result(checked(np.sum((Z - Y) ** 2) / (2 * 5), Z)) == "dJ/dZ = (Z - Y)/m"


def test_exp_and_poisson():
    Z, Y = leaf(5, 1, name="Z"), yes_or_no(5, 1)
    A = np.exp(Z)
    assert result(checked(np.mean(A - Y * np.log(A)), Z, {"A": A})) == "dJ/dZ = (A - Y)/m"


# Costs of one's own


def test_focal_loss():
    Z, Y = leaf(5, 1, name="Z"), yes_or_no(5, 1)
    A = tg.sigmoid(Z)
    derivation = checked(-np.mean(Y * (1 - A) ** 2 * np.log(A) + (1 - Y) * A**2 * np.log(1 - A)), Z)
    assert "A is used 4 times" in str(derivation)
    assert "log(1 - A)" in result(derivation)


def test_log_cosh():
    Z, Y = leaf(5, 1, name="Z"), yes_or_no(5, 1)
    d = Z - Y
    derivation = checked(np.mean(np.log((np.exp(d) + np.exp(-d)) / 2)), Z)
    assert "tanh(" in result(derivation)
    assert "exp" not in result(derivation)


def test_tanh_stays_tanh_and_what_cannot_be_solved_is_not_tried():
    W, X, Y = leaf(2, 3, name="W"), yes_or_no(5, 2), yes_or_no(5, 3, seed=2)
    X.name = "X"
    Z = X @ W
    A = 0.5 * Z * (1 + np.tanh(np.sqrt(2 / np.pi) * (Z + 0.044715 * Z**3)))
    derivation = checked(np.mean((A - Y) ** 2), W, names={"A": A})
    assert "cosh" not in str(derivation)
    assert "(A - Y)*(0.107032*Z**3*(1 - u6**2)" in str(derivation)
    assert not re.search(r"\b1\*", str(derivation))


def test_a_softmax_less_its_largest_score():
    Z, Y = leaf(5, 3, name="Z"), Tensor(np.eye(3)[[0, 2, 1, 1, 0]], name="Y")
    E = np.exp(Z - np.max(Z, axis=1, keepdims=True))
    A = E / np.sum(E, axis=1, keepdims=True)
    derivation = checked(-np.sum(Y * np.log(A)) / 5, Z, names={"E": E, "A": A})
    assert result(derivation) == "dJ/dZ = (A - Y)/m"
    assert "= 0   (as A_ij = E_ij/sum_k E_ik)" in str(derivation)


def test_a_vector_of_weights():
    w, X, y = leaf(3, name="w"), Tensor(leaf(6, 3, name="X").data, name="X"), Tensor(leaf(6, name="y").data, name="y")
    derivation = checked(np.mean((X @ w - y) ** 2), w)
    assert "dJ/dw = X.T @ dJ/dz" in str(derivation)
    assert result(checked(np.mean((X @ w - y) ** 2) + 0.05 * np.sum(w**2), w)).startswith("dJ/dw = X.T @ dJ/dz + w/10")
    columns = Tensor(X.data.T, name="X")
    assert "dJ/dw = X @ dJ/dz" in str(checked(np.mean((w @ columns - y) ** 2), w))


def test_a_cost_with_l2():
    X, W = Tensor(np.random.default_rng(0).standard_normal((5, 3)), name="X"), leaf(2, 3, name="W")
    Z = tg.linear(X, W)
    Y = yes_or_no(5, 2)
    J = cross_entropy(tg.sigmoid(Z), Y) + 0.1 * np.sum(W**2)
    derivation = checked(J, W, {"Z": Z})
    assert "  dJ/dW_jk = sum_i (dJ/dZ_ij*X_ik) + W_jk/5" in str(derivation)
    assert result(derivation) == "dJ/dW = (dJ/dZ).T @ X + W/5"


ODD = {
    "relu": lambda x, y: tg.relu(x).mean(),
    "leaky_relu": lambda x, y: np.sum(tg.leaky_relu(x) ** 2),
    "maximum": lambda x, y: np.maximum(x, y).sum(),
    "clip": lambda x, y: np.sum(np.clip(x, -0.5, 0.5)),
    "var": lambda x, y: np.var(x, axis=0).sum(),
    "std": lambda x, y: np.std(x, axis=1, ddof=1).sum(),
    "max": lambda x, y: np.max(x, axis=1).sum(),
    "norm": lambda x, y: np.sqrt(np.sum(x**2)),
    "layer norm": lambda x, y: (
        ((x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)) * y
    ).sum(),
    "huber": lambda x, y: np.where(abs(x - y) < 1, 0.5 * (x - y) ** 2, abs(x - y) - 0.5).mean(),
    "power of arrays": lambda x, y: (abs(x) ** y).sum(),
    "softplus": lambda x, y: tg.softplus(x).mean(),
    "logsumexp": lambda x, y: tg.logsumexp(x, axis=1).mean(),
    "softmax squared": lambda x, y: np.sum(tg.softmax(x) ** 2),
    "softmax by hand": lambda x, y: np.mean(np.log(np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True)) * y),
    "divergence": lambda x, y: np.sum(tg.softmax(x) * (tg.log_softmax(x) - tg.log_softmax(y))),
    "attention": lambda x, y: np.mean((tg.softmax(x @ x.T) @ x) ** 2),
    "transposed": lambda x, y: ((x.T @ y) ** 2).sum(),
    "swapped": lambda x, y: (np.swapaxes(x, 0, 1) * y.T).sum(),
    "slice": lambda x, y: (x[1:3] ** 2).sum(),
    "join": lambda x, y: (np.concatenate([x, x * y]) ** 2).sum(),
    "stack": lambda x, y: np.mean(np.stack([x, x * y]) ** 3),
    "reshape": lambda x, y: (x.reshape(2, 6) ** 2).sum(),
    "three axes": lambda x, y: (tg.linear(x.reshape(2, 2, 3), y) ** 2).mean(),
    "used twice by one op": lambda x, y: (x * x).sum() + (x + x).mean(),
    "sign": lambda x, y: (np.sign(x) * x).sum(),
    "waves": lambda x, y: np.sin(np.cos(x) * np.tanh(x)).mean(),
    "expm1, log1p": lambda x, y: np.log1p(np.exp(x)).sum() + np.expm1(x).mean(),
    "logits": lambda x, y: tg.binary_cross_entropy_with_logits(x, (y.numpy() > 0) * 1.0),
    "labels": lambda x, y: tg.cross_entropy(x, np.array([0, 2, 1, 0])),
    "log-likelihood": lambda x, y: tg.nll_loss(tg.log_softmax(x), np.array([0, 2, 1, 0])),
}


@pytest.mark.parametrize("name", ODD)
def test_any_composition_of_ops_works(name):
    x, y = leaf(4, 3, name="x"), leaf(4, 3, name="y", seed=5)
    checked(ODD[name](x, y), x)


def test_an_op_of_ones_own_has_a_derivation():
    square_plus = Op(lambda x: x * x + x, lambda g, y, x: g * (2 * x + 1), name="square_plus")
    x = leaf(4, name="x")
    assert result(checked(square_plus(x).sum(), x)) == "dJ/dx = 2*x + 1"


def test_a_wrong_rule_is_flagged_when_the_engine_disagrees_with_the_line():
    x = leaf(4, name="x")
    derivation = checked((x**2).sum(), x)
    derivation.result.reference = derivation.result.reference + 1e-6
    report = derivation.check()
    assert not report
    assert report.wrong[0][0] == "dJ/dx = 2*x"
    assert "1 wrong" in str(report)
    assert "WRONG by" in str(report)


def test_what_sympy_simplifies_outside_its_domain_is_refused():
    x, y = leaf(4, name="x"), leaf(4, name="y", seed=2)
    assert result(checked((abs(x) ** y).sum(), x)) == "dJ/dx = y*|x|**(y - 1)*sign(x)"


# Matrices, layouts, depth


def test_a_product_of_matrices_is_shown_by_an_entry_and_as_a_whole():
    model = nn.MLP([3, 4, 2], rng=0)
    X = Tensor(np.random.default_rng(0).standard_normal((5, 3)), name="X")
    A = tg.sigmoid(model(X))
    derivation = checked(cross_entropy(A, yes_or_no(5, 2)), model[0].weight)
    written = str(derivation)
    assert "dJ/dA1 = dJ/dZ2 @ W2   ((5, 4) = (5, 2) (2, 4))" in written
    assert "dJ/dZ1 = dJ/dA1 * dA1/dZ1 = dJ/dA1*(1 - A1**2)" in written
    assert "Z1_ij = sum_k (W1_jk*X_ik) + b1_j" in written
    assert "dZ1_ij/dW1_jk = X_ik" in written
    assert "dJ/dW1_jk = sum_i (dJ/dZ1_ij*X_ik)" in written
    assert result(derivation) == "dJ/dW1 = (dJ/dZ1).T @ X"


def test_columns_are_recognised():
    W, b, X = leaf(2, 3, name="W"), leaf(2, 1, name="b", seed=1), Tensor(np.ones((3, 5)), name="A_prev")
    Z = W @ X + b
    A = tg.sigmoid(Z)
    Y = yes_or_no(2, 5)
    J = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / 5
    derivation = checked(J, W, {"Z": Z, "A": A})
    assert result(derivation) == "dJ/dW = dJ/dZ @ A_prev.T"
    assert derivation.result.note == "with dJ/dZ = (A - Y)/m"
    assert result(checked(J, b, {"Z": Z, "A": A})) == "dJ/db_j = (sum_i A_ji - sum_i Y_ji)/m"


def test_weights_that_are_transposed_first():
    w, X, Y = leaf(3, 1, name="w"), Tensor(np.ones((3, 5)), name="X"), yes_or_no(1, 5)
    Z = w.T @ X
    A = tg.sigmoid(Z)
    derivation = checked(cross_entropy(A, Y), w, {"Z": Z, "A": A})
    assert result(derivation) == "dJ/dw = X @ (dJ/dZ).T"
    assert derivation.result.note == "with dJ/dZ = (A - Y)/m"


def test_behind_a_product_gradients_stand_by_their_names():
    X, W, gamma, V = leaf(5, 3, name="X"), leaf(3, 4, name="W"), leaf(4, name="gamma"), leaf(4, 1, name="V")
    Z = X @ W
    mu = np.mean(Z, axis=1, keepdims=True)
    var = np.mean((Z - mu) ** 2, axis=1, keepdims=True)
    N = (Z - mu) / np.sqrt(var + 1e-5)
    A = gamma * N
    J = np.mean((A @ V) ** 2)
    derivation = checked(J, Z, {"Z": Z, "mu": mu, "var": var, "N": N, "A": A})
    assert "dJ/dN_ij = dJ/dA_ij*gamma_j" in str(derivation)
    assert text(derivation.line("dJ/dvar")).endswith("= -1/(2*(var_i + 1e-05)) * sum_j (dJ/dN_ij*N_ij)")
    last = "dJ/dN_ij/sqrt(var_i + 1e-05) + 2*dJ/dvar_i*(Z_ij - mu_i)/n + dJ/dmu_i/n"
    assert result(derivation).endswith(last)


def test_attention_with_the_largest_taken_off():
    X, W, V = leaf(5, 3, name="X"), leaf(3, 5, name="W"), leaf(5, 2, name="V")
    S = X @ W
    E = np.exp(S - np.max(S, axis=1, keepdims=True))
    P = E / np.sum(E, axis=1, keepdims=True)
    derivation = checked(np.mean((P @ V) ** 2), S, {"S": S, "E": E, "P": P})
    assert "= -sum_j (dJ/dE_ij*E_ij) = 0   (as P_ij = E_ij/sum_k E_ik)" in str(derivation)
    assert result(derivation).endswith("dJ/dS = dJ/dE*E")


def test_softmax_over_columns():
    Z, Y = leaf(3, 5, name="Z"), Tensor(np.eye(3)[:, [0, 1, 2, 0, 1]], name="Y")
    derivation = checked(-np.mean(np.sum(Y * np.log(tg.softmax(Z, axis=0)), axis=0)), Z)
    assert "dA_ki/dZ_ji = ([j = k] - A_ki)*A_ji" in str(derivation)
    assert result(derivation) == "dJ/dZ = (A - Y)/m"


def test_ten_layers():
    model = nn.MLP([4] * 10 + [1], rng=0)
    A = tg.sigmoid(model(np.random.default_rng(0).standard_normal((6, 4))))
    derivation = checked(cross_entropy(A, yes_or_no(6, 1)), model[0].weight)
    assert str(derivation).count("tanh(") == 9


def test_names_come_from_the_tensors_or_are_given():
    x, t = Tensor([0.5, 1.0], requires_grad=True), np.array([1.0, 0.0])
    assert result(checked(np.mean((x - t) ** 2), x, {"a": x, "t": t})) == "dJ/da = 2*(a - t)/m"
    assert result(checked(np.mean((x - t) ** 2), x)).startswith("dJ/dx = 2*(x - ")


def test_a_tensor_may_be_called_as_the_gradient_is_in_a_rule():
    x, g = leaf(3, 2, name="x"), leaf(2, name="g", seed=1)
    y = g * (z := np.tanh(x))
    assert "dy_ij/dz_ij = g_j" in str(checked(np.sum(y**2), x, {"y": y, "z": z}))
    assert "dg/du" not in str(checked(np.sum(np.tanh(x) * g), g))


def test_an_index_says_what_it_takes():
    E, words = leaf(5, 2, name="E"), np.array([[0, 2], [4, 4]])
    derivation = checked(np.mean(np.tanh(V := E[words])), E, {"V": V, "words": words})
    assert "V = E[words]" in str(derivation)


def test_a_root_stays_a_root():
    x = leaf(3, name="x")
    assert result(checked(np.sum(x**2 / np.sqrt(2)), x)) == "dJ/dx = x*sqrt(2)"


def test_an_array_made_of_a_named_one_is_recognised():
    x, t = Tensor([0.5, 1.0], requires_grad=True), np.array([0.25, 0.75])
    derivation = checked(np.sum(x * (1 - t)), x, {"a": x, "t": t})
    assert result(derivation) == "dJ/da = 1 - t"
    assert "data without a name: 1 - t   (by its numbers)" in str(derivation)


def test_single_precision_is_checked_to_single_precision():
    x = Tensor([0.5, 1.5], requires_grad=True, name="x", dtype=np.float32)
    derivation = derive(np.sum(np.exp(x)), x)
    assert derivation.check()
    assert derivation.check().tolerance == 1e-4


def test_a_scalar_without_axes():
    x = Tensor(0.5, requires_grad=True, name="x")
    assert result(checked(np.exp(2 * x), x)) == "dJ/dx = 2*J"


def test_deriving_leaves_the_graph_alone():
    x = leaf(4, name="x")
    J = (x**2).sum()
    derive(J, x)
    assert x.grad is None
    J.backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * x.numpy())


# Outputs


def test_latex_and_mathml():
    Z, Y = leaf(5, 3, name="Z1"), Tensor(np.eye(3)[[0, 1, 2, 0, 1]], name="Y")
    derivation = derive(-np.mean(np.sum(Y * np.log(tg.softmax(Z)), axis=1)), Z)
    latex = derivation.latex()
    assert r"\frac{\partial J}{\partial Z_{1}}" in latex
    assert r"\sum_{k \neq j} {Y}_{ik}" in latex
    assert latex.count(r"\begin{align*}") == latex.count(r"\end{align*}")
    html = derivation.html()
    assert "<mfrac><mrow><mo>∂</mo><mi>J</mi></mrow>" in html
    assert "∑" in html
    assert "http" not in html
    assert derivation._repr_html_() == f"<h3>dJ/dZ1</h3>{html}"


def test_a_note_in_latex_stands_at_the_last_step():
    Z, Y = leaf(5, 1, name="Z"), Tensor(np.eye(2)[[0, 1, 0, 0, 1], :1], name="Y")
    A = 1 / (1 + np.exp(-Z))
    derivation = derive(-np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A)), Z, names={"A": A})
    assert r"&= \frac{A - Y}{m} && \text{as A = 1/(1 + exp(-Z))}" in derivation.latex().splitlines()


def test_names_are_escaped():
    x = leaf(2, name="<b>&_x#%")
    derivation = derive((x**2).sum(), x)
    assert "<b>" not in derivation.html()
    assert r"\&\_x\#\%" in derivation.latex()
    assert derivation.check()


def test_line_names_what_there_is():
    x = leaf(2, name="x")
    with pytest.raises(KeyError, match=r"left must be the left side of a line; got 'dJ/dy'. There are \['J'"):
        derive((x**2).sum(), x).line("dJ/dy")


# Bad input


def test_what_is_no_tensor_is_refused():
    x = leaf(2, name="x")
    with pytest.raises(TypeError, match=r"derive: cost must be a Tensor; got float. Pass the tensor"):
        derive(1.0, x)
    with pytest.raises(TypeError, match=r"derive: wrt must be a Tensor; got ndarray"):
        derive(x.sum(), x.numpy())


def test_a_cost_that_is_no_scalar_is_refused():
    x = leaf(2, name="x")
    with pytest.raises(ValueError, match=r"derive: the cost must be a scalar; got shape \(2,\). Reduce it"):
        derive(x**2, x)


def test_a_missing_path_is_refused():
    x, other = leaf(2, name="x"), leaf(2, name="other")
    data = Tensor([1.0, 2.0], name="data")
    J = (x * data).sum()
    for wrt in (other, data, J):
        with pytest.raises(ValueError, match=r"derive: there must be a path from the cost to wrt; got Tensor"):
            derive(J, wrt)


def test_a_cost_that_was_not_recorded_is_refused():
    with pytest.raises(ValueError, match=r"derive: the cost must have been recorded; got Tensor\(3\.\)"):
        derive(Tensor(3.0), leaf(2, name="x"))


def test_a_graph_too_long_to_print_is_refused():
    x = leaf(2, name="x")
    y = x
    for _ in range(3000):
        y = y * 1.001
    with pytest.raises(ValueError, match=r"at most max_links=100 links .*; got 3001 .* Pass max_links=3001"):
        derive(y.sum(), x)
    assert derive((x * 2).sum(), x, max_links=2)
    with pytest.raises(ValueError, match=r"max_links=1 links"):
        derive((x * 2).sum(), x, max_links=1)


def test_without_sympy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sympy", None)
    x = leaf(2, name="x")
    with pytest.raises(ImportError, match=re.escape("derive: needs SymPy, which is not installed. Run: pip install")):
        derive((x**2).sum(), x)


def test_importing_does_not_import_sympy():
    program = "import sys, tinygrad_edu.read.derive, tinygrad_edu.read.explain; sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


SLOPES = {
    "sinh": np.cosh,
    "cosh": np.sinh,
    "tan": lambda x: 1 / np.cos(x) ** 2,
    "arcsin": lambda x: 1 / np.sqrt(1 - x**2),
    "arccos": lambda x: -1 / np.sqrt(1 - x**2),
    "arctan": lambda x: 1 / (1 + x**2),
    "arcsinh": lambda x: 1 / np.sqrt(1 + x**2),
    "arctanh": lambda x: 1 / (1 - x**2),
    "exp2": lambda x: 2**x * np.log(2),
    "log2": lambda x: 1 / (x * np.log(2)),
    "log10": lambda x: 1 / (x * np.log(10)),
    "cbrt": lambda x: x ** (-2 / 3) / 3,
    "reciprocal": lambda x: -1 / x**2,
}


@pytest.mark.parametrize("name", SLOPES)
def test_numpy_s_functions_have_symbols(name):
    x = Tensor([0.3, 0.6, 0.2], requires_grad=True, name="x")
    derivation = checked(np.mean(getattr(np, name)(x)), x)
    assert "⊙" not in str(derivation)
    numbers = derivation.numbers(derivation.result.steps[-1], derivation.result)
    np.testing.assert_allclose(numbers, SLOPES[name](x.numpy()) / 3, rtol=1e-12)


def test_latex_is_written_in_its_own_signs():
    x = Tensor([0.3, 0.6, 0.2], requires_grad=True, name="1 − x_%")
    written = derive(np.mean(np.arctan2(x, 2.0) * np.sinc(x)), wrt=x).latex()
    assert written.isascii() and r"\text{1 $-$ x\_\%}" in written

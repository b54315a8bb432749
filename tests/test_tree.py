"""The graph as text."""

import io
import re
import sys
import unicodedata

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import ops
from tinygrad_edu.commands import targets
from tinygrad_edu.read.draw.tree import columns, tree
from tinygrad_edu.tensor import Tensor


def leaf(value=(1.0, 2.0), name="x"):
    return Tensor(value, requires_grad=True, name=name)


def lines_of(x, *arguments, **options):
    return str(tree(x, *arguments, **options)).splitlines()


def line_of(x, name, **options):
    """The one line that shows a node."""
    (line,) = [line for line in lines_of(x, **options) if re.match(rf"[├└│─ ]*[◎●◆○] {re.escape(name)}( |$)", line)]
    return line


def last_cell(line):
    return re.split("  +", line)[-1]


def test_a_tree_reads_from_the_output_down():
    w = Tensor([[0.5, -1.0]], requires_grad=True, name="W1")
    b = Tensor([0.25], requires_grad=True, name="b1")
    Z1 = tg.linear(Tensor([[2.0, 1.0]], name="X"), w, b)
    J = np.sum(np.tanh(Z1) * np.exp(-Z1))
    assert lines_of(J, {"E": J.inputs[0].inputs[1], "Z1": Z1, "other": 1}) == [
        "9 nodes              shape   value       gradient",
        "◎ J = Σ(A1 ⊙ E)      ()      0.19074     1",
        "● multiply = A1 ⊙ E  (1, 1)  0.19074     1",
        "├─● E = exp(−Z1)     (1, 1)  0.7788      0.24492",
        "│ ● negative = −Z1   (1, 1)  -0.25       0.19074",
        "│ └─Z1 ↓ below",
        "● A1 = tanh Z1       (1, 1)  0.24492     0.7788",
        "● Z1 = X W1ᵀ + b1    (1, 1)  0.25        0.54134",
        "├─○ X                (1, 2)  [[2 1]]",
        "├─◆ W1               (1, 2)  [[0.5 -1]]  [[1.08 0.541]]",
        "└─◆ b1               (1,)    0.25        0.54134",
    ]


def test_a_value_used_twice_is_printed_once_and_marked_elsewhere():
    x = leaf()
    h = np.tanh(x)
    J = np.sum(h * np.exp(h) + x)
    text = str(tree(J, {"h": h}))
    assert len(re.findall("● h = ", text)) == 1
    assert len(re.findall("h [↑↓] (above|below)", text)) == 1
    assert len(re.findall("◆ x", text)) == 1
    assert text.index("◆ x") < text.index("x ↑ above")
    below, full = text.index("h ↓ below"), text.index("● h = ")
    assert below < full


def test_a_value_used_twice_by_one_op_is_one_line():
    x = leaf()
    assert len(lines_of(np.sum(x * x))) == 4


def test_every_node_stands_once_and_every_mark_points_the_right_way():
    """On graphs with random sharing."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        made = [leaf(1.0, f"x{k}") for k in range(3)]
        while len(made) < 40:
            a, b = (made[k] for k in rng.integers(0, len(made), 2))
            made.append([lambda a, b: a + b, lambda a, b: np.tanh(a), lambda a, b: a * b][rng.integers(3)](a, b))
            made[-1].name = f"n{len(made)}"
        J = made[-1] + made[-2]
        lines = lines_of(J)[1:]
        shown = {found[1]: k for k, line in enumerate(lines) if (found := re.search(r"[◎●◆○] (\w+)", line))}
        assert set(shown) == {node.name for node in tg.graph.Graph(J).nodes}
        assert len(shown) == len([line for line in lines if not re.search("[↑↓]", line)])
        for k, line in enumerate(lines):
            if found := re.search(r"(\w+) ([↑↓])", line):
                assert (shown[found[1]] < k) == (found[2] == "↑")


def test_the_lines_of_the_tree_hang_together():
    """Each ├ and │ goes on in the line below, and nothing hangs in the air above."""
    for make in targets.BUILT_IN.values():
        lines = lines_of(*make())[1:]
        for upper, lower in zip(lines, [*lines[1:], ""], strict=True):
            for k, sign in enumerate(upper[: len(upper) - len(upper.lstrip("│├└─ "))]):
                if sign in "├│":
                    assert lower[k] in "├│└●", (upper, lower)
            for k, sign in enumerate(lower[: len(lower) - len(lower.lstrip("│├└─ "))]):
                if sign in "├│└":
                    assert upper[k] in "├│●◎", (upper, lower)


def test_kinds_are_told_by_their_marks():
    J = np.sum(leaf(name="w") * Tensor([1.0, 2.0], name="X"))
    assert [re.search("[◎●◆○]", line)[0] for line in lines_of(J)[1:]] == ["◎", "●", "◆", "○"]


def test_several_outputs_are_several_trees():
    x = leaf(1.0)
    lines = lines_of([np.exp(x), np.sin(x)], {"a": x})
    assert [line.split()[0] for line in lines[1:]] == ["◎", "└─◆", "◎", "└─a"]


# The cells


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2.5, "2.5"),
        (1 / 3, "0.33333"),
        (-1234567.0, "-1.2346e+06"),
        (-0.0, "0"),
        (1e-30, "1e-30"),
        (float("nan"), "! nan"),
        (float("-inf"), "! -inf"),
        ([[2.0]], "2"),
        ([1.0, -2.5], "[1 -2.5]"),
        ([[1.0, 0.25], [3.0, 4.0]], "[[1 0.25] [3 4]]"),
        ([1.0, float("nan")], "! [1 nan]"),
        (np.arange(100.0), "0 / 50 / 99"),
        (np.full(100, 0.125), "all 0.125"),
        (np.r_[np.arange(98.0), np.nan, np.inf], "! 1 nan, 1 inf of 100"),
        (np.r_[np.arange(99.0), -np.inf], "! 1 inf of 100"),
        (np.zeros((0, 3)), "empty"),
        (np.full(50, 1e308), "all 1e+308"),
        (np.array([0.0, 1.0] * 20, dtype=np.float32), "0 / 0.5 / 1"),
        (np.array([60000.0] * 39 + [0.0], dtype=np.float16), "0 / 58500 / 60000"),
    ],
)
def test_small_arrays_in_full_and_larger_ones_as_three_numbers(value, shown):
    line = line_of(np.exp(Tensor(np.zeros(1), requires_grad=True)) * Tensor(value, name="X"), "X", gradients=False)
    assert last_cell(line) == shown


def test_integers_and_truth_values_are_shown():
    J = np.sum(np.where(np.array([True, False]), leaf(), Tensor([3, 4], name="Y")))
    assert last_cell(line_of(J, "Y", gradients=False)) == "[3 4]"
    assert last_cell(line_of(J, "constant", gradients=False)) == "[1 0]"


def test_gradients_stand_beside_and_nan_is_marked_there():
    x = leaf([0.0, 4.0])
    with np.errstate(divide="ignore"):
        J = np.sum(np.sqrt(x))
    assert line_of(J, "x").split("  ")[-1] == "! [inf 0.25]"
    assert x.grad is None


def test_values_and_gradients_can_be_left_out():
    J = np.sum(np.exp(leaf()))
    titles = {
        (values, gradients): lines_of(J, values=values, gradients=gradients)[0].split()[2:]
        for values in (True, False)
        for gradients in (True, False)
    }
    assert titles == {
        (True, True): ["shape", "value", "gradient"],
        (True, False): ["shape", "value"],
        (False, True): ["shape", "gradient"],
        (False, False): ["shape"],
    }


def test_without_a_single_number_a_sentence_says_why_there_are_no_gradients():
    lines = lines_of(np.exp(leaf()))
    assert "gradient" not in lines[0]
    assert lines[-1] == "No gradients: they need a single number at the top; this is (2,)."
    assert "No gradients" not in lines_of(np.exp(leaf()), gradients=False)[-1]


def test_a_wrong_rule_is_said_and_the_tree_is_shown_all_the_same():
    wrong = ops.Op(np.exp, lambda g, y, x: np.ones(3), name="wrong")
    lines = lines_of(np.sum(wrong(leaf())))
    assert lines[-1].startswith("No gradients. ")
    assert "wrong" in lines[-1]
    assert "◆ x" in lines[-2]


def test_no_warning_comes_from_the_numbers():
    lines_of(np.sum(leaf(np.full(50, 1e308))[:1]) * 1e-308)
    lines_of(np.sum(leaf(np.array([1.7e308] * 30 + [-1.7e308]))[:1]))


# Texts


HOSTILE = [
    "<lambda> <map>",
    'a"b\\c',
    "two\nlines\r\t",
    "\x1b[31mred",
    "a|{}b",
    "Ünïcödé 重み",
    "x" * 10_000,
    "‮rtl",
    " ",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_one_line_in_its_columns(name):
    J = np.sum(np.exp(leaf(name=name)) * leaf(name="w"))
    lines = lines_of(J)
    assert len(lines) == 6
    assert all(line.isprintable() for line in lines)
    assert len({columns(line[: line.index("  (2,)")]) for line in lines if "  (2,)" in line}) <= 2
    places = {columns(line.rsplit("  [", 1)[0]) for line in lines if line.endswith("]")}
    assert len(places) >= 1
    assert max(map(columns, lines)) < 110


def test_wide_letters_take_two_columns():
    assert columns("重み") == 4
    assert columns("é") == 1
    assert columns(unicodedata.normalize("NFD", "é")) == 1
    J = np.sum(leaf(name="重み") * leaf(name="w"))
    cells = [columns(line[: line.index("(")]) for line in lines_of(J)[-2:]]
    assert cells[0] == cells[1]


# Where it is printed


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_str_and_repr_are_plain_everywhere(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    shown = tree(np.sum(np.exp(leaf())))
    assert str(shown) == repr(shown) == f"{shown}"
    assert "\x1b" not in str(shown)


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}, {"NO_COLOR": ""}])
def test_show_has_colours_on_a_terminal_that_wants_them(environment, monkeypatch):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "200")
    shown, terminal, file = tree(np.sum(np.log(leaf([1.0, np.nan])))), Terminal(), io.StringIO()
    shown.show(terminal)
    shown.show(file)
    assert file.getvalue() == f"{shown}\n"
    assert ("\x1b[" in terminal.getvalue()) == (not any(environment.values()))
    assert re.sub(r"\x1b\[[\d;]*m", "", terminal.getvalue()) == file.getvalue()


def test_show_prints_to_the_standard_output(capsys):
    tree(np.sum(np.exp(leaf()))).show()
    assert capsys.readouterr().out.startswith("3 nodes")


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("target", targets.BUILT_IN)
def test_a_terminal_s_width_is_kept(width, target, monkeypatch):
    J, names = targets.find(target)
    monkeypatch.setenv("COLUMNS", str(width))
    terminal = Terminal()
    tree(J, names, values=width >= 80).show(terminal)
    lines = re.sub(r"\x1b\[[\d;]*m", "", terminal.getvalue()).splitlines()
    assert max(map(columns, lines)) <= width
    assert len(lines) == len(lines_of(J, names))


# Large graphs


def chain(length, step=np.tanh):
    y = x = leaf(0.5)
    for _ in range(length):
        y = step(y)
    return y, x


def test_a_large_graph_is_folded_and_says_so():
    y, _ = chain(1000)
    lines = lines_of(y, max_nodes=10)
    assert len(lines) == 13
    assert lines[-2].strip() == "└─⋮ tanh (990), 991 nodes in all"
    assert lines[-1] == (
        "⋮ 991 of 1,001 nodes are folded. To see all of them pass max_nodes=1001; to see a part, the tree of a tensor "
        "inside."
    )
    assert len(lines_of(y, max_nodes=1001)) == 1002
    assert len(lines_of(y)) == 203
    assert "⋮" not in str(tree(chain(199)[0]))


def test_one_node_is_enough():
    lines = lines_of(chain(5)[0], max_nodes=1)
    assert [line.strip()[0] for line in lines[1:]] == ["◎", "└", "⋮"]


def test_many_inputs_of_one_op_are_folded_into_one_line():
    x = leaf(1.0)
    J = np.sum(
        np.stack(
            [np.sin(x * k) for k in range(3000)] + [leaf(1.0, "w")] * 2 + [leaf(1.0, f"v{k}") for k in range(3000)]
        )
    )
    lines = lines_of(J, max_nodes=20)
    assert len(lines) < 40
    assert any(re.search(r"⋮ \d,\d{3} inputs", line) for line in lines)
    assert "nodes are folded" in lines[-1]


def test_folding_below_the_smallest_is_refused():
    with pytest.raises(ValueError, match=r"tree: max_nodes must be at least 1; got 0\. Leave it out for 200\."):
        tree(chain(2)[0], max_nodes=0)


def test_what_is_no_graph_is_refused():
    with pytest.raises(TypeError, match=r"Graph: outputs must be Tensors; got float"):
        tree(1.0)
    with pytest.raises(ValueError, match=r"Graph: the output must have been recorded"):
        tree(Tensor([1.0]))


STEPS = {
    "one input": np.tanh,
    "two inputs": lambda y: y * 0.5 - y,
    "branches": lambda y: np.tanh(y) * np.exp(-y),
    "long way round": lambda y: np.tanh(y) + y,
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_long_chain_does_not_wander_to_the_right(step):
    y, _ = chain(2000, step)
    lines = lines_of(y, max_nodes=10**6)
    assert max(len(re.match("[├└│─ ]*", line)[0]) for line in lines) <= 4


def test_tens_of_thousands_of_nodes_are_printed():
    y, _ = chain(20_000)
    assert str(tree(y)).count("\n") == 202
    assert str(tree(y, max_nodes=10**6)).count("\n") == 20_001


def test_a_node_with_very_many_inputs_is_printed():
    x = leaf(1.0)
    J = np.sum(np.stack([x * k for k in range(5000)]))
    assert str(tree(J, gradients=False, max_nodes=10**6)).count("\n") > 5000

"""The command `tinygrad-edu`, and what it can draw."""

import re
import sys
import webbrowser
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from interpreters import start

import tinygrad_edu as tg
from tinygrad_edu import demo as demonstration
from tinygrad_edu.cli import main
from tinygrad_edu.commands import targets
from tinygrad_edu.graph import Graph

PROGRAM = """\
import numpy as np
from tinygrad_edu import Tensor

w = Tensor([1.0, 2.0], requires_grad=True)
hidden = np.tanh(w)
loss = np.sum(hidden)
number, constant = 3.0, Tensor([1.0])

def cost():
    return np.sum(w * w)

def with_argument(x):
    return x

def late():
    data = [1.0]
    return data[3]

def leaves():
    raise SystemExit("enough")

if __name__ == "__main__":
    raise RuntimeError("not run when it is drawn")
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A directory of its own, with a program in it and no modules left behind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "homework.py").write_text(PROGRAM, encoding="utf-8")
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


def exit_status(*arguments):
    try:
        return main([str(x) for x in arguments])
    except SystemExit as left:
        return left.code


def refused(capsys, *arguments, status=2):
    """The one sentence on the error stream of a command that failed."""
    assert exit_status(*arguments) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("tinygrad-edu: ")
    return line.removeprefix("tinygrad-edu: ")


# The command


def test_the_command_tells_its_version():
    out, _ = start("-m", "tinygrad_edu", "--version").communicate()
    assert out.decode().split() == ["tinygrad_edu", tg.__version__]


def test_an_output_without_the_signs_of_mathematics_gets_question_marks():
    out, err = start("-m", "tinygrad_edu", "draw", "mlp", "--tree", PYTHONIOENCODING="ascii").communicate()
    assert out.decode("ascii").splitlines()[1].startswith("? J = mean L")
    assert err == b""


def test_a_reader_that_leaves_early_is_no_error():
    running = start("-m", "tinygrad_edu", "draw", "mlp", "--tree")
    running.stdout.close()
    assert running.stderr.read() == b""
    assert running.wait() == 0
    running.stderr.close()


@pytest.mark.parametrize("command", ["", "demo", "train", "predict", "explain", "check", "source", "draw"])
def test_the_command_helps_with_an_example_in_80_columns(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert exit_status(*command.split(), "--help") == 0
    text = capsys.readouterr().out
    assert "Example: tinygrad-edu " in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_help_of_draw_names_every_target(capsys):
    assert exit_status("draw", "--help") == 0
    text = capsys.readouterr().out
    assert all(re.search(rf"^  {name} ", text, re.MULTILINE) for name in targets.BUILT_IN)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Example: tinygrad-edu demo"),
        (["dance"], "dance"),
        (["demo", "--seed", "many"], "--seed"),
        (["demo", "--seed", "1.5"], "--seed"),
        (["demo", "--seed", "-1"], "--seed"),
        (["demo", "--out"], "--out"),
        (["demo", "extra"], "unrecognized arguments: extra"),
        (["train", "moons"], "unrecognized arguments: moons; write --data moons"),
        (["train", "--date", "moons"], "unrecognized arguments: --date moons"),
        (["--quick"], "COMMAND"),
        (["draw"], "TARGET"),
        (["draw", "mlp", "--page", "--tree"], "not allowed with"),
    ],
)
def test_bad_arguments_exit_with_two(arguments, message, capsys, elsewhere):
    assert exit_status(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err.splitlines()[-1]
    assert [x.name for x in elsewhere.iterdir()] == ["homework.py"]


def test_a_file_in_the_place_of_the_directory_is_refused_before_the_training(tmp_path, capsys, monkeypatch):
    trained = []
    monkeypatch.setattr(demonstration, "fit", lambda *_, **__: trained.append(True))
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    message = f"demo: {tmp_path / 'out'} must be a directory that can be written to; got: File exists. Name another"
    assert message in refused(capsys, "demo", "--quiet", "--out", tmp_path / "out")
    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"
    assert not trained


def test_on_a_terminal_a_message_is_broken_between_words(capsys, monkeypatch):
    whole = refused(capsys, "draw", "mpl")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert exit_status("draw", "mpl") == 2
    lines = capsys.readouterr().err.splitlines()
    assert " ".join(lines) == f"tinygrad-edu: {whole}"
    assert len(lines) > 3 and max(map(len, lines)) <= 40


def test_the_messages_of_source_name_it(capsys):
    assert refused(capsys, "source", "qqqq").startswith("source: the target must be one of ")
    assert refused(capsys, "source", "homework.py:late").startswith("source: homework.py, line 17, raised IndexError")


@pytest.mark.parametrize(
    ("activation", "slope"),
    [
        ("tanh", "(1 - A1**2)"),
        ("relu", "(A1 > 0)"),
        ("leaky-relu", "np.where(Z1 > 0, 1, 0.01)"),
        ("sigmoid", "A1 * (1 - A1)"),
        ("softplus", "sigmoid(Z1)"),
    ],
)
def test_the_network_of_source_has_the_activations_of_train(activation, slope, capsys):
    assert exit_status("source", "mlp", "--activation", activation) == 0
    assert f" dZ1 = dA1 * {slope} " in capsys.readouterr().out


# The built-in targets


def texts(path):
    """What can be read in a picture."""
    root = ElementTree.parse(path).getroot()
    return {"".join(x.itertext()) for x in root.iter("{http://www.w3.org/2000/svg}text")}


@pytest.mark.parametrize("target", targets.BUILT_IN)
def test_a_built_in_target_is_drawn(target, capsys, elsewhere):
    assert exit_status("draw", target) == 0
    assert capsys.readouterr().out == f"{target}.svg: the graph of {target}.\n"
    assert any(text.startswith("L" if target == "neuron" else "J") for text in texts(f"{target}.svg"))
    assert sorted(x.name for x in elsewhere.iterdir()) == sorted(["homework.py", f"{target}.svg"])


@pytest.mark.parametrize(
    ("form", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("gv", b"digraph")]
)
def test_the_ending_of_out_chooses_the_format(form, start, elsewhere):
    (elsewhere / "down").mkdir()
    assert exit_status("draw", "neuron", "--out", Path("down") / f"one.{form}") == 0
    assert (elsewhere / "down" / f"one.{form}").read_bytes().lstrip().startswith(start)


@pytest.mark.parametrize("target", targets.BUILT_IN)
def test_the_gradients_of_a_target_are_the_textbook_s(target):
    """Through everything that was written out, dJ/dZ of the last layer is (A - Y)/m."""
    J, names = targets.find(target)
    graph = Graph(J, names)
    gradients = {node.name: g for node, g in graph.backward().items()}
    values = {node.name: node.data for node in graph.nodes}
    Z, A, Y = ("z", "a", "y") if target == "neuron" else ("Z2", "A2", "Y")
    examples = len(values[Y]) if values[Y].ndim else 1
    np.testing.assert_allclose(gradients[Z], (values[A] - values[Y]) / examples, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("target", "top"), [("neuron", "L"), ("mlp", "J"), ("last-layer", "J"), ("softmax", "J")])
def test_the_backward_graph_is_that_of_the_gradient_by_the_first_parameter(target, top, capsys):
    J, names = targets.find(target)
    first = next(node for node in Graph(J, names).nodes if node.kind == "parameter")
    gradient, known = targets.backward(J, names)
    J.backward()
    np.testing.assert_allclose(gradient.numpy(), first.value.grad.numpy(), rtol=1e-12)
    found = {node.name for node in Graph(gradient, known).nodes}
    Z, A = ("z", "a") if target == "neuron" else ("Z2", "A2")
    assert {f"d{top}/d{first.name}", f"d{top}/d{Z}", f"d{top}/d{A}", A} <= found
    assert exit_status("draw", target, "--backward") == 0
    line = f"the graph of d{top}/d{first.name}, the gradient of {target} by its first parameter.\n"
    assert capsys.readouterr().out == f"{target}-backward.svg: {line}"
    assert any(f"d{top}/d{first.name}" in text for text in texts(f"{target}-backward.svg"))


def test_the_backward_graph_of_no_single_number_is_refused(capsys):
    assert "needs a scalar" in refused(capsys, "draw", "homework.py:hidden", "--backward")


@pytest.mark.parametrize("target", targets.BUILT_IN)
def test_the_page_is_written(target, capsys):
    assert exit_status("draw", target, "--page") == 0
    assert capsys.readouterr().out.startswith(f"{target}.html: the graph of {target}, to step through")
    assert "<html" in Path(f"{target}.html").read_text(encoding="utf-8")[:300]


def test_the_tree_is_printed_and_nothing_written(capsys, elsewhere):
    assert exit_status("draw", "mlp", "--tree") == 0
    output = capsys.readouterr().out
    assert "◎ J = mean L" in output
    assert "\x1b" not in output
    assert [x.name for x in elsewhere.iterdir()] == ["homework.py"]
    assert exit_status("draw", "mlp", "--tree", "--backward") == 0
    assert "◎ dJ/dW1 = " in capsys.readouterr().out
    assert exit_status("draw", "mlp", "--tree", "--out", "both.gv") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "both.gv: the graph of mlp."


# The browser


@pytest.mark.parametrize("arguments", [["--out", "one.svg"], ["--page", "--out", "one.html"]])
def test_open_opens_what_was_written(arguments, monkeypatch, elsewhere):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    assert exit_status("draw", "neuron", "--open", *arguments) == 0
    assert opened == [(elsewhere / arguments[-1]).resolve().as_uri()]


def test_without_a_browser_one_line_says_so(monkeypatch, capsys):
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    assert exit_status("draw", "neuron", "--open") == 1
    assert capsys.readouterr().err == "tinygrad-edu: draw: no browser was found. Open neuron.svg yourself.\n"


def test_without_graphviz_the_source_is_written_and_one_line_says_so(monkeypatch, capsys, elsewhere):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    line = refused(capsys, "draw", "neuron", "--open", status=1)
    assert line.startswith("draw: needs Graphviz") and line.endswith(" --page and --tree need no Graphviz.")
    assert "neuron.gv" in line
    assert (elsewhere / "neuron.gv").read_text(encoding="utf-8").startswith("digraph")
    assert not opened


# A person's own


@pytest.mark.parametrize("where", ["homework.py", "./homework.py", "homework"])
@pytest.mark.parametrize(
    ("name", "expected"), [("loss", "◎ loss = Σ hidden"), ("cost", "◎ J = Σ"), ("hidden", "hidden")]
)
def test_a_name_in_a_file_or_a_module_is_drawn_with_the_names_beside_it(where, name, expected, capsys, elsewhere):
    assert exit_status("draw", f"{where}:{name}", "--tree") == 0
    assert expected in capsys.readouterr().out
    assert exit_status("draw", f"{where}:{name}") == 0
    assert (elsewhere / f"{name}.svg").exists()


def test_a_module_in_a_package(elsewhere, capsys):
    (elsewhere / "lectures").mkdir()
    (elsewhere / "lectures" / "week.py").write_text(PROGRAM, encoding="utf-8")
    assert exit_status("draw", "lectures.week:loss", "--tree") == 0
    assert "◎ loss" in capsys.readouterr().out


def test_a_program_imports_what_stands_beside_it(elsewhere, capsys):
    before = sys.path.copy()
    (elsewhere / "down").mkdir()
    (elsewhere / "down" / "beside.py").write_text(PROGRAM, encoding="utf-8")
    (elsewhere / "down" / "program.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Made:\n    x: int\n"
        "def made():\n    import beside\n    return beside.loss\n",
        encoding="utf-8",
    )
    assert exit_status("draw", "down/program.py:made", "--tree") == 0
    assert sys.path == before


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "mpl",
            r"draw: the target must be one of neuron, mlp, last-layer, softmax, or .*got 'mpl'\. Did you mean mlp\?",
        ),
        ("qqqq", r"got 'qqqq'\.$"),
        ("", r"got ''\.$"),
        ("homework.py", r"got 'homework.py'\.$"),
        ("homework.py:", r"got 'homework.py:'\.$"),
        ("two words:x", r"got 'two words:x'\.$"),
        (":x", r"got ':x'\.$"),
        ("absent.py:loss", r"draw: the file must exist; got 'absent.py'\. Mend the name"),
        ("down/absent:loss", r"draw: the file must exist; got 'down/absent'"),
        ("absent:loss", r"draw: the module must exist; got 'absent', no absent\. For a file write FILE\.py:name"),
        ("homework.sub:loss", r"draw: the module must exist; got 'homework.sub', no homework\.sub\."),
        ("homework.py:los", r"draw: the name must be in homework.py; got 'los'\. Did you mean loss\?"),
        ("homework.py:zzz", r"got 'zzz'\. It has w, hidden, loss, constant, cost"),
        (
            "homework.py:number",
            r"draw: number in homework.py must be a Tensor or a function that returns one; got float",
        ),
        ("homework.py:Tensor", r"draw: Tensor in homework.py must need no arguments; got Tensor\(data"),
        (
            "homework.py:with_argument",
            r"must need no arguments; got with_argument\(x\), missing a required argument: 'x'",
        ),
        ("homework.py:constant", r"Graph: the output must have been recorded"),
        ("homework.py:late", r"draw: homework.py, line 17, raised IndexError: list index out of range"),
        ("homework.py:leaves", r"draw: homework.py, line 20, raised SystemExit: enough"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(target, message, capsys, elsewhere):
    assert re.search(message, refused(capsys, "draw", target))
    assert {x.name for x in elsewhere.iterdir()} <= {"homework.py", "__pycache__"}


@pytest.mark.parametrize("where", ["wrong.py", "wrong"])
@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("x = 1\nx / 0\n", r"draw: wrong.py, line 2, raised ZeroDivisionError: division by zero$"),
        (
            "import math\n\ndef f():\n    return math.sqrt(-1)\nf()\n",
            r"wrong.py, line 4, raised ValueError: math domain error",
        ),
        ("x = (\n", r"draw: wrong.py, line 1, raised SyntaxError: '\(' was never closed$"),
        (
            "import absent_module\n",
            r"draw: wrong.py, line 1, raised ModuleNotFoundError: No module named 'absent_module'",
        ),
        ("import json\njson.loads('{')\n", r"draw: wrong.py, line 2, raised JSONDecodeError"),
        (
            "from tinygrad_edu import Tensor\nTensor('text')\n",
            r"draw: wrong.py, line 2, raised TypeError: Tensor: data must",
        ),
        ("raise ValueError('one\\ntwo')\n", r"raised ValueError: one two$"),
        ("raise KeyError\n", r"raised KeyError$"),
        ("import sys\nsys.exit()\n", r"draw: wrong.py, line 2, raised SystemExit$"),
    ],
)
def test_an_exception_in_the_person_s_program_names_its_line(where, program, message, capsys, elsewhere):
    (elsewhere / "wrong.py").write_text(program, encoding="utf-8")
    assert re.search(message, refused(capsys, "draw", f"{where}:loss"))


def test_an_interrupted_program_is_left_at_once(elsewhere, capsys):
    (elsewhere / "long.py").write_text("raise KeyboardInterrupt\n", encoding="utf-8")
    assert main(["draw", "long.py:loss"]) == 130
    assert capsys.readouterr().err == "tinygrad-edu: stopped by Ctrl-C.\n"


def test_what_a_program_prints_is_no_part_of_the_output(elsewhere, capsys):
    (elsewhere / "loud.py").write_text(f"print('hello')\n{PROGRAM}", encoding="utf-8")
    assert main(["source", "loud.py:loss"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("import numpy as np\n")
    assert captured.err == "hello\n"


def test_a_function_without_a_signature_is_called(elsewhere, capsys):
    (elsewhere / "odd.py").write_text("odd = dict\nodder = type\n", encoding="utf-8")
    assert "must be a Tensor or a function that returns one; got dict" in refused(capsys, "draw", "odd.py:odd")
    assert "raised TypeError" in refused(capsys, "draw", "odd.py:odder")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "graph.docx"], r"draw: the file must end in svg, png, pdf, gv.*got 'graph.docx'"),
        (["--out", "graph"], r"draw: the file must end in .*got 'graph'"),
        (["--out", "nowhere/graph.svg"], r"draw: the directory must exist; got 'nowhere'"),
        (["--page", "--out", "nowhere/page.html"], r"explore: the directory must exist; got 'nowhere'"),
        (["--page", "--out", "page.svg"], r"draw: the page must end in \.html; got 'page\.svg'\. Try page\.html"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused(arguments, message, capsys, elsewhere):
    assert re.search(message, refused(capsys, "draw", "neuron", *arguments))
    assert [x.name for x in elsewhere.iterdir()] == ["homework.py"]


def test_a_marked_file_that_exits_is_told_not_obeyed(tmp_path, capsys):
    path = tmp_path / "homework.py"
    path.write_text("import sys\nsys.exit(0)\n", encoding="utf-8")
    assert main(["check", str(path)]) == 2
    assert "homework.py, line 2, raised SystemExit: 0" in capsys.readouterr().err

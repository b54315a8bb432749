"""The documentation runs: every Python block of the README and of docs/, every program in examples/.

The blocks of a page run in order in one namespace, in a temporary directory, with warnings as errors. Where a
block marked `text` follows directly, it must be what the Python block printed; `...` in it stands for anything. A block
that needs a package which not everybody has says so, ```python needs=torch, and is left out where it is not installed.
"""

import contextlib
import io
import linecache
import re
import runpy
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))) if page.exists()]
EXAMPLES = sorted((ROOT / "examples").glob("**/*.py"))

FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<language>[^`\n]*)$")


class Block(NamedTuple):
    """A fenced block: its language, its text, its first line's number, whether it follows the one before, and the
    packages that it needs.
    """

    language: str
    text: str
    line: int
    follows: bool
    needs: tuple[str, ...] = ()

    @property
    def missing(self):
        """The packages that are not installed."""
        return [package for package in self.needs if find_spec(package) is None]


def blocks(page):
    """The fenced blocks of a Markdown text, in order."""
    found, opening, between = [], None, []
    for number, line in enumerate(page.splitlines(), start=1):
        fence = FENCE.match(line)
        if opening is None:
            if fence:
                follows = bool(found) and not any(map(str.strip, between))
                opening, start, inside = fence, number + 1, []
            else:
                between.append(line)
        elif fence and fence["fence"].startswith(opening["fence"]) and not fence["language"].strip():
            words = opening["language"].split()
            needs = tuple(name for word in words[1:] if word.startswith("needs=") for name in word[6:].split(","))
            found.append(Block(words[0] if words else "", "\n".join(inside), start, follows, needs))
            opening, between = None, []
        else:
            inside.append(line.removeprefix(opening["indent"]))
    if opening is not None:
        raise ValueError(f"the block that starts in line {start} must end; got the end of the page.")
    return found


def same(expected, printed):
    """Whether a text is what was printed: but for spaces at the ends of lines, and `...` for anything."""
    expected, printed = ("\n".join(map(str.rstrip, text.strip("\n").splitlines())) for text in (expected, printed))
    return re.fullmatch(".*?".join(map(re.escape, expected.split("..."))), printed, re.DOTALL) is not None


def run_block(block, namespace, name):
    """Run a Python block; returns what it printed."""
    source = block.text + "\n"
    file = f"<{name}, line {block.line}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, file, "exec"), namespace)
    return printed.getvalue()


def run_page(text, name="page"):
    """Run every Python block of a page and compare the text blocks that follow; returns how many of each."""
    namespace = {"__name__": "__main__"}
    printed, ran, compared = None, 0, 0
    for block in blocks(text):
        if block.language == "python" and not block.missing:
            printed, ran = run_block(block, namespace, name), ran + 1
            continue
        if block.language == "text" and block.follows and printed is not None:
            if not same(block.text, printed):
                raise AssertionError(
                    f"{name}, line {block.line}: the block must be what was printed; "
                    f"got\n{printed}\nThe page says\n{block.text}"
                )
            compared += 1
        printed = None
    return ran, compared


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A temporary directory to work in, arguments of no one, and no trace of the program's modules."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["program"])
    monkeypatch.setattr(sys, "path", sys.path.copy())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield tmp_path


# The documentation


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_the_page_runs_and_prints_what_it_says(page, elsewhere):
    text = page.read_text(encoding="utf-8")
    run_page(text, page.name)
    if missing := sorted({package for block in blocks(text) for package in block.missing}):
        pytest.skip(f"the rest needs {', '.join(missing)}")


@pytest.mark.parametrize("example", EXAMPLES, ids=[str(example.relative_to(ROOT)) for example in EXAMPLES])
def test_the_example_runs(example, elsewhere, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(example)])
    monkeypatch.syspath_prepend(str(example.parent))
    runpy.run_path(str(example), run_name="__main__")


def test_there_is_documentation_to_run():
    assert ROOT / "README.md" in PAGES
    assert any(block.language == "python" for block in blocks((ROOT / "README.md").read_text(encoding="utf-8")))
    assert EXAMPLES


# What reads it can fail

PAGE = """\
# A page

```python
x = 2
print(x)
```

```text
{output}
```

Words.

```python
print(x + 1)
```
Words between: what follows is no output.

```text
anything at all
```

```console
$ not run
```
"""


def test_a_page_that_is_right_passes(elsewhere):
    assert run_page(PAGE.format(output="2")) == (2, 1)


@pytest.mark.parametrize("output", ["3", "", "2\n2", "22", "two"])
def test_a_wrong_output_fails(output, elsewhere):
    with pytest.raises(AssertionError, match=r"page, line 9: the block must be what was printed; got\n2\n"):
        run_page(PAGE.format(output=output))


def test_blocks_share_one_namespace_and_pages_do_not(elsewhere):
    assert run_page("```python\ny = 1\n```\n```python\nassert y == 1\n```\n") == (2, 0)
    with pytest.raises(NameError, match="y"):
        run_page("```python\nassert y == 1\n```\n")


def test_a_block_that_raises_fails_at_its_line(elsewhere):
    with pytest.raises(ZeroDivisionError) as caught:
        run_page("Words.\n\n```python\nx = 1\n\nx / 0\n```\n", "bad.md")
    last = caught.traceback[-1]
    assert (str(last.path), last.lineno + 1) == ("<bad.md, line 4>", 3)


def test_a_warning_fails(elsewhere):
    with pytest.raises(RuntimeWarning, match="divide by zero"):
        run_page("```python\nimport numpy as np\nnp.log(np.zeros(1))\n```\n")


def test_a_page_works_in_a_directory_of_its_own(elsewhere):
    run_page("```python\nopen('made.txt', 'w').close()\n```\n")
    assert (elsewhere / "made.txt").exists()
    assert not (ROOT / "made.txt").exists()


def test_classes_and_functions_of_a_block_know_each_other(elsewhere):
    page = (
        "```python\nimport inspect\nclass A: pass\ndef f(): return A\nprint(f().__name__, inspect.getsource(f))\n```\n"
    )
    assert run_page(page + "```text\nA def f(): return A\n```\n") == (1, 1)


@pytest.mark.parametrize(
    ("expected", "printed", "answer"),
    [
        ("2", "2\n", True),
        ("2  \n3", "2\n3   \n\n", True),
        ("\n2\n", "2\n", True),
        ("2\n\n3", "2\n3\n", False),
        ("  2", "2\n", False),
        ("a ... c", "a b\nb c\n", True),
        ("...", "", True),
        ("a ...", "b", False),
        ("loss 0.1...", "loss 0.123\n", True),
        ("loss 0.1...", "the loss 0.123\n", False),
        ("a.c", "abc\n", False),
        ("(1 + 1) [x] \\d", "(1 + 1) [x] \\d\n", True),
        ("", "", True),
        ("", "2\n", False),
    ],
)
def test_outputs_are_compared_but_for_spaces_and_dots(expected, printed, answer):
    assert same(expected, printed) is answer


def test_blocks_are_found_with_their_languages_and_lines():
    page = "\n".join(
        [
            *["```python title", "a", "```", "", "```text", "b", "", "c", "```", "word", "~~~", "```", "~~~"],
            *["1. list", "   ```python", "   if d:", "       e", "   ```", "````markdown", "```python", "```", "````"],
        ]
    )
    assert blocks(page) == [
        ("python", "a", 2, False, ()),
        ("text", "b\n\nc", 6, True, ()),
        ("", "```", 12, False, ()),
        ("python", "if d:\n    e", 16, False, ()),
        ("markdown", "```python\n```", 20, True, ()),
    ]


def test_a_block_that_needs_a_missing_package_is_left_out_with_its_output(elsewhere):
    page = "```python needs={}\nprint(1)\n```\n```text\n2\n```\n"
    assert run_page(page.format("pytest,no_such_package")) == (0, 0)
    assert blocks(page.format("pytest,no_such_package"))[0].missing == ["no_such_package"]
    with pytest.raises(AssertionError, match="the block must be what was printed"):
        run_page(page.format("pytest,numpy"))


def test_a_block_without_an_end_is_an_error():
    with pytest.raises(ValueError, match="the block that starts in line 2 must end"):
        blocks("```python\nx = 1\n")


def test_a_text_block_belongs_to_the_block_just_before_it(elsewhere):
    page = "```python\nprint(1)\n```\n```console\n$ ls\n```\n```text\n2\n```\n"
    assert run_page(page) == (1, 0)


def test_an_example_that_warns_or_fails_is_noticed(elsewhere):
    """As the examples are run."""
    for line, kind in (("import warnings; warnings.warn('old')", UserWarning), ("1 / 0", ZeroDivisionError)):
        program = elsewhere / "program.py"
        program.write_text(f"if __name__ == '__main__':\n    {line}\n", encoding="utf-8")
        with pytest.raises(kind):
            runpy.run_path(str(program), run_name="__main__")

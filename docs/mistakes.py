"""Write the page of mistakes from the catalogue: python docs/mistakes.py"""

from pathlib import Path

from tinygrad_edu.check.mistakes import MISTAKES

PAGE = Path(__file__).parent / "mistakes.md"
SECTIONS = {
    "A": "Factors: 1/m, 2, dropout, L2",
    "B": "The derivative of the activation",
    "C": "Softmax",
    "D": "The wrong array",
    "E": "Shapes and axes",
    "F": "The sign, and the derivative of the cost",
    "G": "State and numbers",
}
HEAD = """# Mistakes in a hand-written backprop

What `tinygrad_edu.check.backprop` can name, with a line that has the mistake, what is right, and why. This page is
written from the table in `tinygrad_edu/check/mistakes.py` by `python docs/mistakes.py`; the examples run in columns
(`Z = W A + b`). See [Mark my backprop](mark-my-backprop.md) for how to hand yours in.
"""


def page() -> str:
    """The page as Markdown."""
    parts = [HEAD]
    for letter, title in SECTIONS.items():
        parts.append(f"## {title}\n")
        for mistake in MISTAKES.values():
            if mistake.id[0] == letter:
                parts.append(
                    f"### {mistake.id}: {mistake.name}\n\n```text\nwrong:  {mistake.wrong}\n"
                    f"right:  {mistake.right}\n```\n\n{mistake.why}\n"
                )
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

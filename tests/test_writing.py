"""Files are written whole or not at all, whoever writes them."""

from pathlib import Path

import pytest

from tinygrad_edu import plot
from tinygrad_edu.cli import main
from tinygrad_edu.writing import write

MARKED = Path(__file__).parent / "backprops" / "K1.py"


@pytest.fixture
def full_disk(monkeypatch):
    """Every file takes half of what is written, then the disk is full."""
    write_bytes = Path.write_bytes

    def write_half(self, content):
        write_bytes(self, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_half)


@pytest.mark.parametrize(
    ("name", "attempt"),
    [
        ("any.bin", lambda path: write(path, b"new content")),
        ("loss.png", lambda path: plot.save(plot.loss_curve({"training": [2.0, 1.0]}), path)),
    ],
)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, full_disk, name, attempt):
    path = tmp_path / name
    path.write_text("old", encoding="utf-8")
    with pytest.raises(OSError, match="No space left"):
        attempt(path)
    assert [x.name for x in tmp_path.iterdir()] == [name]
    assert path.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("command", [["explain", "weights"], ["check", str(MARKED)]])
def test_the_pages_of_the_commands_are_written_so_too(tmp_path, full_disk, command, capsys):
    path = tmp_path / "page.html"
    path.write_text("old", encoding="utf-8")
    assert main([*command, "--html", str(path)]) == 2
    assert "No space left" in capsys.readouterr().err
    assert [x.name for x in tmp_path.iterdir()] == ["page.html"]
    assert path.read_text(encoding="utf-8") == "old"


def test_a_directory_that_is_not_there_is_named_as_it_was_given(tmp_path):
    path = tmp_path / "nowhere" / "any.bin"
    with pytest.raises(FileNotFoundError) as caught:
        write(path, b"new content")
    assert str(caught.value) == f"[Errno 2] No such file or directory: {str(path)!r}"

"""Arrays that are freed are kept for the next ones, where the C library can."""

import ctypes
import sys
from types import SimpleNamespace

import pytest

from tinygrad_edu import memory


def test_keeping_freed_arrays_answers_whether_it_could():
    assert isinstance(memory.keep_freed_arrays(), bool)


@pytest.mark.parametrize("platform", ["darwin", "win32", "emscripten", "freebsd14"])
def test_other_systems_are_left_alone(platform, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_: pytest.fail("the C library was opened"))
    assert memory.keep_freed_arrays() is False


@pytest.mark.parametrize(
    ("library", "answer"),
    [
        (SimpleNamespace(), False),
        (SimpleNamespace(mallopt=lambda *_: 1), False),
        (SimpleNamespace(mallopt=lambda *_: 1, gnu_get_libc_version=None), True),
        (SimpleNamespace(mallopt=lambda *_: 0, gnu_get_libc_version=None), False),
    ],
)
def test_other_c_libraries_are_left_alone(library, answer, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    assert memory.keep_freed_arrays() is answer


def test_the_settings_are_those_of_the_c_library(monkeypatch):
    """The numbers of M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD in glibc's malloc.h."""
    given = {}
    library = SimpleNamespace(mallopt=lambda key, value: given.update({key: value}) or 1, gnu_get_libc_version=None)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    assert memory.keep_freed_arrays()
    assert set(given) == {-3, -1, -2}
    assert 0 < given[-3] <= 4 * 1024 * 1024 * ctypes.sizeof(ctypes.c_long)  # more is refused
    assert all(0 < value < 2**31 for value in given.values())

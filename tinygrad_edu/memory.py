"""Freed arrays are kept for the next step, not given back to the operating system.

A training step makes and drops the same arrays again and again. By default the GNU C library returns each
one above 128 kB to the kernel as soon as it is freed, and the next one is cleared page by page: a
network with 64 units and batches of 1000 spends over half of its time there. Three settings of its
allocator stop that for the whole process. Other C libraries are left as they are.

Source:  mallopt(3), Linux manual pages
"""

from __future__ import annotations

import ctypes
import sys

__all__ = ["give_back_freed_arrays", "keep_freed_arrays"]

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
MEGABYTE = 1 << 20


def keep_freed_arrays() -> bool:
    """Let arrays up to 32 MB come from memory that the process already has; True if that was possible."""
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    settings = {M_MMAP_THRESHOLD: 32 * MEGABYTE, M_TRIM_THRESHOLD: 512 * MEGABYTE, M_TOP_PAD: 16 * MEGABYTE}
    return all(library.mallopt(setting, value) for setting, value in settings.items())


def give_back_freed_arrays() -> bool:
    """Hand what was freed until now back to the system; True if that was possible."""
    library = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    return hasattr(library, "malloc_trim") and bool(library.malloc_trim(0))  # type: ignore[union-attr]

"""Gives freed memory back to the system; the front and the worker do so once they have been imported."""

import ctypes
import sys


def release_free_pages() -> None:
    """Return the free pages of the C library's heap to the system, where that library has such a call (glibc).

    Imports build and drop schemas, parsers and patterns. glibc keeps the pages in between: about a tenth of each
    process at rest.
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)

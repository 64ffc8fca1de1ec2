"""Freed memory goes back to the system where its C library can give it back."""

from bridge.heap import release_free_pages


def test_free_pages_are_released_or_left() -> None:
    release_free_pages()

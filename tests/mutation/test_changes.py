"""The changes of a file: each kind of them, one at a time, and none that changes nothing."""

import ast

import pytest

from tests.mutation.changes import KINDS, changes
from tests.mutation.files import chosen

SOURCE = '''"""A file."""

LIMIT: int = 5


def small(count: "int") -> bool:
    """Whether it is small."""
    note("asked")
    if count is None:
        return False
    return count < LIMIT
'''


@pytest.mark.parametrize(
    ("kind", "lines"), [("comparison", [9, 11]), ("condition", [9]), ("result", [10, 11]), ("call", [8]), ("text", [8])]
)
def test_each_kind_is_found_where_it_stands(kind: str, lines: list[int]) -> None:
    assert [change.line for change in changes(SOURCE) if change.kind == kind] == lines


def test_each_change_is_one_and_can_be_run() -> None:
    sources = [change.source for change in changes(SOURCE)]

    assert len(set(sources)) == len(sources)
    assert ast.unparse(ast.parse(SOURCE)) not in sources
    for source in sources:
        compile(source, "changed", "exec")


def test_no_docstring_and_no_annotation_is_changed() -> None:
    for change in changes(SOURCE):
        assert '"""A file."""' in change.source
        assert "count: 'int'" in change.source


def test_a_few_are_chosen_of_each_kind_in_turn_and_the_same_each_time() -> None:
    found = changes(SOURCE)

    few = chosen(found, len(KINDS), "a/file.py")

    assert [change.kind for change in few] == list(KINDS)
    assert few == chosen(found, len(KINDS), "a/file.py")

"""The folder of a stack: one stack uses it, and says where its front is."""

from pathlib import Path

import pytest

from cli.errors import Problem
from cli.local_stack.state_folder import front_of, sole_user


@pytest.mark.trial("D12")
def test_the_doctor_finds_the_front_of_the_demo_at_its_port(tmp_path: Path) -> None:
    before = front_of(tmp_path)
    with sole_user(tmp_path, "http://127.0.0.1:8017/api/v1"):
        during = front_of(tmp_path)

    assert (before, during, front_of(tmp_path)) == (None, "http://127.0.0.1:8017/api/v1", None)


def test_a_second_stack_in_the_same_folder_is_refused_and_one_after_it_is_not(tmp_path: Path) -> None:
    with (
        sole_user(tmp_path, "http://127.0.0.1:1/api/v1"),
        pytest.raises(Problem, match="--state"),
        sole_user(tmp_path, "http://127.0.0.1:2/api/v1"),
    ):
        pass
    with sole_user(tmp_path / "new", "http://127.0.0.1:3/api/v1"):
        assert front_of(tmp_path / "new") == "http://127.0.0.1:3/api/v1"
        assert front_of(tmp_path) is None


def test_a_folder_that_is_not_there_has_no_front(tmp_path: Path) -> None:
    assert front_of(tmp_path / "none") is None

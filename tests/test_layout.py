"""Each product file has a test file of its name, so that who changes one knows what to run."""

import pytest

from tests.layout import PRODUCT, ROOT, SLOW, WITHOUT_OWN_TESTS, own_tests, product_files

MOST_EXCEPTIONS = 0.10


def without_own_tests(package: str) -> list[str]:
    return [file for file in product_files(package) if not (ROOT / own_tests(file)).exists()]


@pytest.mark.parametrize("package", PRODUCT)
def test_a_product_file_has_a_test_file_of_its_name_or_a_reason(package: str) -> None:
    unexplained = [
        f"{file} has no {own_tests(file)}" for file in without_own_tests(package) if file not in WITHOUT_OWN_TESTS
    ]

    assert {f"{file} has no {own_tests(file)}" for file in unexplained} == set()


@pytest.mark.parametrize("package", PRODUCT)
def test_few_product_files_have_a_reason_in_place_of_tests(package: str) -> None:
    files = product_files(package)
    excepted = without_own_tests(package)

    assert len(excepted) <= MOST_EXCEPTIONS * len(files), excepted


def test_the_list_of_reasons_has_no_file_that_is_gone_or_has_its_tests() -> None:
    missing = {file for package in PRODUCT for file in without_own_tests(package)}

    assert set(WITHOUT_OWN_TESTS) <= missing


def test_each_slow_test_file_is_there() -> None:
    assert [file for file in SLOW if not (ROOT / "tests" / file).is_file()] == []

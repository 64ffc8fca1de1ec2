"""Which test file belongs to which product file: of the same name, in the same room below tests/."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("bridge", "mcp_front", "ib_worker", "cli", "ibgateway")

# Product files, or folders of them, without a test file of their name, and why.
MOVES_NEXT = "moves next"
WITHOUT_OWN_TESTS = {
    "bridge/": MOVES_NEXT,
    "mcp_front/": MOVES_NEXT,
    "cli/": MOVES_NEXT,
    "ibgateway/": MOVES_NEXT,
    "ib_worker/": MOVES_NEXT,
}


def product_files(*packages: str) -> list[str]:
    """The product's modules below the root; an `__init__.py` has no promise of its own."""
    files = (path for package in packages or PRODUCT for path in sorted((ROOT / package).rglob("*.py")))
    return [path.relative_to(ROOT).as_posix() for path in files if path.name != "__init__.py"]


def own_tests(product_file: str) -> str:
    """`tests/ib_worker/orders/test_state.py` of `ib_worker/orders/state.py`; `test_main.py` of a `__main__.py`."""
    folder, name = product_file.rsplit("/", 1)
    return f"tests/{folder}/test_{name.removesuffix('.py').strip('_')}.py"


def is_listed(product_file: str, reason: str | None = None) -> bool:
    """Whether the list has the file, or its folder, and for that reason where one is given."""
    return any(
        product_file == listed or (listed.endswith("/") and product_file.startswith(listed))
        for listed, why in WITHOUT_OWN_TESTS.items()
        if reason in (None, why)
    )

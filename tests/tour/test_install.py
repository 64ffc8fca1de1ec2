"""What `make` does before anything else: the environment from the locks, made once and made again when they change."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The installer, with locks and an environment of its own."""
    spec = importlib.util.spec_from_file_location("install", ROOT / "requirements" / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("local", "dev", "uv"):
        (tmp_path / f"{name}.txt").write_text(name, encoding="utf-8")
    monkeypatch.setattr(module, "LOCKS", tmp_path)
    monkeypatch.setattr(module, "INSTALLER", tmp_path / "uv.txt")
    monkeypatch.setattr(module, "STAMP", tmp_path / "installed")
    return module


def stamp(install: ModuleType, level: str) -> None:
    install.STAMP.write_text(f"{level} {install.digest(level)}\n{install.origin()}\n", encoding="utf-8")


def test_nothing_is_current_before_anything_is_installed(install: ModuleType) -> None:
    assert not install.is_current("local")


def test_what_is_installed_is_current_until_its_lock_changes(install: ModuleType) -> None:
    stamp(install, "local")
    before = install.is_current("local")

    (install.LOCKS / "local.txt").write_text("another", encoding="utf-8")

    assert before
    assert not install.is_current("local")


def test_the_tests_packages_are_enough_for_the_demo_and_not_the_other_way_round(install: ModuleType) -> None:
    stamp(install, "dev")
    demo = install.is_current("local")
    stamp(install, "local")

    assert demo
    assert not install.is_current("dev")


def test_an_environment_that_was_moved_is_made_anew(install: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp(install, "local")

    monkeypatch.setattr(install, "VENV", install.VENV.parent / "elsewhere" / ".venv")

    assert not install.is_current("local")
    assert not install.is_usable()


def test_an_old_python_is_told_what_is_needed(install: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "OLDEST", (99, 0))

    with pytest.raises(install.Missing, match=r"Python 99\.0 or newer is needed, and .* make demo PYTHON="):
        install.need_python()


def test_an_upgraded_installer_installs_anew(install: ModuleType) -> None:
    stamp(install, "local")

    install.INSTALLER.write_text("uv==99", encoding="utf-8")

    assert not install.is_current("local")

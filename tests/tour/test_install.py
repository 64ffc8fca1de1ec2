"""What `make` does before anything else: the environment from the locks, made once and made again when they change."""

import hashlib
import importlib.util
import subprocess
import sys
import zipfile
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


def wheel(folder: Path, name: str, *metadata: str, version: str = "1.0") -> str:
    """Make a wheel with one module; returns its line of a lock."""
    told = "\n".join(("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata))
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as files:
        files.writestr(f"{name}.py", "")
        files.writestr(f"{info}/METADATA", told)
        files.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any")
        files.writestr(f"{info}/RECORD", "")
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def without_uv(install: ModuleType, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment in which there is pip alone, and these wheels alone to be had."""
    venv = wheels / "venv"
    monkeypatch.setattr(install, "VENV", venv)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    subprocess.run((sys.executable, "-m", "venv", venv), check=True)
    return venv


def test_pip_takes_a_lock_that_uv_could_not_install(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        wheel(tmp_path, "tool", "Requires-Dist: parts[more]"),  # a lock names what it needs without the brackets
        wheel(tmp_path, "parts", "Provides-Extra: more"),
    ]
    wheel(tmp_path, "parts", "Provides-Extra: more", version="2.0")  # which pip would choose where it is to resolve
    (install.LOCKS / "local.txt").write_text("\n".join(lines), encoding="utf-8")
    venv = without_uv(install, tmp_path, monkeypatch)

    install.install(install.LOCKS / "local.txt")

    subprocess.run((venv / "bin" / "python", "-c", "import tool, parts"), check=True)


@pytest.mark.parametrize("hashed", [True, False])
def test_pip_refuses_what_is_not_what_was_locked(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hashed: bool
) -> None:
    locked = wheel(tmp_path, "tool")
    (install.LOCKS / "local.txt").write_text(locked if hashed else locked.split()[0], encoding="utf-8")
    wheel(tmp_path, "tool", "Summary: another")
    without_uv(install, tmp_path, monkeypatch)

    with pytest.raises(subprocess.CalledProcessError):
        install.install(install.LOCKS / "local.txt")

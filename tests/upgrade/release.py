"""A checkout of this project with an environment of its own, and the stack's processes run from it."""

import io
import os
import signal
import subprocess
import sys
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen, run

RELEASE = "49715a2d"  # the last commit of 0.1.0
ROOT = Path(__file__).resolve().parents[2]
END_S = 30
SHOWN_BYTES = 65_536


@dataclass(frozen=True)
class Release:
    """One release: its folder, and the Python with its packages."""

    folder: Path
    python: str

    def command(self, *arguments: str, **environment: str) -> str:
        """Run a command of the operator to its end and return what it wrote."""
        done = run(
            [self.python, "-m", "cli", *arguments],
            cwd=self.folder,
            env=os.environ | environment,
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            check=False,
            text=True,
            timeout=END_S,
        )
        if done.returncode:
            raise AssertionError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stdout}")
        return done.stdout

    def typed(self, answer: str, *arguments: str) -> str:
        """Run a command of the operator at a terminal on which the answer is typed; return what the terminal shows."""
        person, program = os.openpty()
        try:
            running = Popen(
                [self.python, "-m", "cli", *arguments], cwd=self.folder, stdin=program, stdout=program, stderr=program
            )
            os.write(person, f"{answer}\n".encode())
            status = running.wait(END_S)
            shown = os.read(person, SHOWN_BYTES).decode()
        finally:
            os.close(person)
            os.close(program)
        if status:
            raise AssertionError(f"{' '.join(arguments)} ended with {status}: {shown}")
        return shown

    def started(self, log: Path, module: str, *arguments: str, **environment: str) -> Popen[bytes]:
        with log.open("ab") as written:
            return Popen(
                [self.python, "-m", module, *arguments],
                cwd=self.folder,
                env=os.environ | environment,
                stdout=written,
                stderr=STDOUT,
            )


HERE = Release(ROOT, sys.executable)


def checked_out(commit: str, folder: Path) -> Release:
    """Unpack a commit and install its locked packages. Raises CalledProcessError where it or a package is missing."""
    packed = run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    run([sys.executable, "requirements/install.py", "local"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return Release(folder, str(folder / ".venv" / "bin" / "python"))


def ended(*processes: Popen[bytes]) -> None:
    """End processes as a supervisor does, with SIGTERM, the first one first."""
    for each in processes:
        with suppress(ProcessLookupError):
            each.send_signal(signal.SIGTERM)
        each.wait(END_S)

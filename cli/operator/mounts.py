"""The lifetime of a folder: whether it survives the container, pod or machine, by the kernel's list of mounts."""

from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")  # proc_pid_mountinfo(5)
FLEETING = {
    "tmpfs": "memory",
    "ramfs": "memory",
    "overlay": "this container's own layer",
}
EMPTY_DIR = "kubernetes.io~empty-dir"  # a pod's scratch volume, in the path of its source


def lost_with_mount(folder: Path, mounts: str | None = None) -> str:
    """Return the thing that `folder` is lost with; empty where it lasts, and where the system (macOS) does not tell."""
    if mounts is None:
        mounts = MOUNTS.read_text(encoding="utf-8") if MOUNTS.exists() else ""
    whole, longest, lost_with = folder.resolve(), -1, ""
    for line in mounts.splitlines():
        place, _, kind = line.partition(" - ")
        source, point = (part.replace("\\040", " ") for part in place.split()[3:5])
        if len(point) >= longest and whole.is_relative_to(point):  # of two at one point the later one is seen
            longest = len(point)
            lost_with = "the pod's scratch volume" if EMPTY_DIR in source else FLEETING.get(kind.split()[0], "")
    return lost_with

"""Whether a folder outlives its container, by the kernel's list of mounts."""

from pathlib import Path

import pytest

from cli.operator.mounts import lost_with_mount

CONTAINER = """\
1 0 0:60 / / ro,relatime - overlay overlay ro,lowerdir=/x
2 1 0:63 / /tmp rw,nosuid - tmpfs tmpfs rw,size=65536k
3 1 254:1 /home/anna/the\\040audit /audit rw - ext4 /dev/vda1 rw
4 1 254:1 /var/lib/kubelet/pods/7f/volumes/kubernetes.io~empty-dir/scratch /scratch rw - ext4 /dev/vda1 rw
"""


@pytest.mark.parametrize(
    ("folder", "lost_with"),
    [("/tmp/audit", "memory"), ("/srv", "this container's own layer"), ("/scratch/a", "the pod's scratch volume"),
     ("/audit", ""), ("/audit/2026", ""), ("/auditing", "this container's own layer")],
)  # fmt: skip
def test_what_a_container_loses_is_told_by_its_mounts(folder: str, lost_with: str) -> None:
    assert lost_with_mount(Path(folder), CONTAINER) == lost_with

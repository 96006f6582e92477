import os
from pathlib import Path

import pytest

from condafs.builder.archives import Archive
from condafs.builder.failure import BuildError
from condafs.builder.protocol import TRANSIENT_KINDS
from condafs.builder.room import require_room


def archive(size_bytes: int) -> Archive:
    return Archive("https://example.invalid/noarch/zz-big-1.0-0.conda", size_bytes=size_bytes)


def test_what_fits_is_let_through(tmp_path: Path) -> None:
    require_room([archive(1000)], [archive(1000), archive(1 << 60)], tmp_path, tmp_path)
    require_room([], [archive(1 << 60)], tmp_path, tmp_path)


def test_what_cannot_fit_is_refused_with_what_is_missing_and_what_helps(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    with pytest.raises(
        BuildError, match=r"needs at least .* for 2 packages, .* are free on .*: condafs du .* condafs gc"
    ) as caught:
        require_room([archive(free // 2), archive(free // 2)], [], tmp_path, tmp_path)
    assert caught.value.kind in TRANSIENT_KINDS


def test_on_another_disk_all_of_the_environment_is_copied(tmp_path: Path) -> None:
    other = Path("/proc")  # another filesystem on every Linux, and one without room
    require_room([], [], tmp_path, other)
    with pytest.raises(BuildError, match="for 1 packages, 0 B are free on /proc"):
        require_room([], [archive(1)], tmp_path, other)

"""Mount points and what is in their way."""

import os
from pathlib import Path

import pytest

from condafs.errors import MachineError
from condafs.filesystem import mounting
from condafs.filesystem.mounting import Mount, mount_at, mount_options, parse_mountinfo, require_device, require_free

MOUNTINFO = (
    b"22 1 0:20 / /proc rw,relatime - proc proc rw\n"
    b"90 1 0:50 / /envs rw,nosuid,nodev - fuse.condafs condafs rw,user_id=0\n"
    b"91 1 0:51 / /home/a\\040b/\\303\\251 rw shared:1 - fuse.sshfs host:/ rw\n"
    b"92 1 0:52 / /envs rw - tmpfs tmpfs rw\n"
    b"broken line\n"
)


def test_mountinfo_is_read_with_its_octal_escapes() -> None:
    assert parse_mountinfo(MOUNTINFO) == [
        Mount("0:20", Path("/proc"), "proc", "proc"),
        Mount("0:50", Path("/envs"), "fuse.condafs", "condafs"),
        Mount("0:51", Path("/home/a b/é"), "fuse.sshfs", "host:/"),
        Mount("0:52", Path("/envs"), "tmpfs", "tmpfs"),
    ]


def test_a_place_is_found_below_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "home").symlink_to("data")
    info = tmp_path / "mountinfo"
    info.write_bytes(f"90 1 0:50 / {tmp_path}/data/envs rw - fuse.condafs condafs rw\n".encode())
    monkeypatch.setattr(mounting, "MOUNTINFO", info)
    found = mount_at(tmp_path / "home/envs")
    assert found
    assert found.device == "0:50"


def test_it_is_known_whether_others_are_let_in() -> None:
    line = "40 30 0:52 / /envs rw,nosuid - fuse.condafs condafs rw,user_id=0,group_id=0,default_permissions{}\n"
    text = line.format("") + line.format(",allow_other") + "41 30 0:53 / /x rw - proc proc\n"
    assert [mount.is_shared for mount in parse_mountinfo(text.encode())] == [False, True, False]


def test_the_last_mount_at_a_place_is_the_one_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "mountinfo"
    info.write_bytes(MOUNTINFO)
    monkeypatch.setattr(mounting, "MOUNTINFO", info)
    assert mount_at(Path("/envs")) == Mount("0:52", Path("/envs"), "tmpfs", "tmpfs")
    assert mount_at(Path("/nowhere")) is None


def test_only_our_own_mounts_are_ours() -> None:
    assert [mount.is_condafs for mount in parse_mountinfo(MOUNTINFO)] == [False, True, False, False]


def test_a_missing_mount_point_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"does not exist: mkdir -p .*envs"):
        require_free(tmp_path / "envs")


def test_a_file_is_no_mount_point(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="not a directory"):
        require_free(tmp_path / "file")


def test_what_is_in_a_directory_is_not_hidden(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="not empty"):
        require_free(tmp_path)


def test_an_empty_directory_is_a_mount_point(tmp_path: Path) -> None:
    require_free(tmp_path)


def test_without_fuse_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounting, "FUSE_DEVICE", tmp_path / "fuse")
    with pytest.raises(MachineError, match="modprobe fuse"):
        require_device()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_a_device_for_others_only_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounting, "FUSE_DEVICE", Path("/dev/console"))
    with pytest.raises(MachineError, match="not for you"):
        require_device()


def test_without_fusermount_it_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounting.shutil, "which", lambda *_args, **_kwargs: None)
    with pytest.raises(MachineError, match="install the package fuse3"):
        mounting.fusermount()


def test_an_ordinary_user_needs_permission_to_let_others_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = tmp_path / "fuse.conf"
    monkeypatch.setattr(mounting, "FUSE_CONFIGURATION", configuration)
    monkeypatch.setattr(mounting.os, "geteuid", lambda: 1000)
    for text in (None, "#user_allow_other\n"):
        if text:
            configuration.write_text(text)
        with pytest.raises(MachineError, match="user_allow_other"):
            mount_options(allow_other=True)
    configuration.write_text("mount_max = 7\n user_allow_other \n")
    assert "allow_other" in mount_options(allow_other=True)


def test_the_kernel_checks_permissions() -> None:
    assert mount_options(allow_other=False) == {"fsname=condafs", "subtype=condafs", "default_permissions"}

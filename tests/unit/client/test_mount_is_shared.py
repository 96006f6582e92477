from pathlib import Path

from condafs.client.mountpoint import is_shared

MOUNTINFO = (
    "42 27 0:39 / /envs rw,nosuid - fuse.condafs condafs rw,user_id=0,group_id=0,default_permissions,allow_other\n"
    "43 27 0:40 / /home/ann/my\\040envs rw,nosuid - fuse.condafs condafs rw,user_id=1000,default_permissions\n"
    "44 27 0:41 / /tmp rw - tmpfs tmpfs rw\n"
)


def test_what_others_may_use_is_shared() -> None:
    assert is_shared(Path("/envs"), MOUNTINFO)
    assert not is_shared(Path("/home/ann/my envs"), MOUNTINFO)
    assert not is_shared(Path("/tmp"), MOUNTINFO)  # noqa: S108 - a name

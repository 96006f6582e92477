"""A daemon is killed and another takes its mount over: nobody who uses the mount notices more than a pause.

Who uses the mount while no daemon is there is a process of its own: this one starts daemons, and a fork of a process
that has files of the mount open waits for the daemon when it closes them.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from condafs.filesystem.ledger import Ledger
from condafs.filesystem.mounting import mount_at, unmount
from condafs.filesystem.records import MARK, read_records, record
from tests.mounted.conftest import specification, until
from tests.mounted.keeper import Keeper


class Service(Keeper):
    """A daemon that is to be taken over from."""

    def __init__(self, directory: Path) -> None:
        self.mount, self.state = directory / "envs", directory / "state"
        self.mount.mkdir()
        self.actors: list[subprocess.Popen[str]] = []
        program = [sys.executable, "-m", "tests.mounted.scripted", str(self.mount), str(self.state), "--take-over"]
        super().__init__(program, directory)

    @property
    def specs(self) -> Path:
        return self.mount / ".specs"

    def build(self, *dependencies: str, name: str = "foo") -> str:
        """Have it built; where the name leads then."""
        before = os.readlink(self.mount / name) if os.path.lexists(self.mount / name) else ""
        (self.specs / f"{name}.yaml").write_text(specification(*dependencies, name=name))
        until(lambda: os.path.lexists(self.mount / name) and os.readlink(self.mount / name) != before, "it is built")
        return os.readlink(self.mount / name)

    def kill_and_start(self) -> None:
        self.kill()
        self.start()

    def act(self, program: str, *arguments: object) -> "subprocess.Popen[str]":
        """A process that uses the mount: it says something, waits for a line, and says the rest."""
        actor = subprocess.Popen(
            [sys.executable, "-c", f"import os, select, sys\n{program}", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.actors.append(actor)
        assert actor.stdout
        assert actor.stdout.readline()
        return actor

    def end_actors(self) -> None:
        for actor in self.actors:
            with actor:
                actor.kill()

    def status(self, name: str = "foo") -> dict[str, object]:
        document = yaml.safe_load((self.mount / ".status" / name).read_text())
        assert isinstance(document, dict)
        return document


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    try:
        service.start()
        yield service
        assert "Traceback" not in service.log.read_text()
    finally:
        service.close()
        service.end_actors()
        while mount_at(service.mount):
            unmount(service.mount)


def test_the_mount_is_the_same_after_a_kill(service: Service) -> None:
    before = mount_at(service.mount)
    link = service.build("python")
    service.kill_and_start()
    assert mount_at(service.mount) == before
    assert os.readlink(service.mount / "foo") == link
    assert service.build("python", "numpy") != link


def test_a_name_that_the_kernel_remembers_leads_on_while_no_daemon_is_there(service: Service) -> None:
    link = service.build("python")
    assert (service.mount / "foo" / "specification").read_text()
    service.kill()
    # Without a request: nobody could answer it.
    assert os.readlink(service.mount / "foo") == link
    assert (service.mount / "foo" / "specification").read_text()
    service.start()


def test_a_name_that_moved_while_it_could_not_be_told_is_not_remembered(service: Service) -> None:
    first = service.build("python")
    second = service.build("python", "numpy")
    assert os.readlink(service.mount / "foo") == second
    service.kill_and_start()
    subprocess.run(["ln", "-sfn", "foo@-1", service.mount / "foo"], check=True)
    assert os.readlink(service.mount / "foo") == first
    service.kill_and_start()
    assert os.readlink(service.mount / "foo") == first


def test_a_name_moves_on_when_the_process_that_makes_the_kernel_forget_was_killed(service: Service) -> None:
    first = service.build("python")
    assert service.process
    pid = service.process.pid
    children = [
        int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()
    ]
    forgetters = [child for child in children if b"forgetter.py" in Path(f"/proc/{child}/cmdline").read_bytes()]
    assert len(forgetters) == 1
    os.kill(forgetters[0], signal.SIGKILL)
    assert service.build("python", "numpy") != first
    assert "another took its place" in service.log.read_text()


def test_a_working_directory_survives(service: Service) -> None:
    service.build("python")
    for place in (service.mount, service.specs, service.mount / ".status", service.mount / ".history" / "foo"):
        before = subprocess.run(["ls", "-i"], cwd=place, capture_output=True, check=True).stdout
        shell = subprocess.Popen(
            ["sh", "-c", "read -r x; exec ls -i"], cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        service.kill_and_start()
        output, _ = shell.communicate(b"\n")
        assert shell.returncode == 0
        assert output == before


def finish(actor: "subprocess.Popen[str]") -> str:
    output, _ = actor.communicate("\n", timeout=20)
    assert actor.returncode == 0
    return output


READ_ON = """
with open(sys.argv[1], "rb", buffering=0) as file:
    content = file.read(10)
    print("begun", flush=True)
    input()
    while piece := file.read(1 << 20):
        content += piece
    sys.stdout.write(content.hex())
"""


def test_open_files_read_on(service: Service) -> None:
    service.build("python")
    places = [
        service.mount / ".status" / "foo",
        service.specs / "foo.yaml",
        next((service.mount / ".logs").iterdir()),
        service.mount / "foo.tar",
    ]
    expected = [place.read_bytes().hex() for place in places]
    readers = [service.act(READ_ON, place) for place in places]
    service.kill_and_start()
    assert [finish(reader) for reader in readers] == expected


def test_a_status_that_was_opened_before_a_kill_is_that_of_its_moment(service: Service) -> None:
    service.build("python")
    status = service.mount / ".status" / "foo"
    content = status.read_bytes()
    reader = service.act(READ_ON, status)
    service.build("python", "numpy")
    service.kill_and_start()
    assert finish(reader) == content.hex()
    assert status.read_bytes() != content


def test_a_file_that_was_replaced_or_removed_while_it_was_open_is_read_on(service: Service) -> None:
    (service.specs / "replaced.md").write_text("the old content")
    (service.specs / "removed.md").write_text("also gone")
    readers = [service.act(READ_ON, service.specs / name) for name in ("replaced.md", "removed.md")]
    (service.specs / "new").write_text("the new one")
    (service.specs / "new").rename(service.specs / "replaced.md")
    (service.specs / "removed.md").unlink()
    service.kill_and_start()
    assert (service.specs / "replaced.md").read_text() == "the new one"
    assert [finish(reader) for reader in readers] == [b"the old content".hex(), b"also gone".hex()]
    until(lambda: not os.listdir(service.state / "open"), "what is closed is gone")


LIST_ON = """
with os.scandir(sys.argv[1]) as listing:
    print(next(listing).name, flush=True)
    input()
    print(*(entry.name for entry in listing))
"""


def test_an_open_directory_is_listed_on(service: Service) -> None:
    for number in range(300):
        (service.specs / f"note-{number}.md").write_text("x")
    lister = service.act(LIST_ON, service.specs)
    service.kill_and_start()
    names = finish(lister).split()
    assert len(names) == 299
    assert set(names) < set(os.listdir(service.specs))


WRITE_ON = """
with open(sys.argv[1], "w") as file:
    file.write(sys.argv[2][:30])
    file.flush()
    print("begun", flush=True)
    input()
    file.write(sys.argv[2][30:])
"""


def test_what_is_being_written_is_submitted_when_it_is_whole(service: Service) -> None:
    before = service.build("python")
    text = specification("python", "numpy")
    writer = service.act(WRITE_ON, service.specs / "foo.yaml", text)
    service.kill_and_start()
    assert os.readlink(service.mount / "foo") == before
    assert service.status()["state"] == "ready"
    finish(writer)
    until(lambda: os.readlink(service.mount / "foo") != before, "it is submitted")
    assert (service.specs / "foo.yaml").read_text() == text


def test_a_file_that_was_only_opened_to_write_is_written_on(service: Service) -> None:
    program = WRITE_ON.replace("file.write(sys.argv[2][:30])", "").replace("[30:]", "")
    writer = service.act(program, service.specs / "late.yaml", specification("python", name="late"))
    service.kill_and_start()
    finish(writer)
    until(lambda: os.path.lexists(service.mount / "late"), "it is built")


OPEN = """
with open(sys.argv[1], "w"):
    print("begun", flush=True)
    input()
"""


def test_an_open_that_was_noted_and_never_answered_keeps_nothing_from_being_built(service: Service) -> None:
    writer = service.act(OPEN, service.specs / "foo.yaml")
    service.kill()
    ledger = Ledger.open(service.ledger)
    ((inode, how),) = ledger.opened.values()
    ledger.note_opened(1000, inode, how)
    if how.has_written:
        ledger.note_written(1000)
    ledger.flush()
    service.start()
    finish(writer)
    service.build("python")


ASKS = {
    "print(open(sys.argv[1] + '/.status/foo').read())": "ready",
    "open(sys.argv[1] + '/.specs/other.md', 'w').write('{}'); print('written')": "written",
    "print(len(os.listdir(sys.argv[1] + '/.specs')))": "",
    "os.rename(sys.argv[1] + '/.specs/a.md', sys.argv[1] + '/.specs/b.md'); print('moved')": "moved",
}


def test_who_asks_while_no_daemon_is_there_is_answered_by_the_next(service: Service) -> None:
    service.build("python")
    (service.specs / "a.md").write_text("a")
    service.kill()
    actors = [service.act(f"print('here', flush=True)\n{program}", service.mount) for program in ASKS]
    until(lambda: all(waits_for_an_answer(actor.pid) for actor in actors), "they wait")
    service.start()
    for actor, expected in zip(actors, ASKS.values(), strict=True):
        assert expected in finish(actor)
    assert (service.specs / "b.md").read_text() == "a"


def waits_for_an_answer(pid: int) -> bool:
    return "request_wait_answer" in Path(f"/proc/{pid}/stack").read_text() or Path(
        f"/proc/{pid}/wchan"
    ).read_text().endswith("request_wait_answer")


WORK = """
from pathlib import Path
specs, count = Path(sys.argv[1]) / ".specs", 0
print("begun", flush=True)
while not select.select([0], [], [], 0)[0]:
    path = specs / f"x{count % 7}.md"
    path.write_text(str(count))
    assert path.read_text() == str(count)
    path.rename(specs / "y.md")
    (specs / "y.md").unlink()
    (specs / "d").mkdir()
    (specs / "d").rmdir()
    os.symlink("somewhere", specs / "l")
    os.link(specs / "l", specs / "m", follow_symlinks=False)
    os.unlink(specs / "l")
    os.unlink(specs / "m")
    count += 1
print(count)
"""

LOOK = """
from pathlib import Path
mount, count = Path(sys.argv[1]), 0
print("begun", flush=True)
while not select.select([0], [], [], 0)[0]:
    assert "state" in (mount / ".status" / "foo").read_text()
    assert os.readlink(mount / "foo") == sys.argv[2]
    count += 1
print(count)
"""


def test_work_goes_on_over_kills_without_an_error(service: Service) -> None:
    link = service.build("python")
    actors = [service.act(WORK, service.mount), service.act(LOOK, service.mount, link)]
    for number in range(10):
        until(partial(file_of, service, number), "work goes on")
        service.kill_and_start()
    counts = [int(finish(actor)) for actor in actors]
    assert min(counts) > 10  # each is a dozen requests


def file_of(service: Service, number: int) -> bool:
    """Let some work be done between kills: a different stretch each time."""
    for _ in range(number * 10):
        os.listdir(service.mount)
    return True


def remove_twice(service: Service, path: Path) -> None:
    """As the kernel asks for it twice when a daemon is killed before it answers."""
    path.unlink()
    service.kill_and_start()
    path.unlink()


def test_builds_that_are_asked_to_be_removed_twice_are_removed_once(service: Service) -> None:
    builds = [service.build("python", *more) for more in ([], ["numpy"], ["scipy"])]
    remove_twice(service, service.mount / "foo@-1")
    left = [build for build in builds if os.path.lexists(service.mount / Path(build).name)]
    assert left == [builds[0], builds[2]]


@pytest.mark.parametrize("place", ["", ".logs"])
def test_a_build_that_is_asked_to_be_cancelled_twice_is_cancelled_once(service: Service, place: str) -> None:
    text = f"{specification('python')}variables:\n  SCRIPT: hang\n"
    (service.specs / "foo.yaml").write_text(text)
    logs = service.mount / ".logs"
    until(lambda: bool(os.listdir(logs)), "it is begun")
    (log,) = logs.iterdir()
    remove_twice(service, log if place else service.mount / log.stem)
    assert service.status()["state"] == "cancelled"
    assert log.exists()
    log.unlink()
    assert not log.exists()


def test_an_orderly_restart_keeps_the_mount(service: Service) -> None:
    before = mount_at(service.mount)
    link = service.build("python")
    assert service.end() == 0
    assert mount_at(service.mount) == before
    service.start()
    assert mount_at(service.mount) == before
    assert os.readlink(service.mount / "foo") == link


def change_handshake(service: Service) -> None:
    records = list(read_records(service.ledger.read_bytes()))
    answer = max(position for position, (kind, _, _) in enumerate(records) if kind == b"A")
    flipped = bytearray(records[answer][2])
    flipped[24] ^= 0x10  # of max_readahead
    records[answer] = b"A", 0, bytes(flipped)
    service.ledger.write_bytes(MARK + b"".join(record(*whole) for whole in records))


def test_another_handshake_is_refused_and_mounted_anew(service: Service) -> None:
    link = service.build("python")
    service.kill()
    change_handshake(service)
    service.start()
    assert "is not taken over" in service.log.read_text()
    assert "is taken over" not in service.log.read_text()
    assert os.readlink(service.mount / "foo") == link


def test_nothing_of_a_mount_that_is_not_taken_over_stays(service: Service) -> None:
    before = service.build("python")
    service.act(WRITE_ON, service.specs / "foo.yaml", specification("python", "numpy"))
    service.kill()
    change_handshake(service)
    service.start()
    assert service.build("python", "scipy") != before
    lister = service.act(LIST_ON, service.specs)
    service.kill_and_start()
    assert service.log.read_text().count("is taken over") == 1
    finish(lister)


@pytest.mark.parametrize("damage", ["lost", "garbage", "torn"])
def test_without_a_whole_ledger_it_is_mounted_anew_or_goes_on(service: Service, damage: str) -> None:
    link = service.build("python")
    service.kill()
    content = service.ledger.read_bytes()
    service.ledger.unlink()
    if damage != "lost":
        service.ledger.write_bytes(os.urandom(1000) if damage == "garbage" else content[:-5])
    service.start()
    assert os.readlink(service.mount / "foo") == link
    assert service.build("python", "numpy") != link


def test_without_room_for_a_ledger_the_daemon_starts_all_the_same(service: Service) -> None:
    link = service.build("python")
    service.kill()
    (service.runtime / ".ledger").mkdir()  # in the way of a new one
    service.start()
    assert "will not outlive this daemon" in service.log.read_text()
    assert not service.ledger.exists()
    assert os.readlink(service.mount / "foo") == link
    assert service.end() == 0
    (service.runtime / ".ledger").rmdir()
    service.start()
    assert os.readlink(service.mount / "foo") == link


def test_somebody_who_unmounts_it_ends_the_daemon_with_an_error(service: Service) -> None:
    unmount(service.mount)
    assert service.process is not None
    deadline = time.monotonic() + 20
    while service.process.poll() is None and time.monotonic() < deadline:
        service.listen()
    assert service.process.returncode not in (0, None)
    assert service.store == {}
    assert "unmounted" in service.log.read_text()


def test_a_mount_that_somebody_else_made_is_used(tmp_path: Path) -> None:
    from condafs.filesystem.connection import ask_for_mount  # noqa: PLC0415
    from condafs.filesystem.mounting import mount_options  # noqa: PLC0415

    service = Service(tmp_path)
    try:
        service.store["fuse"] = [ask_for_mount(service.mount, mount_options(allow_other=True))]
        before = mount_at(service.mount)
        service.start()
        assert mount_at(service.mount) == before
        link = service.build("python")
        service.kill_and_start()
        assert mount_at(service.mount) == before
        assert os.readlink(service.mount / "foo") == link
    finally:
        service.close()
        with contextlib.suppress(OSError):
            unmount(service.mount)


def test_a_hundred_kills_do_not_make_the_ledger_grow(service: Service) -> None:
    service.build("python")
    sizes = []
    for _ in range(6):
        for _ in range(50):
            os.listdir(service.mount)
            (service.mount / ".status" / "foo").read_text()
        service.kill_and_start()
        sizes.append(service.ledger.stat().st_size)
    assert sizes[-1] <= sizes[1] + 2000


def test_signals_of_the_end_are_obeyed_during_the_takeover(service: Service) -> None:
    service.kill()
    service.begin()
    assert service.end(signal.SIGTERM) in (0, -signal.SIGTERM)
    service.start()
    assert os.listdir(service.specs) == []

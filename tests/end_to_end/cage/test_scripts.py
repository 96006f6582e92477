"""Post-link scripts that mean harm: each is a harmless build in the end, or a failed one; nothing else is touched."""

import os
import platform
import resource
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from condafs.builder.cage.syscall_numbers import number_of
from condafs.builder.protocol import FailureKind
from condafs.prefix.inventory import read_inventory
from tests.channel.hostile import with_script
from tests.end_to_end.cage.cell import SOMEBODY, Cell

PTRACE = {"x86_64": 101, "aarch64": 117}.get(platform.machine(), 0)
SEIZE = 0x4206


def test_nothing_outside_can_be_changed(cell: Cell) -> None:
    places = [cell.victim, cell.builds / "other", cell.builds, cell.packages, cell.packages / "pkgs", cell.state]
    attempts = [
        f"attempt {place}" for place in (*places, "/tmp", "/etc", "/usr", "/dev/shm", "/var/tmp", "$HOME/../..")
    ]
    channel = cell.channel(
        with_script(
            "zz-writes",
            "attempt() {",
            '  (echo evil > "$1/new") && echo "WROTE $1/new"',
            '  (echo evil >> "$1/file") && echo "WROTE $1/file"',
            '  for what in "rm $1/file" "mv $1/file $1/m" "mkdir $1/d" "ln $1/file $1/hard" "truncate -s 0 $1/file"',
            '  do [ -e "$1/file" ] && $what && echo "DID $what"; done',
            '  for what in "ln -s x $1/soft" "mkfifo $1/p" "chmod 777 $1" "chmod 7 $1/file" "ln $1/file $PREFIX/taken"',
            '  do [ -e "$1" ] && $what && echo "DID $what"; done',
            "}",
            *attempts,
            "chmod 666 /etc/shadow && echo DID shadow",
            "exit 0",
        )
    )
    cell.make(channel, "zz-writes")
    assert "WROTE" not in cell.text
    assert "DID" not in cell.text
    assert not Path("/tmp/new").exists()
    assert stat.S_IMODE(Path("/etc/shadow").stat().st_mode) & 0o026 == 0


def test_nobodys_secrets_can_be_read(cell: Cell) -> None:
    files = [cell.victim / "secret", cell.state / "specs/ann.yaml", "/etc/shadow", "/root/.bashrc", "/proc/1/environ"]
    directories = [cell.victim, cell.builds / "other", cell.packages, "/root", "/home", "/tmp", "/var", "/srv", "/run"]
    channel = cell.channel(
        with_script(
            "zz-reads",
            *(f'cat "{path}" && echo "READ {path}"' for path in files),
            *(f'ls "{path}" && echo "LISTED {path}"' for path in directories),
            'cat "/proc/$PPID/environ" && echo "READ parent"',
            '[ -z "$(ls -A "$HOME")" ] && echo "home is empty"',
            "cd ~ && touch here && echo it is mine",
            "exit 0",
        )
    )
    cell.make(channel, "zz-reads")
    assert "READ" not in cell.text
    assert "LISTED" not in cell.text
    assert "home is empty" in cell.text
    assert "it is mine" in cell.text


def test_it_has_no_capability_and_gets_none_by_execution(cell: Cell) -> None:
    channel = cell.channel(with_script("zz-capable", "grep -E '^(Cap|NoNew)' /proc/self/status"))
    cell.make(channel, "zz-capable")
    for line in (
        "CapEff:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
    ):
        assert line in cell.text


def test_a_fork_bomb_is_ended(cell: Cell) -> None:
    channel = cell.channel(with_script("zz-bomb", "bomb() { bomb | bomb & }", "bomb", "sleep 3600"))
    failed = cell.fail(channel, "zz-bomb", process_limit=200)
    assert failed.kind is FailureKind.POST_LINK
    assert "more than 200 processes and threads (build-processes)" in failed.message
    assert "build-processes" in cell.text


def test_threads_count_as_well(cell: Cell) -> None:
    threads = "use threads; threads->create(sub { sleep 3600 }) for 1..500; sleep 3600"
    channel = cell.channel(with_script("zz-threads", f"perl -e '{threads}'"))
    assert "build-processes" in cell.fail(channel, "zz-threads", process_limit=50).message


def test_many_processes_one_after_the_other_are_no_bomb(cell: Cell) -> None:
    channel = cell.channel(with_script("zz-busy", "for i in $(seq 300); do /bin/true; done"))
    cell.make(channel, "zz-busy", process_limit=50)


def test_a_file_beyond_the_limit_ends_it(cell: Cell) -> None:
    channel = cell.channel(with_script("zz-fills", "exec cat /dev/zero > $PREFIX/large"))
    failed = cell.fail(channel, "zz-fills", file_bytes=8 << 20)
    assert failed.kind is FailureKind.POST_LINK
    assert "build-file-bytes" in failed.message


@pytest.fixture
def small_disk(cell: Cell) -> Iterator[Path]:
    """The cell's state directory is on a disk of 32 MB."""
    if os.geteuid():
        pytest.skip("mounting a small disk takes root")
    options = f"size=32m,uid={cell.uid},mode=755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(cell.state)], check=True)
    for path in (cell.builds, cell.builds / "other", cell.packages):
        path.mkdir()
        os.chown(path, cell.uid, cell.uid)
    (cell.builds / "other" / "file").write_text("kept\n")
    yield cell.state
    subprocess.run(["umount", "-l", str(cell.state)], check=True)


def test_a_disk_that_it_filled_is_called_full(cell: Cell, small_disk: Path) -> None:
    command = "i=0; while head -c 1000000 /dev/zero > $PREFIX/$i; do i=$((i + 1)); done; exit 1"
    failed = cell.fail(cell.channel(with_script("zz-fills-all", command)), "zz-fills-all")
    assert failed.kind is FailureKind.DISK_FULL
    assert small_disk.is_dir()


def test_the_wall_time_ends_it_with_all_that_it_started(cell: Cell) -> None:
    channel = cell.channel(with_script("zz-waits", "trap '' TERM HUP; setsid sleep 3600 & sleep 3600"))
    assert cell.fail(channel, "zz-waits", wall_seconds=3).kind is FailureKind.TIMEOUT


def test_nobody_else_can_be_signalled(cell: Cell) -> None:
    with subprocess.Popen(cell.as_user(["sleep", "600"])) as sleeper:
        channel = cell.channel(
            with_script(
                "zz-kills",
                f"kill -KILL {sleeper.pid} && echo REACHED {sleeper.pid}",
                "kill -KILL $PPID && echo REACHED parent",
                "for process in /proc/[0-9]*; do pid=${process#/proc/}",
                '  case "$(cut -d" " -f4 $process/stat)" in $$) continue;; esac',
                '  [ "$pid" = $$ ] || [ "$pid" = $BASHPID ] || ! kill -0 "$pid" || echo "REACHED $pid"; done',
                # Of a user with other processes this would be the end of the machine, should the cage leak.
                f"[ $(id -u) = {SOMEBODY} ] && kill -KILL -1",
                "echo is still here",
                "exit 0",
            )
        )
        cell.make(channel, "zz-kills")
        assert "REACHED" not in cell.text
        assert "is still here" in cell.text
        assert sleeper.poll() is None
        sleeper.kill()


def test_nobody_else_can_be_traced(cell: Cell) -> None:
    if not PTRACE:
        pytest.skip("the number of ptrace(2) is not known here")
    with subprocess.Popen(cell.as_user(["sleep", "600"])) as sleeper:
        trace = f"perl -e 'exit(syscall({PTRACE}, {SEIZE}, $ARGV[0]+0, 0, 0) ? 1 : 0)'"
        script = [
            "sleep 600 & ",
            f"{trace} $! && echo can trace its own",
            f"{trace} {sleeper.pid} && echo TRACED a stranger",
            f"{trace} $PPID && echo TRACED its warden",
            "exit 0",
        ]
        cell.make(cell.channel(with_script("zz-traces", *script)), "zz-traces")
        assert "can trace its own" in cell.text
        assert "TRACED" not in cell.text
        sleeper.kill()


def test_nobody_elses_limits_priority_and_processors_can_be_changed(cell: Cell) -> None:
    table = {name: number_of(name) for name in ("prlimit64", "setpriority", "sched_setaffinity", "ioprio_set")}
    assert all(table.values())
    with subprocess.Popen(cell.as_user(["sleep", "600"])) as sleeper:
        limits = Path(f"/proc/{sleeper.pid}/limits").read_text()
        nice, processors = os.getpriority(os.PRIO_PROCESS, sleeper.pid), os.sched_getaffinity(sleeper.pid)
        calls = [
            f"syscall({table['prlimit64']}, $pid, {resource.RLIMIT_CPU}, $new, 0)",
            f"syscall({table['prlimit64']}, $pid, {resource.RLIMIT_CORE}, $new, 0)",
            f"syscall({table['setpriority']}, 0, $pid, 19)",
            f"syscall({table['setpriority']}, 2, 0, 19)",
            f"syscall({table['sched_setaffinity']}, $pid, 8, $mask)",
            f"syscall({table['ioprio_set']}, 1, $pid, 3 << 13)",
            f"syscall({table['ioprio_set']}, 3, 0, 3 << 13)",
        ]
        lines = "".join(f"print qq(CHANGED {place}\\n) if {call} == 0;" for place, call in enumerate(calls))
        code = f"my $pid = shift() + 0; my $new = pack(q(QQ), 1000, 1000); my $mask = pack(q(Q), 1); {lines}"
        script = [
            *(f"perl -e '{code}' {pid}" for pid in (sleeper.pid, "$PPID", "$$")),
            "ulimit -c 0 && nice -n 3 true && echo may change its own",
            "exit 0",
        ]
        try:
            cell.make(cell.channel(with_script("zz-limits", *script)), "zz-limits")
            after = Path(f"/proc/{sleeper.pid}/limits").read_text()
            assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) == nice
            assert os.sched_getaffinity(sleeper.pid) == processors
        finally:
            sleeper.kill()
    assert "CHANGED" not in cell.text
    assert "may change its own" in cell.text
    assert after == limits


def test_there_is_no_ipc_of_system_v(cell: Cell) -> None:
    table = {name: number_of(name) for name in ("shmget", "semget", "msgget")}
    calls = {"shmget": "0, 4096, 01600", "semget": "0, 1, 01600", "msgget": "0, 01600"}
    script = [f"perl -e 'print qq(MADE {n}\\n) if syscall({table[n]}, {calls[n]}) != -1'" for n in calls]
    cell.make(cell.channel(with_script("zz-ipc", *script, "exit 0")), "zz-ipc")
    assert "MADE" not in cell.text


def test_what_it_leaves_running_ends_before_the_environment_is_sealed(cell: Cell) -> None:
    late = "$PREFIX/share/late"
    writer = f"while :; do echo x >> {late}; done"
    channel = cell.channel(
        with_script("zz-leaves", f"(setsid bash -c '{writer}') &", f"until [ -s {late} ]; do :; done")
    )
    prefix = cell.make(channel, "zz-leaves")
    [entry] = [entry for entry in read_inventory(prefix) if entry.path == "share/late"]
    assert (prefix / "share/late").stat().st_size == entry.size_bytes


def test_links_out_of_the_environment_stay_links(cell: Cell) -> None:
    mode = Path("/etc/shadow").stat().st_mode
    channel = cell.channel(
        with_script(
            "zz-plants",
            "ln -s /etc/shadow $PREFIX/share/shadow",
            f"ln -s {cell.victim}/secret $PREFIX/share/secret",
            f"ln -s {cell.victim} $PREFIX/share/directory",
            "ln -s / $PREFIX/share/root",
            "ln /etc/shadow $PREFIX/share/hard && echo LINKED",
            f"ln {cell.victim}/secret $PREFIX/share/hard2 && echo LINKED",
            "chmod -R 777 $PREFIX/share; chmod 4777 $PREFIX/share/shadow",
            "exit 0",
        )
    )
    prefix = cell.make(channel, "zz-plants")
    assert "LINKED" not in cell.text
    assert Path("/etc/shadow").stat().st_mode == mode
    assert stat.S_IMODE((cell.victim / "secret").stat().st_mode) == 0o644
    kinds = {entry.path: (entry.kind, entry.target) for entry in read_inventory(prefix)}
    assert kinds["share/shadow"] == ("l", "/etc/shadow")
    assert kinds["share/root"] == ("l", "/")
    assert not [path for path in kinds if path.startswith(("share/directory/", "share/root/"))]


@pytest.mark.parametrize("name", ["lib", "conda-meta", "bin"])
def test_a_link_where_sealing_writes_is_refused(cell: Cell, name: str) -> None:
    script = f"mv $PREFIX/{name} $PREFIX/away; ln -s {cell.victim} $PREFIX/{name}"
    package = with_script("zz-diverts", script, files=[])
    failed = cell.fail(cell.channel(package), "zz-diverts")
    assert failed.kind in (FailureKind.PACKAGE, FailureKind.POST_LINK)


def test_records_of_packages_cannot_be_forged(cell: Cell) -> None:
    forge = 'sed -i \'s#"extracted_package_dir": *"[^"]*"#"extracted_package_dir": "/etc"#\' $PREFIX/conda-meta/*.json'
    failed = cell.fail(cell.channel(with_script("zz-forges", forge)), "zz-forges")
    assert failed.kind is FailureKind.POST_LINK
    assert "zz-forges-1.0-0.json" in failed.message


def test_set_id_bits_are_never_there_for_others(cell: Cell) -> None:
    program = "$PREFIX/bin/su"
    make = "sysopen(F, shift, 0101, 06755) and print qq(MADE\\n)"
    channel = cell.channel(
        with_script(
            "zz-setuid",
            f"cp /bin/true {program}; chmod 6755 {program}; stat -c 'mode %a' {program}",
            f"perl -e '{make}' $PREFIX/bin/su2",
            "stat -c 'prefix %a' $PREFIX; chmod 755 $PREFIX; stat -c 'prefix %a' $PREFIX",
        )
    )
    prefix = cell.make(channel, "zz-setuid")
    assert "mode 755" in cell.text
    assert cell.text.count("prefix 700") == 2
    assert "MADE" not in cell.text
    assert stat.S_IMODE(prefix.stat().st_mode) == 0o555
    assert not [path for path in prefix.rglob("*") if path.lstat().st_mode & 0o6000]


@pytest.mark.parametrize(
    ("command", "words"),
    [("mkfifo $PREFIX/share/pipe", "a named pipe at share/pipe"), ("perl -MIO::Socket::UNIX -e 0", "")],
)
def test_what_is_neither_file_nor_directory_nor_link_is_refused(cell: Cell, command: str, words: str) -> None:
    channel = cell.channel(with_script("zz-odd", command))
    if words:
        failed = cell.fail(channel, "zz-odd")
        assert failed.kind is FailureKind.PACKAGE
        assert words in failed.message
    else:
        cell.make(channel, "zz-odd")


def test_no_device_can_be_made(cell: Cell) -> None:
    commands = [f"mknod $PREFIX/share/device {kind} && echo MADE" for kind in ("c 1 3", "b 8 0", "c 0 0")]
    cell.make(cell.channel(with_script("zz-device", *commands, "exit 0")), "zz-device")
    assert "MADE" not in cell.text


def test_there_is_no_network(cell: Cell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect = 'use Socket; socket(F, AF_UNIX, SOCK_STREAM, 0) and print "CONNECTED\\n"'
        script = [
            f"(exec 3<>/dev/tcp/127.0.0.1/{port}) && echo CONNECTED",
            f"(echo x > /dev/udp/127.0.0.1/{port}) && echo CONNECTED",
            f"perl -e '{connect}'",
            "exit 0",
        ]
        cell.make(cell.channel(with_script("zz-talks", *script)), "zz-talks")
    assert "CONNECTED" not in cell.text
    assert "Permission denied" in cell.text


OPENINGS = (
    "chmod u+w $F",
    "chmod 777 $F",
    "cd ${F%/*}; chmod 666 shared",
    "chmod -R u+w ${F%/*}",
    "perl -e 'open F, shift; chmod 0666, *F' $F",
    "ln $F $PREFIX/second; chmod 666 $PREFIX/second; F=$PREFIX/second",
    "ln -s $F $PREFIX/soft; chmod 666 $PREFIX/soft",
    "setfacl -m u::rw $F",
    'unshare -Ur sh -c "echo evil >> $F"',
    "perl -e 'truncate shift, 0' $F",
    "exec 3< $F; F=/proc/self/fd/3; chmod 666 $F; chmod 666 /dev/fd/3; chmod 666 $F",
    "exec 3< $F; rm $F; F=/proc/self/fd/3; chmod 666 $F",
)
"""Ways to get at the content of a read-only file of one's own."""


def test_the_package_cache_cannot_be_written_through_a_hard_link(cell: Cell) -> None:
    names = [f"zz-through-{number}" for number in range(len(OPENINGS))]
    packages = [
        with_script(name, f"F=$PREFIX/share/{name}/shared", opening, "echo evil >> $F", "exit 0")
        for name, opening in zip(names, OPENINGS, strict=True)
    ]
    cell.make(cell.channel(*packages), *names)
    for name in names:
        cached = cell.packages / f"pkgs/{name}-1.0-0/share/{name}/shared"
        assert cached.read_text() == "kept\n", name
        assert stat.S_IMODE(cached.stat().st_mode) & 0o222 == 0, name


def test_chmod_of_a_shared_file_does_what_it_says(cell: Cell) -> None:
    file = "$PREFIX/share/zz-chmod/shared"
    script = ["set -e", f"chmod 755 {file}", f"echo '#!/bin/sh' > {file}", f"echo 'echo it runs' >> {file}", file]
    prefix = cell.make(cell.channel(with_script("zz-chmod", *script)), "zz-chmod")
    assert "it runs" in cell.text
    assert (prefix / "share/zz-chmod/shared").read_text() == "#!/bin/sh\necho it runs\n"
    assert (cell.packages / "pkgs/zz-chmod-1.0-0/share/zz-chmod/shared").read_text() == "kept\n"


@pytest.mark.parametrize("name", ["history", "condafs.lock", "state"])
def test_what_condafs_writes_is_no_second_name_of_a_shared_file(cell: Cell, name: str) -> None:
    package = with_script("zz-names", f"ln -f $PREFIX/share/zz-names/shared $PREFIX/conda-meta/{name} && echo LINKED")
    cell.make(cell.channel(package), "zz-names")
    assert "LINKED" in cell.text
    assert (cell.packages / "pkgs/zz-names-1.0-0/share/zz-names/shared").read_text() == "kept\n"


DEEP = "perl -e 'chdir shift; for (1..1100) { mkdir q(a); chdir q(a) }'"


def test_directories_as_deep_as_they_like_end_with_their_build(cell: Cell) -> None:
    channel = cell.channel(
        with_script("zz-deep", f"{DEEP} $TMPDIR; {DEEP} $PREFIX; mkdir -m 000 $TMPDIR/closed", "exit 1"),
        with_script("zz-good", "exit 0"),
    )
    assert cell.fail(channel, "zz-deep").kind is FailureKind.POST_LINK
    cell.make(channel, "zz-good")
    assert os.listdir(cell.packages / ".drafts") == []


def test_directories_deeper_than_a_path_can_name_are_the_packages_fault(cell: Cell) -> None:
    channel = cell.channel(with_script("zz-deep", f"{DEEP.replace('1100', '3000')} $PREFIX"))
    failed = cell.fail(channel, "zz-deep")
    assert failed.kind is FailureKind.PACKAGE
    assert "so deep that no path is long enough" in failed.message


def test_how_the_machine_reaches_the_network_is_not_told(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "https://host.invalid")
    script = ['[ -z "$https_proxy$PIP_INDEX_URL" ] && echo "nothing is told"', "exit 0"]
    cell.make(cell.channel(with_script("zz-asks", *script)), "zz-asks")
    assert "nothing is told" in cell.text


def test_what_a_failing_script_says_does_not_look_like_an_event(cell: Cell) -> None:
    claim = 'zz is described by "x" of user 0'
    channel = cell.channel(with_script("zz-claims", f"echo '{claim}'", "exit 1"))
    assert claim in cell.fail(channel, "zz-claims").message
    told = [line.partition(" ")[2].partition(" ")[2] for line in cell.text.splitlines() if claim in line]
    assert told == [f"zz-claims | {claim}", f"| {claim}"]

"""Post-link scripts, run as conda runs them, one after the other, dependencies first.

rattler can run them too, but a failing one is no error there and its output is lost (shared experiment, py-rattler
0.28). Format of a package's script: `bin/.<name>-post-link.sh` (conda-build's documentation, "Link scripts").
"""

from collections.abc import Sequence
from pathlib import Path

from rattler.repo_data import PackageRecord, RepoDataRecord

from condafs.builder.cage.inmate import Order
from condafs.builder.events import Events
from condafs.builder.failure import BuildError, kind_of_text
from condafs.builder.programs import clean_environment, run
from condafs.builder.protocol import FailureKind, Phase, Progress
from condafs.builder.transcript import Transcript
from condafs.builder.workplace import Workplace
from condafs.prefix.walk import protect_shared_files

MESSAGES = ".messages.txt"
"""What a script wants people to read; conda prints and removes it."""


def run_post_link_scripts(
    records: Sequence[RepoDataRecord], prefix: Path, workplace: Workplace, events: Events, transcript: Transcript
) -> int:
    """Run the scripts of all packages that have one.

    Args:
        records: Installed packages.
        prefix: Where to.
        workplace: Where they run.
        events: Told how far it is.
        transcript: Gets their output.

    Returns:
        How many ran.

    Raises:
        BuildError: POST_LINK, naming the package, with the last of its output.
    """
    scripts = {name: prefix / "bin" / f".{name}-post-link.sh" for name in (r.name.normalized for r in records)}
    # Packages' files are never links here: one would run, as the daemon's user, what lies elsewhere.
    scripts = {name: script for name, script in scripts.items() if script.is_file() and not script.is_symlink()}
    if not scripts:
        return 0
    events.enter(Phase.POST_LINK)
    protect_shared_files(prefix)
    ordered = [r for r in PackageRecord.sort_topologically(list(records)) if r.name.normalized in scripts]
    for number, record in enumerate(ordered):
        name = record.name.normalized
        events.report(Progress(Phase.POST_LINK, name, number, len(ordered)), is_urgent=True)
        _run_script(scripts[name], record, prefix, workplace, transcript)
    return len(ordered)


def _run_script(
    script: Path, record: PackageRecord, prefix: Path, workplace: Workplace, transcript: Transcript
) -> None:
    name, version = record.name.normalized, str(record.version)
    transcript.note(f"post-link: {name} {version}")
    variables = {
        "PREFIX": str(prefix),
        "ROOT_PREFIX": str(prefix),
        "CONDA_PREFIX": str(prefix),
        "PKG_NAME": name,
        "PKG_VERSION": version,
        "PKG_BUILDNUM": str(record.build_number),
    }
    # Where nothing is kept from them, some download what they install.
    has_network = not workplace.is_caged
    environment = clean_environment(prefix, variables | workplace.places(), has_network=has_network)
    shell = "bash" if Path("/bin/bash").exists() else "sh"  # conda takes bash, which not every image has
    order = Order((f"/bin/{shell}", str(script)), environment, script.parent, workplace.view_of_scripts())
    ended = run(order, workplace.keeper, source=name, transcript=transcript)
    _show_messages(prefix / MESSAGES, name, transcript)
    if ended.was_killed:
        msg = f"the post-link script of {name} {version} was killed; when nobody did that by hand, memory was short"
        raise BuildError(FailureKind.KILLED, msg)
    if ended.status:
        msg = f"the post-link script of {name} {version} failed with status {ended.status}"
        is_full = kind_of_text(ended.tail) is FailureKind.DISK_FULL  # which may pass
        kind = FailureKind.DISK_FULL if is_full else FailureKind.POST_LINK
        raise BuildError(kind, f"{msg}:\n{ended.tail}" if ended.tail else msg)


def _show_messages(path: Path, name: str, transcript: Transcript) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.is_file():
        transcript.output(name, path.read_text(encoding="utf-8", errors="replace"))
        path.unlink()

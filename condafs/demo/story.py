"""What the tour shows, as values: chapters of commands, each with what it is expected to do."""

from dataclasses import dataclass

from condafs.demo.hello import RELEASES


@dataclass(frozen=True, slots=True)
class Step:
    """One command.

    Attributes:
        command: As a person would type it, in several lines when it has a here-document.
        prints: Regular expressions, each to be found in the output.
        lacks: Regular expressions that must not be found there.
        fails: Whether it is to end with another status than 0.
        is_hidden: Run to make sure of something, without being shown.
    """

    command: str
    prints: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    fails: bool = False
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Chapter:
    """A few commands that belong together, with a sentence or two before them."""

    title: str
    text: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """The package that the tour updates.

    Attributes:
        package: Its name.
        old, new: The versions before and after.
    """

    package: str
    old: str
    new: str

    @property
    def version_command(self) -> str:
        """Python code that prints the version that is installed."""
        return f"from importlib.metadata import version; print(version('{self.package}'))"


EMBEDDED = Subject("condafs-hello", min(RELEASES), max(RELEASES))
PUBLIC = Subject("packaging", "23.1", "23.2")
"""Small, without dependencies of its own, and on every channel that has Python packages at all."""


def tell_story(subject: Subject, envs: str) -> tuple[Chapter, ...]:
    """The whole tour.

    Args:
        subject: The package to install and update.
        envs: The mount, as it is typed.
    """
    return (
        _submit(subject, envs),
        _use(subject, envs),
        _update(subject, envs),
        _go_back(subject, envs),
        _refuse(envs),
        _look_around(envs),
    )


def _submit(subject: Subject, envs: str) -> Chapter:
    return Chapter(
        "Submit",
        "An environment is a file. Copy it into .specs, and the environment appears beside it as soon as it is built.\n"
        "`condafs build` copies as well. Given the same file again it makes nothing new, and --wait shows progress.",
        (
            Step(
                "cat > hello.yaml <<'END'\n"
                "name: hello\n"
                "dependencies:\n"
                "  - python\n"
                f"  - {subject.package} ={subject.old}\n"
                "END"
            ),
            Step(f"cp hello.yaml {envs}/.specs/"),
            Step("condafs build --wait hello.yaml", prints=("hello is ready",)),
            Step(f"ls {envs}", prints=(r"\bhello\b",)),
            Step(f"readlink {envs}/hello", prints=(r"^[0-9a-f]{64}-hello\s*$",)),
        ),
    )


def _use(subject: Subject, envs: str) -> Chapter:
    return Chapter(
        "Use",
        "It is an ordinary conda environment on the native disk; the mount only decides which one the name means.",
        (
            Step(f"source {envs}/hello/bin/activate"),
            Step("python -c 'import sys; print(sys.prefix)'", prints=(r"builds/[0-9a-f]{64}-hello",)),
            _version(subject, "python", subject.old),
            Step("deactivate"),
        ),
    )


def _update(subject: Subject, envs: str) -> Chapter:
    return Chapter(
        "Update under a running process",
        "This program prints the version, waits for a line, and reads the version from the disk again. It keeps\n"
        "running on the build it was started from while the file changes and the name moves on.",
        (
            Step(
                "cat > program.py <<'END'\n"
                "from importlib.metadata import version\n"
                f"print('program: started with', version('{subject.package}'), flush=True)\n"
                "input()\n"
                f"print('program: still works with', version('{subject.package}'))\n"
                "END"
            ),
            Step("mkfifo line"),
            Step(f"{envs}/hello/bin/python program.py <>line >program.log &"),
            Step("until grep -q started program.log; do sleep 0.05; kill -0 $! || break; done", is_hidden=True),
            Step("cat program.log", prints=(rf"started with {subject.old}\s*$",)),
            Step(f"sed -i 's/={subject.old}/={subject.new}/' {envs}/.specs/hello.yaml"),
            Step(f"condafs build --wait {envs}/.specs/hello.yaml", prints=("hello is ready",)),
            _version(subject, f"{envs}/hello/bin/python", subject.new),
            Step("echo > line; wait; cat program.log", prints=(rf"still works with {subject.old}\s*$",)),
        ),
    )


def _go_back(subject: Subject, envs: str) -> Chapter:
    return Chapter(
        "Go back",
        "Nothing was changed in place: both builds are there. Going back is to point the name at the earlier one.",
        (
            Step("condafs history hello", prints=(r"(?m)^\s+1 ", r"(?m)^\* +2 ")),
            Step("condafs diff hello", prints=(subject.package, subject.old, subject.new)),
            Step(f"ln -sfn hello@-1 {envs}/hello"),
            _version(subject, f"{envs}/hello/bin/python", subject.old),
            Step(f"ls -l {envs}/.history/hello", prints=(r" 1-[0-9a-f]{12} -> ", r" 2-[0-9a-f]{12} -> ")),
        ),
    )


def _refuse(envs: str) -> Chapter:
    return Chapter(
        "A mistake",
        "A file that cannot be understood is refused at once: copying it fails, and beside it stands why.",
        (
            Step("sed s/dependencies/dependancies/ hello.yaml > wrong.yaml"),  # codespell:ignore dependancies
            Step(f"cp wrong.yaml {envs}/.specs/", prints=("Invalid argument",), fails=True),
            Step(
                f"cat {envs}/.specs/wrong.yaml.error", prints=(r"wrong\.yaml:2:1: ", r"(?m)\| \^$", "`?dependencies`?")
            ),
            Step(f"rm {envs}/.specs/wrong.yaml"),
        ),
    )


def _look_around(envs: str) -> Chapter:
    return Chapter(
        "What there is now",
        "State is text, for people and for programs.",
        (
            Step("condafs status", prints=(r"(?m)^hello +ready +1 ",), lacks=("wrong",)),
            Step(f"cat {envs}/.status/hello", prints=(r"(?m)^state: ready$", r"generation: 1\b")),
        ),
    )


def _version(subject: Subject, python: str, expected: str) -> Step:
    """A command that prints the version: the package's own program, or python."""
    if subject is EMBEDDED:
        program = "condafs-hello" if python == "python" else python.replace("bin/python", "bin/condafs-hello")
        return Step(program, prints=(rf"condafs-hello {expected}\s*$",))
    return Step(f'{python} -c "{subject.version_command}"', prints=(rf"^{expected}\s*$",))

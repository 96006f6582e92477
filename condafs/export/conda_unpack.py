#!/bin/sh
''':'
# Any python will do; the environment's own comes first.
here=$(dirname -- "$0")
for python in "$here/python" python3 python; do
    if command -v "$python" >/dev/null 2>&1; then exec "$python" -B "$0" "$@"; fi
done
echo "conda-unpack: no python here: put one on PATH" >&2
exit 127
'''
# Of condafs: python 3.6 or later, standard library only; the program `bin/conda-unpack` of an archive.
import argparse
import errno
import json
import os
import re
import sys

FILES = []  # [placeholder, is_binary, [path, ...]], put in when the archive is laid out

STATE = "conda-meta/conda-unpack.json"
MAX_SHEBANG = 127  # bytes of a first line that every Linux takes whole
UNSAFE = re.compile("[\"'`$\\\\\x00-\x1f\x7f]")
SHEBANG = re.compile(b"#![ \t]*(/[^\t\r\n]*?)((?:[ \t][^\r\n]*)?)$")
PYTHON = re.compile(b"(?:python|pypy)[0-9.]*t?")

DESCRIPTION = """Write the place of this environment into its files, which hold placeholders until then.
To be run after unpacking, and again whenever the directory was moved."""


class Refused(Exception):
    """What was asked for cannot be done; nothing was changed."""


class Edit:
    """A range of the archive's file, and the text in it that holds placeholders."""

    def __init__(self, begin, end, kind, text):
        self.begin = begin
        self.end = end
        self.kind = kind  # "line": the first of a script; "text"; "string": of a binary, keeps its length
        self.text = text

    def render(self, placeholder, prefix):
        """What stands there when the environment is at a prefix; in the archive (prefix None), the text itself."""
        if prefix is None:
            return self.text
        if self.kind == "line":
            return shebang(self.text, placeholder, prefix)
        new = self.text.replace(placeholder, prefix)
        return new + bytes(len(self.text) - len(new)) if self.kind == "string" else new


def shebang(line, placeholder, prefix):
    """A first line as rattler writes it: `sh` or `env` where the kernel would not find the program."""
    new = line.replace(placeholder, prefix)
    if b" " in prefix and placeholder in line:
        return indirect(line).replace(placeholder, prefix)
    return indirect(new) if len(new) > MAX_SHEBANG else new


def indirect(line):
    """A line that does as a `#!` line, however long and whatever is in it."""
    match = SHEBANG.match(line)
    if not match:
        return line
    program, arguments = match.groups()
    name = program.rpartition(b"/")[2]
    if PYTHON.fullmatch(name):
        return b"#!/bin/sh\n'''exec' \"" + program + b'"' + arguments + b' "$0" "$@" #\'\'\''
    return b"#!/usr/bin/env " + name + arguments


def find_edits(content, placeholder, is_binary):
    """Where a file of the archive holds placeholders."""
    edits = []
    at = 0
    if not is_binary and content.startswith(b"#!"):
        at = content.find(b"\n")
        at = len(content) if at < 0 else at
        if placeholder in content[:at]:
            edits.append(Edit(0, at, "line", content[:at]))
    while True:
        begin = content.find(placeholder, at)
        if begin < 0:
            return edits
        at = begin + len(placeholder)
        if is_binary:
            at = content.find(b"\0", begin)
            at = len(content) if at < 0 else at
        edits.append(Edit(begin, at, "string" if is_binary else "text", content[begin:at]))


def apply_edits(original, edits, placeholder, prefix):
    """A file of the archive as it is at a prefix."""
    parts = []
    at = 0
    for edit in edits:
        parts += [original[at : edit.begin], edit.render(placeholder, prefix)]
        at = edit.end
    parts.append(original[at:])
    return b"".join(parts)


def restore(content, edits, placeholder, prefix, size):
    """The file of the archive that gives this content at a prefix; None when none does."""
    parts = []
    at = original_at = 0
    for edit in edits:
        stop = at + edit.begin - original_at
        new = edit.render(placeholder, prefix)
        if content[stop : stop + len(new)] != new:
            return None
        parts += [content[at:stop], edit.text]
        at, original_at = stop + len(new), edit.end
    parts.append(content[at:])
    original = b"".join(parts)
    return original if len(original) == size else None


class File:
    """A file with placeholders: what the archive had at each place, as the state remembers it."""

    def __init__(self, path, placeholder, is_binary):
        self.path = path
        self.placeholder = placeholder
        self.is_binary = is_binary
        self.edits = None  # not known before the first run
        self.size = 0

    def learn(self, content):
        """See the file as the archive has it."""
        self.edits = find_edits(content, self.placeholder, self.is_binary)
        self.size = len(content)

    def original(self, content, prefixes):
        """The archive's file, whichever of the prefixes is written into it now; None when it was edited."""
        for prefix in [None, *prefixes]:
            found = restore(content, self.edits, self.placeholder, prefix, self.size)
            if found is not None:
                return found
        return None

    def to_json(self):
        """For the state."""
        return [self.size, [[e.begin, e.end, e.kind, e.text.decode("latin-1")] for e in self.edits]]

    def from_json(self, document):
        """From the state."""
        self.size = document[0]
        self.edits = [Edit(begin, end, kind, text.encode("latin-1")) for begin, end, kind, text in document[1]]


class Tree:
    """An unpacked environment."""

    def __init__(self, top):
        self.top = top
        self.files = [
            File(path, placeholder.encode(), is_binary) for placeholder, is_binary, paths in FILES for path in paths
        ]
        self.prefixes = []
        self.is_fresh = True

    def place(self, path):
        """Where a file is."""
        return os.path.join(self.top, path)

    def load(self):
        """Read what earlier runs remember."""
        try:
            with open(self.place(STATE), encoding="ascii") as file:
                document = json.load(file)
        except FileNotFoundError:
            return
        except ValueError:
            raise Refused("%s is damaged: unpack the archive again" % self.place(STATE))
        self.is_fresh = False
        self.prefixes = [prefix.encode("latin-1") for prefix in document["prefixes"]]
        for file in self.files:
            if file.path in document["files"]:
                file.from_json(document["files"][file.path])

    def save(self, prefixes):
        """Remember, before anything is changed, what may stand in files from now on."""
        self.prefixes = prefixes
        files = {file.path: file.to_json() for file in self.files if file.edits}
        document = {"version": 1, "prefixes": [prefix.decode("latin-1") for prefix in prefixes], "files": files}
        replace(self.place(STATE), json.dumps(document, sort_keys=True).encode("ascii"), None)

    def read(self, file):
        """The content of a file, or None when it is not there any more."""
        path = self.place(file.path)
        if os.path.islink(path) or not os.path.isfile(path):
            return None
        with open(path, "rb") as opened:
            return opened.read()


def replace(path, content, like):
    """Write a file beside another and put it in its place, with its mode and times."""
    fresh = "%s.conda-unpack-%d" % (path, os.getpid())
    try:
        with open(fresh, "wb") as file:
            file.write(content)
            file.flush()
            if like is None:
                os.fsync(file.fileno())
        if like is not None:
            os.chmod(fresh, like.st_mode & 0o7777)
            os.utime(fresh, ns=(like.st_atime_ns, like.st_mtime_ns))
        os.replace(fresh, path)
    except BaseException:
        try:
            os.unlink(fresh)
        except OSError:
            pass
        raise


def say(stream, text):
    """A line, whatever bytes its paths have."""
    stream.buffer.write(os.fsencode(text) + b"\n")
    stream.flush()


def write_prefix(tree, prefix, note):
    """Write a prefix into all files; how many were written, and the paths of those that had to be left."""
    tree.load()
    left = []
    present = []
    for file in tree.files:
        content = tree.read(file)
        if content is None:
            note("%s is not there any more" % file.path)
            continue
        if file.edits is None:
            file.learn(content)
        if not file.edits or file.original(content, [*tree.prefixes, prefix]) is None:
            left.append(file.path)
        else:
            present.append(file)
    require_writable(tree, present)
    if tree.is_fresh or tree.prefixes != [prefix]:
        tree.save([*(p for p in tree.prefixes if p != prefix), prefix])
    count = 0
    for file in present:
        content = tree.read(file)
        original = file.original(content, tree.prefixes)
        new = apply_edits(original, file.edits, file.placeholder, prefix)
        if new != content:
            path = tree.place(file.path)
            replace(path, new, os.stat(path))
            note("%s" % file.path)
            count += 1
    if tree.prefixes != [prefix] and not left:
        tree.save([prefix])
    return count, left


def require_writable(tree, files):
    """Refuse before anything is changed."""
    for directory in sorted({os.path.dirname(tree.place(path)) for path in [STATE, *(file.path for file in files)]}):
        if not os.access(directory, os.W_OK | os.X_OK):
            raise Refused("%s cannot be written to: run this as its owner, or unpack the archive elsewhere" % directory)


def require_prefix(tree, prefix):
    """Refuse a prefix that cannot be written into the files."""
    if not os.path.isabs(prefix):
        raise Refused("--prefix wants an absolute path, not %s" % prefix)
    found = UNSAFE.search(prefix)
    if found:
        raise Refused(
            "the prefix %r holds %r, which scripts would not survive: use another directory" % (prefix, found[0])
        )
    length = len(os.fsencode(prefix))
    for file in tree.files:
        if file.is_binary and length > len(file.placeholder):
            raise Refused(
                "the prefix has %d bytes, and %s has room for %d: use a directory with a shorter path"
                % (length, file.path, len(file.placeholder))
            )


def main(arguments):
    """Do it; the exit code is 0, 1 when files were left as they are, 2 when it was refused."""
    parser = argparse.ArgumentParser(prog="conda-unpack", description=DESCRIPTION)
    parser.add_argument("--prefix", help="write this absolute path instead of where the environment is now")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.add_argument("-v", "--verbose", action="store_true", help="name each file")
    options = parser.parse_args(arguments)
    tree = Tree(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    prefix = tree.top if options.prefix is None else options.prefix.rstrip("/") or options.prefix
    try:
        require_prefix(tree, prefix)
        count, left = write_prefix(tree, os.fsencode(prefix), (lambda text: say(sys.stdout, text)) if options.verbose else (lambda _: None))
    except Refused as error:
        say(sys.stderr, "conda-unpack: %s" % error)
        return 2
    except OSError as error:
        reason = "no room left" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
        say(sys.stderr, "conda-unpack: %s: %s; mend it and run this again" % (error.filename, reason))
        return 1
    for path in left:
        say(sys.stderr, "conda-unpack: %s was edited since and is left as it is" % tree.place(path))
    if not options.quiet:
        done = "wrote %s into %d files" % (prefix, count)
        say(sys.stdout, "conda-unpack: %s" % (done if count else "nothing to do: %s is written everywhere" % prefix))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/bin/sh
''':'
# Any python since 3.6 that runs here will do, the environment's own first. Of python it takes only what is in place
# already: no site-packages, whose .pth files hold placeholders, nothing of the caller's, and it writes no bytecode.
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
for python in "$here/python" python3 python; do
    if "$python" -ISB -c 'import sys; sys.exit(sys.version_info < (3, 6))' 2>/dev/null; then
        exec "$python" -ISB "$0" "$@"
    fi
done
echo "conda-unpack: no python here, 3.6 or later: put one on PATH" >&2
exit 127
'''
# Of condafs: python 3.6 or later, standard library only; the program `bin/conda-unpack` of an archive.
#
# Content is changed in three steps, so that a kill at any moment is mended by the next run: new files are written
# beside the old ones; the state says which prefixes may stand in files from now on; the new files take their places.
import sys

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    if not getattr(sys.flags, "safe_path", sys.flags.isolated):
        del sys.path[0]  # `bin` of the environment: a script there may be named as a module that is imported below

import argparse
import errno
import fcntl
import json
import os
import re
import stat

FILES = []  # [placeholder, is_binary, [path, ...]], put in when the archive is laid out

STATE = b"conda-meta/conda-unpack"
FRESH = b".conda-unpack-"
MAX_SHEBANG = 127  # bytes of a first line that every Linux takes whole
UNSAFE = re.compile(b"[\"'`$\\\\\x00-\x1f\x7f]")
SHEBANG = re.compile(rb"#! *(/(?:\\ |[^ \n\r\t])*)(.*)")
PYTHON = re.compile(rb"python(?:[0-9]+(?:\.[0-9]+)?)?")
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)

DESCRIPTION = """Write the place of this environment into its files, which hold placeholders until then.
To be run after unpacking, and again whenever the directory was moved."""
CODES = "Exit codes: 0 done, 1 some files had to be left as they are, 2 refused and nothing was changed."


class Refused(Exception):
    """What was asked for cannot be done; nothing was changed."""


class File:
    """A file with placeholders, and where the archive's has them: that is what the state remembers."""

    def __init__(self, path, placeholder, is_binary, fresh):
        self.path = path
        self.placeholder = placeholder
        self.is_binary = is_binary
        self.fresh = fresh  # where its successor is written
        self.size = None  # not known before the first run
        self.line = None  # of a script: the first, when there may be another in its place
        self.places = []  # offsets; of a binary, for each string a list of them with the string's end after them

    def learn(self, content):
        """See the file as the archive has it."""
        self.size, self.line, self.places = len(content), None, []
        at = 0
        if not self.is_binary and content.startswith(b"#!"):
            at = find(content, b"\n", 0)
            if first_line(content[:at], self.placeholder, b"") != content[:at]:
                self.line = content[:at]
        while True:
            begin = content.find(self.placeholder, at)
            if begin < 0:
                return
            at = begin + len(self.placeholder)
            if not self.is_binary:
                self.places.append(begin)
                continue
            string = []
            end = find(content, b"\0", at)
            while begin >= 0:
                string.append(begin)
                begin = content.find(self.placeholder, begin + len(self.placeholder), end)
            self.places.append(string + [end])
            at = end

    def edits(self, prefix):
        """What stands where when a prefix is written in: begin and end in the archive's file, and the content there.

        With prefix None, as in the archive. All rules are rattler's (crates/rattler/src/install/link.rs).
        """
        new = self.placeholder if prefix is None else prefix
        found = []
        if self.line is not None:
            line = self.line if prefix is None else first_line(self.line, self.placeholder, prefix)
            found.append((0, len(self.line), line))
        for place in self.places:
            for begin in place[:-1] if self.is_binary else [place]:
                found.append((begin, begin + len(self.placeholder), new))
            if self.is_binary:  # the string keeps its length
                spare = (len(place) - 1) * (len(self.placeholder) - len(new))
                found.append((place[-1], place[-1], bytes(max(spare, 0))))
        return found

    def present(self, content, prefixes):
        """The edits that the content has: of the archive or of one of the prefixes; None when it was edited."""
        if self.line is None and not self.places:  # the first run, or one of a file that holds nothing after all
            self.learn(content)
        for prefix in [None] + prefixes[::-1]:
            edits = self.edits(prefix)
            if holds(content, edits, self.size):
                return edits
        if self.placeholder not in content or any(self.placeholder in prefix for prefix in prefixes):
            return None
        self.learn(content)  # of another archive, which was unpacked over this tree
        return self.edits(None)

    def to_json(self):
        """For the state."""
        return [self.size, None if self.line is None else self.line.decode("latin-1"), self.places]

    def from_json(self, document):
        """From the state."""
        self.size, line, self.places = document
        self.line = None if line is None else line.encode("latin-1")


def first_line(line, placeholder, prefix):
    """A first line with a prefix: through `sh` or `env` where the kernel would not find the program."""
    line = line.decode("utf-8", "replace").encode("utf-8")  # as rattler does
    if b" " in prefix:
        return indirect(line).replace(placeholder, prefix) if placeholder in line else line
    line = line.replace(placeholder, prefix)
    return indirect(line) if len(line) > MAX_SHEBANG else line


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


def find(content, byte, at):
    """Where a byte is, or the end."""
    found = content.find(byte, at)
    return len(content) if found < 0 else found


def holds(content, edits, size):
    """Whether a file of the archive, of that size, becomes this content by the edits."""
    shift = 0
    for begin, end, new in edits:
        if not content.startswith(new, begin + shift):
            return False
        shift += len(new) - (end - begin)
    return len(content) == size + shift


def rewrite(content, old, new):
    """Pieces of the content with other edits."""
    view = memoryview(content)
    at = shift = 0
    for (begin, end, was), (_, _, becomes) in zip(old, new):
        yield view[at : begin + shift]
        yield becomes
        at = begin + shift + len(was)
        shift += len(was) - (end - begin)
    yield view[at:]


class Tree:
    """An unpacked environment.

    `left` are the files that had to be left as they are, `log` is for who wants to read more.
    """

    def __init__(self, top):
        self.top = top
        listed = [(path, placeholder, is_binary) for placeholder, is_binary, paths in FILES for path in paths]
        self.files = [
            File(utf8(path), utf8(placeholder), is_binary, os.path.join(os.path.dirname(utf8(path)), FRESH + b"%d" % n))
            for n, (path, placeholder, is_binary) in enumerate(listed)
        ]
        self.prefixes = []
        self.stored = None  # the state as it is on disk
        self.left = []
        self.log = []
        self.count = 0
        self.at = STATE  # what is worked on, for messages
        self.inside = {}

    def place(self, path):
        """Where a path is."""
        return os.path.join(self.top, path)

    def is_inside(self, path):
        """Whether no link leads to it from the tree to somewhere else."""
        directory = os.path.dirname(path)
        if directory not in self.inside:
            real, top = os.path.realpath(self.place(directory)), os.path.realpath(self.top)
            self.inside[directory] = (real + b"/").startswith(top.rstrip(b"/") + b"/")
        return self.inside[directory]

    def require(self, prefix):
        """Refuse a prefix that cannot be written into the files."""
        if not prefix.startswith(b"/"):
            raise Refused("--prefix wants an absolute path, not %r" % shown(prefix))
        found = UNSAFE.search(prefix)
        if found:
            raise Refused(
                "the path %r has the character %r, which scripts would not survive: use another directory"
                % (shown(prefix), shown(found.group()))
            )
        binaries = [file for file in self.files if file.is_binary and os.path.lexists(self.place(file.path))]
        tightest = min(binaries, key=lambda file: len(file.placeholder), default=None)
        if tightest and len(prefix) > len(tightest.placeholder):
            raise Refused(
                "%s has %d bytes, and %s has room for %d: use a directory with a shorter path"
                % (shown(prefix), len(prefix), shown(tightest.path), len(tightest.placeholder))
            )

    def load(self):
        """Read what earlier runs remember."""
        if not self.is_inside(STATE):
            raise Refused("%s is behind a link that leads out of the tree" % shown(STATE))
        try:
            with open(self.place(STATE), "rb") as file:
                self.stored = file.read()
        except FileNotFoundError:
            return
        try:
            document = json.loads(self.stored.decode("ascii"))
            self.prefixes = [prefix.encode("latin-1") for prefix in document["prefixes"]]
            for file in self.files:
                if shown_utf8(file.path) in document["files"]:
                    file.from_json(document["files"][shown_utf8(file.path)])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Refused("%s is damaged: remove it, and unpack the archive here again" % shown(self.place(STATE)))

    def save(self, prefixes):
        """Remember what may stand in files from now on."""
        self.at = STATE
        self.prefixes = prefixes
        document = {
            "version": 1,
            "prefixes": [prefix.decode("latin-1") for prefix in prefixes],
            "files": {shown_utf8(file.path): file.to_json() for file in self.files if file.size is not None},
        }
        content = json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii")
        if content == self.stored:
            return
        fresh = self.place(os.path.join(os.path.dirname(STATE), FRESH + b"state"))
        os.makedirs(os.path.dirname(fresh), exist_ok=True)
        discard(fresh)  # of a run that was killed
        try:
            create(fresh, [content], 0o644)
            os.rename(fresh, self.place(STATE))
        finally:
            discard(fresh)
        self.stored = content

    def write(self, prefix):
        """Write a prefix into all files."""
        self.load()
        staged = []
        try:
            for file in self.files:
                self.at = file.path
                found = self.stage(file, prefix)
                if found:
                    staged.append((file, found))
            if staged:
                self.save([known for known in self.prefixes if known != prefix] + [prefix])
            for file, found in staged:
                self.at = file.path
                self.publish(file, found)
        finally:
            for file, _ in staged:
                discard(self.place(file.fresh))
        if self.stored is not None:
            self.save(self.prefixes if self.left else [prefix])

    def stage(self, file, prefix):
        """Write the new file beside the old; the old one's status, or None when there is nothing to change."""
        path = self.place(file.path)
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            found = None
        if found is None or not stat.S_ISREG(found.st_mode):
            self.log.append("%s is not there any more" % shown(file.path))
            return None
        if not self.is_inside(file.path):
            self.left.append("%s is behind a link that leads out of the tree and is left as it is" % shown(path))
            return None
        fresh = self.place(file.fresh)
        if os.path.lexists(fresh):  # of a run that was killed
            os.unlink(fresh)
        with open(path, "rb") as opened:
            content = opened.read()
        old = file.present(content, self.prefixes)
        new = file.edits(prefix)
        if old is None:
            self.left.append("%s was edited since and is left as it is" % shown(path))
        if old is None or old == new:
            return None
        try:
            create(fresh, rewrite(content, old, new), stat.S_IMODE(found.st_mode), found)
        except BaseException:
            discard(fresh)
            raise
        return found

    def publish(self, file, found):
        """Let the new file take the place of the old, unless that is another by now."""
        now = os.lstat(self.place(file.path))
        if (now.st_ino, now.st_size, now.st_mtime_ns) != (found.st_ino, found.st_size, found.st_mtime_ns):
            self.left.append("%s was edited meanwhile and is left as it is" % shown(self.place(file.path)))
            return
        os.rename(self.place(file.fresh), self.place(file.path))
        self.log.append(shown(file.path))
        self.count += 1


def create(path, pieces, mode, like=None):
    """Write a new file, with the owner and times of another."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.writelines(pieces)
        file.flush()
        if like is None:
            os.fsync(file.fileno())
        elif (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
            try:
                os.fchown(file.fileno(), like.st_uid, like.st_gid)
            except PermissionError:
                pass  # it belongs to who ran this, as with tar
        os.fchmod(file.fileno(), mode)
    if like is not None:
        os.utime(path, ns=(like.st_atime_ns, like.st_mtime_ns))


def discard(path):
    """Remove a file if it is there."""
    try:
        os.unlink(path)
    except OSError:
        pass


def utf8(text):
    """Bytes of a path in the list; no locale has a say in what the archive's names are."""
    return text.encode("utf-8", "surrogateescape")


def shown_utf8(path):
    """A path as the list has it."""
    return path.decode("utf-8", "surrogateescape")


def shown(path):
    """A path for a message."""
    return os.fsdecode(path)


def say(fd, text):
    """A line, whatever bytes its paths have; nobody has to listen."""
    try:
        os.write(fd, os.fsencode("%s\n" % text))
    except OSError:
        pass


def explain(tree, error):
    """A failure, and what to do about it."""
    advice = "mend it and run this again"
    if error.errno in UNWRITABLE:
        advice = "run this as the owner, or unpack the archive where you can write"
    elif error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = "make room for a second copy of the files that hold the prefix, and run this again"
    done = "%d files were written before" % tree.count if tree.count else "nothing was changed"
    return "%s cannot be written: %s; %s (%s)" % (shown(tree.place(tree.at)), error.strerror, advice, done)


def main(arguments):
    """Do it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="conda-unpack", description=DESCRIPTION, epilog=CODES)
    parser.add_argument("--prefix", metavar="DIR", help="write DIR, an absolute path, instead of where the tree is now")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.add_argument("-v", "--verbose", action="store_true", help="name each file")
    options = parser.parse_args(arguments)
    tree = Tree(os.fsencode(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    prefix = tree.top if options.prefix is None else os.fsencode(options.prefix.rstrip("/") or options.prefix)
    with open(__file__, "rb") as itself:
        try:
            lock(itself)
            tree.require(prefix)
            tree.write(prefix)
        except Refused as error:
            say(2, "conda-unpack: %s" % error)
            return 2
        except OSError as error:
            say(2, "conda-unpack: %s" % explain(tree, error))
            return 1 if tree.count else 2
        except KeyboardInterrupt:
            say(2, "conda-unpack: interrupted: run it again")
            return 1
    for text in tree.left:
        say(2, "conda-unpack: %s" % text)
    if options.verbose:
        for text in tree.log:
            say(1, text)
    if not options.quiet:
        say(1, "conda-unpack: %s" % summary(tree, prefix))
    return 1 if tree.left else 0


def lock(file):
    """Refuse to run twice at a time on one tree."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refused("another conda-unpack is at work in this tree")
    except OSError:
        pass  # a filesystem without locks


def summary(tree, prefix):
    """What was done, in one line."""
    left = ", left %d as they are" % len(tree.left) if tree.left else ""
    if not tree.count:
        return "nothing to do: %s stands in all files already%s" % (shown(prefix), left and " but %d" % len(tree.left))
    return "wrote %s into %d file%s%s" % (shown(prefix), tree.count, "" if tree.count == 1 else "s", left)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

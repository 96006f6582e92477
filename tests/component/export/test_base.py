"""What images stand on: this machine's own C library, nothing, or an archive that may be anybody's."""

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from condafs.errors import MachineError, UserError
from condafs.export.base import find_base, glibc_version
from condafs.export.base_archive import BaseImage, read_archive
from condafs.export.base_blobs import MAX_DOCUMENT_BYTES, MAX_MEMBERS
from condafs.export.base_host import host_members
from condafs.export.documents import LAYER_TAR, MANIFEST, Platform
from condafs.export.elf import program_interpreter
from condafs.export.member import Kind, Member, Slice

AMD64, ARM64 = Platform("amd64"), Platform("arm64")
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
GZIP = f"{LAYER_TAR}+gzip"


# Archives


class Layout:
    """An OCI layout in the making."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def blob(self, content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        digest = sha256(content).hexdigest()
        self.files[f"blobs/sha256/{digest}"] = content
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content), **more}

    def image(
        self, platform: Platform = AMD64, layers: tuple[bytes, ...] = (b"one", b"two"), **config: Any
    ) -> dict[str, Any]:
        described = [self.blob(layer, GZIP) for layer in layers]
        diff_ids = [f"sha256:{sha256(b'tar of ' + layer).hexdigest()}" for layer in layers]
        document = {**platform.fields(), "rootfs": {"type": "layers", "diff_ids": diff_ids}, **config}
        manifest = {"schemaVersion": 2, "config": self.json(document, CONFIG), "layers": described}
        return self.json(manifest, MANIFEST)

    def json(self, document: Any, media_type: str, **more: Any) -> dict[str, Any]:
        return self.blob(json.dumps(document).encode(), media_type, **more)

    def index(self, *descriptors: Mapping[str, Any]) -> None:
        self.files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": descriptors}).encode()

    def write(self, path: Path, form: int = tarfile.PAX_FORMAT) -> Path:
        with tarfile.open(path, "w", format=form) as tar:
            for name, content in self.files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return path


def simple(**config: Any) -> Layout:
    layout = Layout()
    layout.index(layout.image(**config))
    return layout


def bytes_of(place: Slice) -> bytes:
    content = Path(place.source.path).read_bytes()
    return content[place.offset : place.offset + place.length]


def layers_of(image: BaseImage) -> list[bytes]:
    return [bytes_of(layer.content) for layer in image.layers]


def refusal(path: Path, platform: Platform = AMD64) -> str:
    with pytest.raises(UserError) as caught:
        read_archive(path, platform)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_layers_of_an_archive_are_places_in_it(tmp_path: Path, form: int) -> None:
    path = simple().write(tmp_path / "base.tar", form)
    image = read_archive(path, AMD64)
    assert layers_of(image) == [b"one", b"two"]
    first = image.layers[0]
    assert first.media_type == GZIP
    assert first.digest_hex == sha256(b"one").hexdigest()
    assert first.diff_id_hex == sha256(b"tar of one").hexdigest()
    assert first.size_bytes == 3
    found = path.stat()
    assert first.content.source.size_bytes == found.st_size
    assert first.content.source.mtime_ns == found.st_mtime_ns


def test_an_archive_that_tar_made_of_a_layout_is_read_as_the_layout_itself(tmp_path: Path) -> None:
    top = tmp_path / "layout"
    for name, content in simple().files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(content)
    subprocess.run(["tar", "-C", top, "-cf", tmp_path / "base.tar", "."], check=True)
    packed, plain = read_archive(tmp_path / "base.tar", AMD64), read_archive(top, AMD64)
    assert layers_of(packed) == layers_of(plain) == [b"one", b"two"]
    assert packed.digest_hex == plain.digest_hex


def test_a_base_is_told_by_its_image_and_by_where_its_layers_are(tmp_path: Path) -> None:
    path = simple(platform=machine()).write(tmp_path / "one.tar")
    one, again = find_base(str(path)), find_base(str(path))
    other = find_base(str(simple(platform=machine(), author="x").write(tmp_path / "other.tar")))
    os.utime(path, (1, 1))
    assert one.key == again.key
    assert len({one.key, other.key, find_base(str(path)).key}) == 3
    assert len(one.key) == 64
    assert one.members == ()


def machine() -> Platform:
    return {"x86_64": AMD64, "aarch64": ARM64}[os.uname().machine]


def test_what_is_inherited_comes_without_null_and_without_what_is_not(tmp_path: Path) -> None:
    execution = {"Env": ["A=b"], "Cmd": None, "Labels": None, "OnBuild": ["RUN x"], "Hostname": "h", "User": "u"}
    history = [{"created_by": "ADD", "unknown": 1}, {"empty_layer": True}, {"comment": "x"}]
    path = simple(config=execution, history=history).write(tmp_path / "base.tar")
    config = read_archive(path, AMD64).config
    assert config["config"] == {"Env": ["A=b"], "User": "u"}
    assert config["history"] == [{"created_by": "ADD"}, {"empty_layer": True}, {"comment": "x"}]
    assert len(config["rootfs"]["diff_ids"]) == 2


def test_of_several_platforms_this_machines_is_taken(tmp_path: Path) -> None:
    layout = Layout()
    images = [layout.image(ARM64, (b"arm",)), layout.image(AMD64, (b"amd",))]
    described = [{**image, "platform": p.fields()} for image, p in zip(images, (ARM64, AMD64), strict=True)]
    attestation = layout.image(Platform("unknown", "unknown"), (b"in-toto",))
    inner = layout.json({"manifests": described}, INDEX)
    layout.index(layout.json({"manifests": [attestation, inner]}, INDEX))
    path = layout.write(tmp_path / "base.tar")
    assert layers_of(read_archive(path, AMD64)) == [b"amd"]
    assert layers_of(read_archive(path, Platform("arm64", variant="v8"))) == [b"arm"]
    assert "linux/s390x, but for linux/amd64, linux/arm64" in refusal(path, Platform("s390x"))


def test_a_platform_that_the_index_names_but_the_archive_has_not_is_no_hindrance(tmp_path: Path) -> None:
    layout = Layout()
    absent = {"mediaType": MANIFEST, "digest": "sha256:" + "0" * 64, "size": 1, "platform": ARM64.fields()}
    layout.index(absent, layout.image())
    assert layers_of(read_archive(layout.write(tmp_path / "base.tar"), AMD64)) == [b"one", b"two"]


def test_two_images_are_one_too_many(tmp_path: Path) -> None:
    layout = Layout()
    name = "org.opencontainers.image.ref.name"
    layout.index({**layout.image(), "annotations": {name: "a:1"}}, layout.image(author="b"))
    assert "several images (a:1, " in refusal(layout.write(tmp_path / "base.tar"))


def docker_archive(path: Path, layer: bytes, link: str = "") -> Path:
    digest = sha256(layer).hexdigest()
    config = json.dumps({**AMD64.fields(), "rootfs": {"diff_ids": [f"sha256:{digest}"]}}).encode()
    files = {
        "c.json": config,
        "x/layer.tar": layer,
        "manifest.json": json.dumps([{"Config": "c.json", "RepoTags": None, "Layers": ["y/layer.tar"]}]).encode(),
    }
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("y/layer.tar")
        member.type = tarfile.SYMTYPE
        member.linkname = link or "../x/layer.tar"
        tar.addfile(member)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_what_docker_saved_is_a_base_as_well(tmp_path: Path) -> None:
    image = read_archive(docker_archive(tmp_path / "base.tar", b"layer"), AMD64)
    [layer] = image.layers
    assert bytes_of(layer.content) == b"layer"
    assert layer.media_type == LAYER_TAR
    assert layer.digest_hex == layer.diff_id_hex == sha256(b"layer").hexdigest()


def test_compressed_layers_of_a_docker_archive_are_skopeos_work(tmp_path: Path) -> None:
    assert "skopeo copy" in refusal(docker_archive(tmp_path / "base.tar", b"\x1f\x8blayer"))


# Archives that are none


@pytest.mark.parametrize(("command", "undone"), [("gzip", "gunzip"), ("xz", "unxz")])
def test_a_compressed_archive_says_how_to_undo_that(tmp_path: Path, command: str, undone: str) -> None:
    path = simple().write(tmp_path / "base")
    compressed = tmp_path / "base.compressed"
    compressed.write_bytes(subprocess.run([command, "-c", path], check=True, capture_output=True).stdout)
    assert f"decompress it with {undone}" in refusal(compressed)


def test_no_file_no_archive_and_no_image_are_told_apart(tmp_path: Path) -> None:
    assert "skopeo copy" in refusal(tmp_path / "absent")
    for content in (b"", b"words", b"\0" * 300):
        (tmp_path / "text").write_bytes(content)
        assert "not a tar archive" in refusal(tmp_path / "text")
    layout = Layout()
    assert "holds no image" in refusal(layout.write(tmp_path / "none.tar"))
    assert "holds no image" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "neither an archive" in refusal(tmp_path / "pipe")


def test_an_archive_that_was_cut_off_is_damaged(tmp_path: Path) -> None:
    path = simple().write(tmp_path / "base.tar")
    os.truncate(path, 1600)
    assert "damaged" in refusal(path) or "holds no image" in refusal(path)


@pytest.mark.parametrize("what", [b"one", b"rootfs", b"schemaVersion"])
def test_a_document_that_was_changed_is_noticed_and_a_layer_that_is_missing(tmp_path: Path, what: bytes) -> None:
    layout = simple()
    name = next(name for name, content in layout.files.items() if name.startswith("blobs") and what in content)
    if what == b"one":
        del layout.files[name]
        assert "is missing" in refusal(layout.write(tmp_path / "base.tar"))
    else:
        layout.files[name] += b" "
        assert "tampered" in refusal(layout.write(tmp_path / "base.tar"))


def test_a_layer_of_another_size_is_noticed(tmp_path: Path) -> None:
    layout = simple()
    layout.files[f"blobs/sha256/{sha256(b'one').hexdigest()}"] = b"longer"
    assert "has 6 bytes" in refusal(layout.write(tmp_path / "base.tar"))


@pytest.mark.parametrize(
    "digest",
    ["sha256:../../../../etc/passwd", "sha256:" + "A" * 64, "sha512:" + "0" * 128, "../x", 7, None, ["sha256"]],
)
def test_a_digest_that_is_none_never_becomes_a_path(tmp_path: Path, digest: Any) -> None:
    layout = Layout()
    layout.index({"mediaType": MANIFEST, "digest": digest, "size": 1})
    assert "is not a SHA-256 digest" in refusal(layout.write(tmp_path / "base.tar"))


def test_a_layout_leads_nowhere_outside(tmp_path: Path) -> None:
    outside, top = tmp_path / "outside", tmp_path / "layout"
    outside.mkdir()
    top.mkdir()
    config = json.dumps({**AMD64.fields(), "rootfs": {"diff_ids": ["sha256:" + "0" * 64]}})
    (outside / "secret").write_text("secret")
    (top / "config").write_text(config)
    (top / "through").symlink_to(outside)
    (top / "link").symlink_to(outside / "secret")
    for layer in ("through/secret", "link", "../outside/secret", str(outside / "secret"), "nul\0"):
        (top / "manifest.json").write_text(json.dumps([{"Config": "config", "Layers": [layer]}]))
        assert "is missing" in refusal(top)
    assert "is missing" in refusal(docker_archive(tmp_path / "base.tar", b"x", link="../../outside/secret"))


@pytest.mark.parametrize(
    "index",
    [
        b"[" * 100_000,
        b"[]",
        b"{}",
        b"null",
        b'{"manifests": 7}',
        b'{"manifests": [7, null, "x", {}]}',
        b'{"manifests": [{"mediaType": []}]}',
        b"\xff\xfe",
        b" " * (MAX_DOCUMENT_BYTES + 1),
    ],
)
def test_an_index_that_is_none_is_refused(tmp_path: Path, index: bytes) -> None:
    layout = simple()
    layout.files["index.json"] = index
    refusal(layout.write(tmp_path / "base.tar"))


@pytest.mark.parametrize(
    "config",
    [
        {"config": 7},
        {"config": {"Env": ["A=b", 7]}},
        {"config": {"Labels": {"a": 1}}},
        {"config": {"Entrypoint": "sh -c"}},
        {"config": {"User": 0}},
        {"history": [7]},
        {"history": {"a": "b"}},
        {"rootfs": None},
        {"rootfs": {"diff_ids": ["sha256:short"]}},
        {"rootfs": {"diff_ids": []}},
    ],
)
def test_a_configuration_of_another_form_is_refused(tmp_path: Path, config: dict[str, Any]) -> None:
    refusal(simple(**config).write(tmp_path / "base.tar"))


def test_an_index_in_an_index_without_end_comes_to_one(tmp_path: Path) -> None:
    layout = Layout()
    descriptor = layout.image()
    for _ in range(10):
        descriptor = layout.json({"manifests": [descriptor]}, INDEX)
    layout.index(descriptor)
    assert "no image" in refusal(layout.write(tmp_path / "deep.tar"))
    layout.index(*[layout.json({"manifests": [], "number": number}, INDEX) for number in range(600)])
    assert "documents" in refusal(layout.write(tmp_path / "wide.tar"))


def test_headers_are_not_believed(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 30
    path = tmp_path / "base.tar"
    path.write_bytes(header.tobuf(tarfile.USTAR_FORMAT))
    os.truncate(path, 2 << 30)
    assert "a header is too large" in refusal(path)
    path.write_bytes(tarfile.TarInfo("x").tobuf() * (MAX_MEMBERS + 1))
    assert "members" in refusal(path)
    negative = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    negative[124:136] = b"\xff" * 12
    negative[148:156] = b" " * 8
    negative[148:156] = b"%06o\0 " % sum(negative)
    path.write_bytes(negative * 3)
    refusal(path)


# This machine


def unpack(members: tuple[Member, ...], top: Path) -> None:
    """Members stand in an order in which they can be made."""
    for member in members:
        path = top / member.path
        if member.kind is Kind.DIRECTORY:
            path.mkdir()
        elif member.kind is Kind.LINK:
            path.symlink_to(member.target)
        else:
            path.write_bytes(b"".join(p if isinstance(p, bytes) else bytes_of(p) for p in member.content))
            path.chmod(member.mode)


def test_the_host_base_is_the_same_each_time_and_names_real_files() -> None:
    base = find_base("host")
    assert base == find_base("host")
    paths = [member.path for member in base.members]
    assert paths == sorted(set(paths))
    assert all(member.mtime == 0 for member in base.members)
    modes = {member.path: member.mode for member in base.members}
    assert modes["tmp"] == modes["var/tmp"] == 0o1777
    assert modes["root"] == 0o700
    assert {"etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/os-release", "proc", "sys", "dev", "run"} <= set(paths)
    for member in base.members:
        for piece in member.content:
            if isinstance(piece, Slice):
                found = os.lstat(piece.source.path)
                assert (found.st_size, found.st_mtime_ns) == (piece.source.size_bytes, piece.source.mtime_ns)
                assert os.path.realpath(piece.source.path) == piece.source.path
    assert base.layers == ()
    assert base.config == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot(2) is root's")
def test_a_program_of_the_machine_runs_in_it(tmp_path: Path) -> None:
    unpack(host_members(busyboxes=()), tmp_path)
    (tmp_path / "bin").mkdir()
    shell = Path("/bin/sh").resolve()
    (tmp_path / "bin/sh").write_bytes(shell.read_bytes())
    (tmp_path / "bin/sh").chmod(0o755)
    ran = subprocess.run(
        ["/bin/sh", "-c", "echo it runs"],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.chroot(tmp_path),
        cwd="/",
    )
    assert ran.stdout == "it runs\n"


ELF_HEADER = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\x3e\0\x01\0\0\0" + bytes(8) + (64).to_bytes(8, "little")


def program(path: Path, interpreter: str = "", script: str = "") -> Path:
    """A program's beginning, as much as says what loads it."""
    text = interpreter.encode() + b"\0"
    segment = (3).to_bytes(4, "little") + bytes(4) + (120).to_bytes(8, "little")
    segment += bytes(16) + len(text).to_bytes(8, "little") + bytes(16)
    rest = bytes(14) + (56).to_bytes(2, "little") + bool(interpreter).to_bytes(2, "little") + bytes(6)
    path.write_bytes(ELF_HEADER + rest + segment + text)
    return path


@pytest.mark.parametrize("loader", ["/lib/ld-musl-x86_64.so.1", "/nix/store/x/lib/ld-linux-x86-64.so.2", ""])
def test_a_machine_with_another_c_library_says_what_to_set_instead(tmp_path: Path, loader: str) -> None:
    found = program(tmp_path / "program", loader)
    with pytest.raises(MachineError, match=r"base:.*none") as caught:
        host_members((tmp_path / "absent", found))
    assert loader in str(caught.value)


def test_what_loads_a_program_is_read_from_it(tmp_path: Path) -> None:
    assert program_interpreter(program(tmp_path / "program", "/lib/ld.so")) == "/lib/ld.so"
    assert program_interpreter(program(tmp_path / "static")) is None
    for content in (b"", b"#!/bin/sh\n", b"\x7fELF", ELF_HEADER, b"\x7fELF\x09\x09" + bytes(60)):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(ValueError, match="not a program in ELF"):
            program_interpreter(tmp_path / "other")


def test_a_busybox_that_needs_a_loader_is_left_out(tmp_path: Path) -> None:
    dynamic = program(tmp_path / "busybox", "/lib64/ld-linux-x86-64.so.2")
    paths = {member.path for member in host_members(busyboxes=(tmp_path / "absent", dynamic))}
    assert not any(path.startswith("bin") for path in paths)


def test_a_static_busybox_comes_with_its_names() -> None:
    found = {member.path: member for member in host_members()}
    if program_interpreter(Path("/bin/busybox")) is None:
        assert found["bin/sh"].target == "busybox"
        assert found["bin/busybox"].mode == 0o755
        assert found["usr/bin/env"].target == "../../bin/busybox"


def test_none_is_nothing() -> None:
    base = find_base("none")
    assert (base.members, base.layers, base.config) == ((), (), {})
    assert len(base.key) == 64


def test_a_relative_path_is_no_base() -> None:
    with pytest.raises(UserError, match="absolute path"):
        find_base("base.tar")


def test_the_version_of_glibc_is_a_number() -> None:
    assert float(glibc_version()) > 2

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.config import Settings, load_settings, machine_platform, parse_duration, parse_settings, parse_size
from condafs.errors import NotFoundError, SpecificationError, UserError

DEFAULTS = Settings(state=Path("/state"), jobs=2)

EVERYTHING = """\
# a machine for many
state: /srv/condafs
jobs: 4
attempts: 3
backoff-initial-seconds: 500ms
backoff-cap-seconds: 1h30m
build-wall-seconds: 2h
build-memory-bytes: 8G
default-channels: [bioconda, conda-forge]
channel-alias: https://mirror.example/conda/
allow-other: yes
specs-mode: 3775
specs-group: science
quota-environments: 20
quota-builds-per-day: 50
quota-bytes: 10G
quotas: {ann: {environments: none, bytes: 1T}, "@students": {builds-per-day: 0}}
image-base: /srv/debian.tar
catalog-group: condafs-http
http-bind: ["[::1]:8080", "unix:/run/condafs-http.sock"]
http-url: https://envs.example/
http-directory: /srv/condafs-http
http-open: no
http-ui: /srv/conda-store-ui/dist
http-dynamic: yes
watch: [/srv/specs, /srv/foo/environment.yml]
watch-retire: yes
gc-keep-generations: 0
gc-keep-days: 30.5
gc-keep-packages-days: 12h
gc-free-bytes: 10G
gc-request: /run/condafs/collect
"""


def refusal(text: str) -> str:
    with pytest.raises(SpecificationError) as caught:
        parse_settings(text, DEFAULTS)
    return caught.value.render("condafs.yaml")


def test_every_setting_can_be_given() -> None:
    assert parse_settings(EVERYTHING, DEFAULTS) == Settings(
        state=Path("/srv/condafs"),
        jobs=4,
        attempts=3,
        backoff_initial_seconds=0.5,
        backoff_cap_seconds=5400,
        build_wall_seconds=7200,
        build_memory_bytes=8 << 30,
        default_channels=("bioconda", "conda-forge"),
        channel_alias="https://mirror.example/conda",
        allow_other=True,
        specs_mode=0o3775,
        specs_group="science",
        quota_environments=20,
        quota_builds_per_day=50,
        quota_bytes=10 << 30,
        quotas={"ann": {"environments": None, "own_bytes": 1 << 40}, "@students": {"builds_per_day": 0}},
        image_base="/srv/debian.tar",
        catalog_group="condafs-http",
        http_bind=("[::1]:8080", "unix:/run/condafs-http.sock"),
        http_url="https://envs.example",
        http_directory=Path("/srv/condafs-http"),
        http_open=False,
        http_ui=Path("/srv/conda-store-ui/dist"),
        http_dynamic=True,
        watch=(Path("/srv/specs"), Path("/srv/foo/environment.yml")),
        watch_retire=True,
        gc_keep_generations=0,
        gc_keep_days=30.5,
        gc_keep_packages_days=0.5,
        gc_free_bytes=10 << 30,
        gc_request=Path("/run/condafs/collect"),
    )


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_an_empty_file_leaves_the_defaults(text: str) -> None:
    assert parse_settings(text, DEFAULTS) == DEFAULTS


@pytest.mark.parametrize("text", ["1777", "01777", "0o1777", '"1777"'])
def test_a_mode_is_octal_however_yaml_reads_it(text: str) -> None:
    assert parse_settings(f"specs-mode: {text}", DEFAULTS).specs_mode == 0o1777


@pytest.mark.parametrize("base", ["host", "none"])
def test_an_image_stands_on_the_host_or_on_nothing(base: str) -> None:
    assert parse_settings(f"image-base: {base}", DEFAULTS).image_base == base


def test_the_base_of_an_image_may_be_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert parse_settings("image-base: ~/debian.tar", DEFAULTS).image_base == "/home/somebody/debian.tar"


def test_one_path_may_be_watched_or_several() -> None:
    assert parse_settings("watch: /srv/specs", DEFAULTS).watch == (Path("/srv/specs"),)
    assert parse_settings("watch: []", DEFAULTS).watch == ()
    assert "absolute" in refusal("watch: [specs]")


def test_the_state_directory_has_a_room_for_each() -> None:
    rooms = [DEFAULTS.catalog, DEFAULTS.specs, DEFAULTS.builds, DEFAULTS.packages, DEFAULTS.logs, DEFAULTS.exports]
    assert [str(room) for room in rooms] == [
        f"/state/{name}" for name in ("catalog", "specs", "builds", "packages", "logs", "exports")
    ]


def test_an_unknown_key_is_refused_with_place_and_the_near_one() -> None:
    assert refusal("jobs: 1\nbuild_wall_second: 3\n") == (
        "condafs.yaml:2:1: there is no setting `build_wall_second`\n"
        "    2 | build_wall_second: 3\n"
        "      | ^\n"
        "help: did you mean `build-wall-seconds`?\n"
    )


def test_a_key_like_none_lists_them_all() -> None:
    assert "help: the keys are state, jobs," in refusal("zzzzzz: 1")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("jobs: many", "`jobs` is a whole number from 1, not 'many'"),
        ("jobs: 0", "`jobs` is a whole number from 1"),
        ("jobs: [1]", "`jobs` takes one value"),
        ("attempts: 1.5", "`attempts` is a whole number"),
        ("state: envs", "`state` is an absolute path, not 'envs'"),
        ("build-memory-bytes: 8X", "is a size such as 8G"),
        ("build-wall-seconds: soon", "is a duration such as 90, 2h"),
        ("build-wall-seconds: -1", "is a duration"),
        ("default-channels: conda-forge", "`default-channels` is a list"),
        ("default-channels: []", "`default-channels` is a list"),
        ("channel-alias: conda.example", "is a URL with its scheme"),
        ("allow-other: perhaps", "`allow-other` is yes or no"),
        ("quota-environments: many", "`quota-environments` is a whole number or none"),
        ("quota-bytes: -1", "`quota-bytes` is a size"),
        ("quotas: [ann]", "`quotas` is a mapping"),
        ("quotas: {ann: 5}", "of ann is a mapping with some of environments, builds-per-day, bytes"),
        ("quotas: {ann: {rooms: 5}}", "of ann has no 'rooms'"),
        ("quotas: {ann: {bytes: x}}", "of ann: bytes is a size"),
        ("gc-keep-generations: -1", "`gc-keep-generations` is a whole number from 0, not '-1'"),
        ("gc-keep-days: soon", "`gc-keep-days` is a number of days, or a duration such as 12h, not 'soon'"),
        ("gc-free-bytes: 10%", "`gc-free-bytes` is a size"),
        ("gc-request: collect", "`gc-request` is an absolute path"),
        ("specs-mode: 999", "is a mode of three or four octal digits"),
        ("image-base: debian:12", "`image-base` is host, none or an absolute path, not 'debian:12'"),
        ("image-base: [host]", "`image-base` takes one value"),
        ("image-base:", "`image-base` is host, none or an absolute path, not ''"),
        ("image-base: ~nobody-of-that-name/a.tar", "`image-base` is host, none or an absolute path"),
        ("backoff-cap-seconds: 1", "is shorter than `backoff-initial-seconds`"),
        ("jobs: 1\njobs: 2", "`jobs` stands here a second time"),
        ("- jobs", "settings are `key: value` lines"),
        ("[a]: 1", "a key must be a plain word"),
        ("jobs: [", "this is not YAML"),
        ("jobs: \x01", "this is not YAML"),
    ],
)
def test_a_wrong_value_is_refused_by_name(line: str, says: str) -> None:
    assert says in refusal(line)


def test_a_settings_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no settings file"):
        load_settings(tmp_path / "none.yaml")


def test_a_default_settings_file_need_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert load_settings().state == tmp_path / "data" / "condafs"
    (tmp_path / "condafs.yaml").write_text("jobs: 7")
    assert load_settings().jobs == 7


def test_the_state_directory_on_the_command_line_is_stronger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "condafs.yaml"
    file.write_text("\ufeffstate: /elsewhere\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings(file, Path("here")).state == tmp_path / "here"
    assert load_settings(file).state == Path("/elsewhere")


def test_a_refused_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "condafs.yaml"
    file.write_text("job: 1")
    with pytest.raises(UserError, match=f"{file}:1:1: there is no setting `job`") as caught:
        load_settings(file)
    assert "did you mean `jobs`?" in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "condafs.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot read the settings file"):
        load_settings(file)


@given(st.integers(0, 1 << 20), st.sampled_from("KMGT"))
def test_sizes_scale_by_1024(number: int, unit: str) -> None:
    assert (
        parse_size(f"{number}{unit}")
        == parse_size(f"{number} {unit.lower()}iB")
        == number << (10 * ("KMGT".index(unit) + 1))
    )


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_durations_add_their_parts(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


def test_the_platform_is_condas_word() -> None:
    assert machine_platform().startswith("linux-")


def test_the_server_listens_on_this_machine_unless_told_otherwise() -> None:
    settings = Settings(state=Path("/state"), http_directory=Path("/http"))
    assert settings.http_addresses == ("127.0.0.1:8080", "unix:/http/socket")
    assert replace(settings, http_directory=Path("/h" * 60)).http_addresses == ("127.0.0.1:8080",)
    assert replace(settings, http_bind=("[::1]:80",)).http_addresses == ("[::1]:80",)


def test_limits_of_what_packages_run_and_the_sandbox_they_run_in() -> None:
    defaults = Settings(state=Path("/state"))
    settings = parse_settings("sandbox: bubblewrap\nbuild-processes: 0\nbuild-file-bytes: 1G\n", defaults)
    assert (settings.sandbox, settings.build_processes, settings.build_file_bytes) == ("bubblewrap", 0, 1 << 30)
    with pytest.raises(SpecificationError, match="auto, none, landlock, bubblewrap, unit"):
        parse_settings("sandbox: docker\n", defaults)

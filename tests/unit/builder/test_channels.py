"""Names become channels, `channel::package` becomes exact."""

import pytest

from condafs.builder.channels import find_channels, place_dependencies
from condafs.builder.failure import classify
from condafs.builder.protocol import FailureKind

ALIAS = "https://alias.invalid"


def urls(names: list[str]) -> list[str]:
    return [channel.base_url for channel in find_channels(names, ALIAS)]


def test_names_are_below_the_alias_and_urls_are_as_they_are() -> None:
    assert urls(["conda-forge", "https://example.invalid/some/channel", "file:///srv/channel"]) == [
        "https://alias.invalid/conda-forge/",
        "https://example.invalid/some/channel/",
        "file:///srv/channel/",
    ]


def test_an_alias_with_a_path_keeps_it() -> None:
    assert find_channels(["small"], "file:///srv/channels")[0].base_url == "file:///srv/channels/small/"


def test_order_is_priority_and_a_channel_counts_once() -> None:
    assert urls(["b", "a", f"{ALIAS}/b"]) == [f"{ALIAS}/b/", f"{ALIAS}/a/"]


def test_a_package_of_a_listed_channel_is_looked_for_there() -> None:
    channels = find_channels(["file:///srv/small", "conda-forge"], ALIAS)
    placed, found = place_dependencies(["small::numpy >=1", "python"], channels, ALIAS)
    assert placed == ["file:///srv/small::numpy >=1", "python"]
    assert found == channels


def test_a_channel_that_only_a_package_names_comes_last() -> None:
    channels = find_channels(["conda-forge"], ALIAS)
    placed, found = place_dependencies(["bioconda::samtools"], channels, ALIAS)
    assert placed == [f"{ALIAS}/bioconda::samtools"]
    assert [channel.base_url for channel in found] == [f"{ALIAS}/conda-forge/", f"{ALIAS}/bioconda/"]


def test_a_channel_that_cannot_be_one_is_the_specifications_fault() -> None:
    with pytest.raises(Exception, match=r".") as caught:
        find_channels(["http://[broken"], ALIAS)
    assert classify(caught.value)[0] is FailureKind.BAD_SPEC


def test_defaults_are_condas_default_channels_below_the_alias() -> None:
    found = find_channels(["conda-forge", "defaults"], "https://mirror.example")
    assert [channel.base_url for channel in found] == [
        "https://mirror.example/conda-forge/",
        "https://mirror.example/main/",
        "https://mirror.example/r/",
    ]

"""Channels: one spelling, and refusals."""

import pytest

from tests.unit.spec.asked import assert_refused, read, refusal


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (
            "channels:\n  - https://x.org/a/linux-64\ndependencies: []\n",
            "2:21",
            "a channel is named without its platform",
            "remove /linux-64: the platform's packages and noarch ones are found below the channel",
        ),
        (
            "channels:\n  - ./local\ndependencies: []\n",
            "2:5",
            "the channel './local' is a relative path",
            "the daemon stands nowhere beside this file: write an absolute path or a URL",
        ),
        (
            "channels:\n  - https://***@x.org/a\ndependencies: []\n",
            "2:13",
            "the credentials of this URL are masked",
            "put them back for '***'",
        ),
        (
            "channels:\n  - ftp://x.org/a\ndependencies: []\n",
            "2:5",
            "a channel cannot be read over 'ftp'",
            "channels are read over https, http, file, s3 and oci",
        ),
        (
            "dependencies:\n  - numpy[channel='a b']\n",
            "2:20",
            "'a b' is neither a channel's name nor its URL",
            "as in conda-forge",
        ),
        (
            "dependencies: []\nchannels: [https://host.org/$TEAM/a]\n",
            "2:29",
            "the channel 'https://host.org/$TEAM/a' has a variable in it",
            "condafs expands no variables: write the value (credentials are masked wherever they are shown)",
        ),
    ],
)
def test_what_cannot_be_a_channel_is_refused(text: str, place: str, message: str, hint: str | None) -> None:
    assert_refused(text, place, message, hint)


def test_a_refusal_shows_no_credentials_and_keeps_its_column() -> None:
    error = refusal("dependencies: []\nchannels:\n  - https://joe:secret@host.org/a b\n")
    assert error.render("foo.yaml").splitlines() == [
        "foo.yaml:3:5: 'https://***@host.org/a b' is neither a channel's name nor its URL",
        "    3 |   - https://**********@host.org/a b",
        "      |     ^",
        "help: as in conda-forge",
    ]


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("conda-forge", "conda-forge"),
        ("conda-forge/", "conda-forge"),
        ("conda-forge/label/dev", "conda-forge/label/dev"),
        ("https://host.org/a/", "https://host.org/a"),
        ("https://joe:secret@host.org/t/tk-1/a", "https://joe:secret@host.org/t/tk-1/a"),
        ("/srv/channels/my own", "file:///srv/channels/my%20own"),
        ("file:///srv/channel", "file:///srv/channel"),
        ("oci://host.org/a", "oci://host.org/a"),
    ],
)
def test_a_channel_has_one_spelling(text: str, spelled: str) -> None:
    assert read(f"dependencies: []\nchannels: ['{text}']\n").channels == (spelled,)


def test_channels_keep_their_order_without_nodefaults_and_repetitions() -> None:
    text = "dependencies: []\nchannels: [b, a, nodefaults, b/, defaults]\n"
    assert read(text).channels == ("b", "a", "defaults")

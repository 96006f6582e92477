"""Files of other programs, and keys that are nearly right."""

import pytest

from tests.unit.spec.asked import assert_refused


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (
            "name: a\ndependancies:\n  - numpy\n",
            "2:1",
            "there is no key 'dependancies'",
            "did you mean 'dependencies'?",
        ),
        ("chanels:\n  - numpy\ndependencies: []\n", "1:1", "there is no key 'chanels'", "did you mean 'channels'?"),
        (
            "exclude_newer: 2026-01-01\ndependencies: []\n",
            "1:1",
            "there is no key 'exclude_newer'",
            "did you mean 'exclude-newer'?",
        ),
        (
            "zzzzzz: x\ndependencies: []\n",
            "1:1",
            "there is no key 'zzzzzz'",
            "there are name, channels, dependencies, variables, platforms, exclude-newer, image, description, prefix",
        ),
        (
            "dependencies:\n  - python\npip:\n  - requests\n",
            "3:1",
            "there is no key 'pip'",
            "a 'pip:' list is an item of 'dependencies:': `  - pip:`",
        ),
        ("imgae:\n  user: x\ndependencies: []\n", "1:1", "there is no key 'imgae'", "did you mean 'image'?"),
        ("dependencies: []\nenv_vars: {A: 1}\n", "2:1", "there is no key 'env_vars'", "did you mean 'variables'?"),
        (
            "version: '3'\nservices:\n  web:\n    image: x\n",
            "1:1",
            "this is a compose file of containers, not an environment file",
            "environment files have `dependencies:`",
        ),
        (
            "apiVersion: v2\nname: foo\ndependencies:\n  - name: x\n    version: 1\n",
            "1:1",
            "this is a Helm chart, not an environment file",
            "environment files have `channels:` and `dependencies:` of packages",
        ),
        (
            "apiVersion: v1\nkind: Pod\n",
            "1:1",
            "this is a Kubernetes manifest, not an environment file",
            "environment files have `dependencies:`",
        ),
        (
            "on: push\njobs: {}\n",
            "1:1",
            "this is a workflow of GitHub Actions, not an environment file",
            "environment files have `dependencies:`",
        ),
        (
            "version: 1\nmetadata: {}\npackage: []\n",
            "1:1",
            "this is a lock of conda-lock, not an environment file",
            "`conda-lock render --kind explicit` makes one to copy",
        ),
        (
            "package:\n  name: x\nbuild: {}\n",
            "1:1",
            "this is a recipe of a package, not an environment file",
            "environment files have `dependencies:`",
        ),
        (
            "version: 6\nenvironments: {}\npackages: []\n",
            "1:1",
            "this is a lock of rattler or pixi, not an environment file",
            "give the file a name that ends in .lock",
        ),
    ],
)
def test_what_is_no_environment_file_is_told_what_it_is(text: str, place: str, message: str, hint: str | None) -> None:
    assert_refused(text, place, message, hint)

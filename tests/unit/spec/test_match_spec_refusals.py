"""Match specs that are refused: each with the likely remedy."""

import pytest

from tests.unit.spec.asked import assert_refused, refusal


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("numpy=>1.2", 10, "there is no operator '=>'", "write >="),
        ("'numpy=<1.22'", 11, "there is no operator '=<'", "write <="),
        ("streamlit=", 14, "no version behind '='", "remove '=' or write the version"),
        (
            "codecov[toml]",
            12,
            "[toml] is an extra of pip; conda packages have none",
            "write the line below 'pip:', or name the packages that [toml] stands for",
        ),
        ("git+https://github.com/a/b", 5, "a repository is nothing conda can install", "put the line below 'pip:'"),
        ("bioconda::bowtie2:2.4.1", 22, "one ':' says nothing", "write bowtie2=2.4.1"),
        ("conda-forge:numpy", 16, "one ':' says nothing", "write conda-forge::numpy"),
        (
            "scipy=1.11.",
            11,
            "'1.11.' is no version: it ends with a dot",
            "remove the dot, or write 1.11.* for all versions that begin so",
        ),
        ("tifffile=2022.4.8/", 22, "'/' cannot be a build", "as in python=3.12=*_cpython"),
        ("\"'numpy'\"", 6, "quotes within quotes", "keep one pair of quotes"),
        ("-r requirements.txt", 5, "'-r' is an option, not a package", "pip's options go below 'pip:'"),
        ("-numpy", 5, "a package's name cannot begin with a dash", "a list item is '- name', with a blank"),
        (
            "numpy >=1.2 <2",
            17,
            "a second constraint behind a blank would be taken for a build",
            "join them by a comma: numpy >=1.2,<2",
        ),
        ("“numpy”", 5, "the character U+201C in a package", "type it again in ASCII"),
        ("numpy\xa01.2", 10, "the character U+00A0 in a package", "type it again in ASCII"),
        ("numpy ^1.2", 11, "there is no operator '^'", "conda has no '^': write the limits, as in >=1.2,<2"),
        ("numpy*", 10, "a package's name cannot be a pattern", "write each package's name"),
        (
            "numpy >1.2.*",
            12,
            "'>1.2.*' is read in different ways by conda and mamba",
            "write >=1.2 for that version and later ones; >1.2 leaves out 1.2 itself",
        ),
        ("numpy@1.2", 10, "versions do not follow '@' here", "write numpy=1.2"),
        (
            "numpy; python_version<'3'",
            10,
            "conda has no conditions behind ';'",
            "put the line below 'pip:', or leave it out",
        ),
        ("./numpy-1-0.conda", 5, "a relative path: nothing lies beside this file", "write an absolute path or a URL"),
        (
            "https://x.org/numpy-1-py3.whl",
            5,
            "this is nothing conda can install",
            "pip can: write the line below 'pip:'",
        ),
        ("numpy[vesion='>=1']", 11, "a match spec has no 'vesion'", "did you mean 'version'?"),
        ("numpy[version='>=1'", 10, "a '[' without its ']' at the end", "as in numpy[version='>=1.2',build='py*']"),
        ("numpy[build=a,build=b]", 19, "'build' is there twice", "keep one of them"),
        ("numpy 1.2[version=1.3]", 23, "the version is there twice", "keep one of them"),
        ("numpy[md5=abc]", 15, "an md5 has 32 hex digits, not 'abc'", "copy it again"),
        ("numpy[build_number=x]", 24, "'x' cannot be a build number", "as in [build_number='>=1']"),
        ("numpy[subdir=linux64]", 18, "there is no platform 'linux64'", "did you mean linux-64?"),
        ("numpy[license='a\\b']", 20, "'a\\\\b' cannot be a license", "remove the key"),
        ("numpy[version='>=1 x']", 23, "'x' behind a version", "constraints are joined by a comma"),
        ("::numpy", 5, "no channel before '::'", "write the channel, or remove '::'"),
        ("conda-forge::", 5, "a package's name is missing behind '::'", "as in conda-forge::numpy"),
        ("conda-forge::noarch::numpy", 24, "a second '::'", "as in conda-forge::numpy or conda-forge/noarch::numpy"),
        (".numpy", 5, "a package's name cannot begin with '.'", "letters, digits, '_', '.' and '-' are allowed"),
        ("numpy.", 10, "a package's name cannot end with '.'", "did you mean numpy?"),
        (
            "numpy-1.2-py_0.conda",
            5,
            "'numpy-1.2-py_0.conda' is an archive's name",
            "write its URL, or name=version=build",
        ),
        ("numpy,scipy", 10, "one package a line", "write 'scipy' in a line of its own"),
        ("numpy(>=1)", 10, "'(' cannot follow a package's name", "as in numpy >=1.2,<2"),
        ("numpy 1.*.3", 11, "'1.*.3' is no version: a '*' can only stand at the end", None),
        ("numpy 1-2_3", 11, "'1-2_3' is no version: it has both '-' and '_'", None),
        (
            "numpy 1234567890123456789",
            11,
            "'1234567890123456789' is no version: it has a number of more than 18 digits",
            None,
        ),
        ("numpy <*", 12, "'<*' is satisfied by no version", None),
        ("numpy (>=1", 15, "a bracket is not closed", "put a ')' here"),
        ("numpy (((((((((1)))))))))", 19, "too many brackets within brackets", None),
        ("numpy >=1,", 15, "a version is missing at the end", "remove what stands before it, or write the version"),
        ("numpy===1.2", 10, "there is no operator '==='", "write =="),
        ("numpy=1.2=", 14, "an empty build behind '='", "remove the '=' or write the build"),
        (
            "numpy=1.2=..",
            15,
            "a version cannot end with a dot",
            "remove the dot, or write .* for all versions that begin so",
        ),
        ("numpy=1.2=py,0", 17, "'py,0' cannot be a build", "as in python=3.12=*_cpython"),
        ("numpy >=1.2 py_0 extra", 21, "'py_0 extra' cannot be a build", "one package a line"),
        ("numpy=1.2=^(py$", 15, "'^(py$' cannot be a build", "as in python=3.12=*_cpython"),
        (
            "ftp://x.org/numpy-1-0.conda",
            5,
            "a package cannot be fetched over 'ftp'",
            "there are https, http, file, s3, oci",
        ),
        (
            "https://x.org/numpy",
            5,
            "the URL does not end in name-version-build.conda or .tar.bz2",
            "a channel's package is written <channel URL>::<package>",
        ),
        (
            "https://x.org/numpy-1-0.conda#sha1:abc",
            35,
            "'sha1' is no sum that packages are known by",
            "there are md5 and sha256",
        ),
        (
            "https://x.org/numpy-1-0.conda[md5=abc]",
            5,
            "a URL with characters that no URL has",
            "one URL, and nothing else behind it",
        ),
        ('"# numpy"', 6, "an empty package name", "remove the line or write a package"),
        ('"conda-forge:: "', 19, "a package's name is missing behind '::'", "as in conda-forge::numpy"),
        ('"*"', 6, "a package's name cannot be a pattern", "write each package's name"),
        ("numpy >>1", 11, "there is no operator '>>'", "the operators are == != <= >= < > ~= ="),
        (
            "numpy[build=a b]",
            19,
            "no key=value within the brackets",
            "as in numpy[version='>=1.2',build='py*']",
        ),
        ("numpy[fn=x]", 14, "'x' is no archive of numpy", "as in numpy[fn='numpy-1.2-py_0.conda']"),
        ("numpy 1[fn=numpy-1-0.conda]", 16, "the version is there twice", "keep one of them"),
        (
            "numpy[url='https://host.org/b-1-0.conda']",
            16,
            "the URL is of b, not of numpy",
            "write the URL alone, without numpy",
        ),
        (
            "numpy[url='ftp://host.org/numpy-1-0.conda']",
            16,
            "a package cannot be fetched over 'ftp'",
            "there are https, http, file, s3, oci",
        ),
    ],
)
def test_a_match_spec_that_nobody_means_is_refused(text: str, column: int, message: str, hint: str | None) -> None:
    assert_refused(f"dependencies:\n  - {text}\n", f"2:{column}", message, hint)


def test_a_constraint_that_a_flow_list_cut_off_is_told_so() -> None:
    hint = 'in a list in [ ] put quotes around a package with commas, as in ["numpy>=1,<2"]'
    assert_refused("dependencies: [numpy>=1.2,<2]\n", "1:27", "a version without a package before it", hint)


def test_a_folded_scalar_that_swallowed_the_next_item_is_told_so() -> None:
    text = "dependencies:\n  - tensorflow-probability\n    - alabaster\n"
    hint = "the dashes of one list begin in one column"
    assert_refused(text, "2:5", "a list item has swallowed the next one", hint)


def test_two_packages_folded_into_one_item_are_told_so() -> None:
    hint = "one package a line: is 'pandas' another one? If it is a version, write numpy==pandas"
    assert_refused("dependencies:\n  - numpy\n    pandas\n", "2:5", "'pandas' does not look like a version", hint)


def test_a_caret_points_within_quotes() -> None:
    assert_refused('dependencies: ["numpy =>1.2"]\n', "1:23", "there is no operator '=>'", "write >=")


def test_a_caret_stays_at_the_beginning_where_yaml_has_escapes() -> None:
    assert_refused('dependencies: ["\\x6eumpy =>1.2"]\n', "1:16", "there is no operator '=>'", "write >=")


def test_a_package_without_end_is_refused() -> None:
    assert refusal("dependencies:\n  - " + "n" * 5000).message == "a dependency has 5,000 characters; 4,096 are allowed"


def test_an_expression_of_a_thousand_groups_is_refused_and_not_a_crash() -> None:
    expression = "^" + "(a|" * 900 + "b" + ")" * 900 + "$"
    assert refusal(f"dependencies:\n- 'zz-lib=1={expression}'\n").message.startswith("'^(a|(a|")

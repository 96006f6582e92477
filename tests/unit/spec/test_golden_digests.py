"""Golden digests: identity must never drift by accident.

A digest here may change only together with `canonical.FORMAT`, and then every build there is gets another name.
"""

import pytest

from condafs.spec import digest_of, to_canonical
from tests.unit.spec.asked import read

LOCK = """\
version: 6
environments: {a: {packages: {linux-64: [conda: /a/noarch/b-1-0.conda]}}}
packages:
- conda: /a/noarch/b-1-0.conda
  md5: d41d8cd98f00b204e9800998ecf8427e
"""

GOLDEN = [
    ("foo.yaml", "dependencies: []\n", "c0961b776a54b3fef099e0d34dbf60ef560507cc26077fdb1badd87b45945ec6"),
    ("bar.yaml", "dependencies: []\n", "48209c8e13ad523612b1dec147ed10825d3adae3b83bb964ea35b197d3c493a5"),
    ("foo.yaml", "name: bar\ndependencies: []\n", "48209c8e13ad523612b1dec147ed10825d3adae3b83bb964ea35b197d3c493a5"),
    (
        "foo.yaml",
        "name: 3.10\ndependencies: [numpy]\n",
        "68168a8af29ad6e36b2fbdac0fe5a4fde90db03527361e245d836cacc4d846e0",
    ),
    (
        "foo.yaml",
        "name: Émile\ndependencies: [numpy]\n",
        "c7e5e43d67f81bfd68a6a3690e7bdf76c5acfc118d7b812e84fde2b1895ef3ec",
    ),
    ("foo.yaml", "dependencies: [numpy]\n", "e8ca514f81bcebf99258461cf75129bf7bba3381c06ab7787ec27d0bdc8016b5"),
    ("foo.yaml", "dependencies: [numpy=1.2]\n", "31c2cf3523f00ad6b401c3a3e8759614859c8e3cfaeed925f45e4e8cc5174819"),
    ("foo.yaml", "dependencies: [numpy==1.2]\n", "38fde3498c1383701f2ca31bb2aad6bef2bebd4a7ecf9a9e20515613d24f1cc2"),
    (
        "foo.yaml",
        "dependencies: [numpy=1.2=py_0]\n",
        "50da84e51358712187160bc2d5e0a9362fd3afed7289a1fcd7702599fd110710",
    ),
    (
        "foo.yaml",
        "dependencies: ['numpy>=1.2,<2|>2.1']\n",
        "d5d9e4899be8b9ef84080553e52ff41e9a0588483af30d2b445d1a2fca483028",
    ),
    (
        "foo.yaml",
        "dependencies: ['python=3.11.*=*_cpython']\n",
        "3a2221755bf637c2447420371437cc0082beec87713d8fa7f4f2bc06794a1464",
    ),
    (
        "foo.yaml",
        "dependencies: ['conda-forge::numpy', 'a/noarch::b']\n",
        "bbe16d05cb13207a28e72b653275988c608a4bda15ae00fedad6f667177ef0f2",
    ),
    (
        "foo.yaml",
        "dependencies: [\"pkg[version='>=1',build='py*',build_number=0]\"]\n",
        "f05aa32577bd1f8a32ff96a0d6b1ed79aae9b320943cafb017c28016ea0cd098",
    ),
    (
        "foo.yaml",
        "dependencies: ['numpy 1.2 py*|h*']\n",
        "e37d5ef726ea9fa83ab72ca5f76b1b5373c9913816540b909bba4c062d6c5302",
    ),
    (
        "foo.yaml",
        "dependencies: ['https://host.org/a/linux-64/b-1-0.conda#d41d8cd98f00b204e9800998ecf8427e']\n",
        "5dc0b734bab603b2c079fb630aeaf1443cc3980f6b8d6a73791ddaec8f584c51",
    ),
    (
        "foo.yaml",
        "dependencies: [numpy]\nimage: {base: none, labels: {a: b}, entrypoint: [c], user: d, workdir: /e}\n",
        "e8ca514f81bcebf99258461cf75129bf7bba3381c06ab7787ec27d0bdc8016b5",  # as without
    ),
    ("foo.yaml", "dependencies: [b, a, c, a]\n", "d450ea629ccc0f31f9f842d72a4f06783ca83a0fd7c9f1c2cdc9a1ff7ea5cd27"),
    (
        "foo.yaml",
        "channels: [a, b]\ndependencies: []\n",
        "8355aa27ac172d55b17cfaba1fd4fb946d08dfe5613ea61b41e9cdeb8cdd4447",
    ),
    (
        "foo.yaml",
        "channels: [b, a]\ndependencies: []\n",
        "7168d4b593ba7774fa838051396dd88a2b2a40bb635fa9f1162fcd2c87f4d351",
    ),
    (
        "foo.yaml",
        "channels: [nodefaults, 'https://joe:secret@host.org/t/tk-1/a/', /srv/a]\ndependencies: []\n",
        "b8094253b11f5b5a580a855a382d0cc49076ea9b2508f94b249eeae3609dbcc2",
    ),
    (
        "foo.yaml",
        "dependencies: [pip: [requests, --pre]]\n",
        "d376e253e21da88932c6322f43bfe8a9abc4aae055628664ff24b82e9a35272e",
    ),
    (
        "foo.yaml",
        "dependencies: [pip: [--pre, requests]]\n",
        "16295bc3257370ed84718c053c8a9fb99cf11630b36b347299b70e09a80465c3",
    ),
    (
        "foo.yaml",
        "dependencies: [{pip: [a]}, {pip: [b]}]\n",
        "d410639d30e027c5df5645337e15d8bf5f3b541bd9e49753b7f6d1da1d61028d",
    ),
    (
        "foo.yaml",
        "dependencies: []\nvariables: {A: on, B: 010, C: ''}\n",
        "741094af234fef72b9ef03f49183366cba3e84c3e261bebf4b262911407ff74a",
    ),
    (
        "foo.yaml",
        "dependencies: []\nexclude-newer: 2026-11-01\n",
        "204d5a271562858708295d30e40dfab4c1f6b6ae0792a5f6623cae9476d0317f",
    ),
    (
        "foo.yaml",
        "dependencies: []\nexclude-newer: 2026-11-01T12:00:00+02:00\n",
        "880105461df829bc64d1f4c93f964a955f556ff38150355cc3cfa2b04269e529",
    ),
    (
        "foo.txt",
        "@EXPLICIT\nhttps://host.org/a/noarch/b-1-0.conda#d41d8cd98f00b204e9800998ecf8427e\n",
        "0129cac0c91d0fd1315ab5b9a9079a7afdce8728a0d62f88945b4b27d59aa7a9",
    ),
    ("foo.lock", LOCK, "109411e73491b23b7456eda1d59649b5e4757b9957c124e45088da0a9a0e9a8a"),
]


@pytest.mark.parametrize(("file_name", "text", "digest"), GOLDEN)
def test_a_digest_is_what_it_has_always_been(file_name: str, text: str, digest: str) -> None:
    specification = read(text, file_name)
    assert digest_of(specification).hex == digest, to_canonical(specification).decode()


def test_the_canonical_bytes_are_what_they_have_always_been() -> None:
    text = """\
name: foo
channels: [https://host.org/a/, conda-forge]
dependencies: [python=3.12, "numpy>=1.2", pip, {pip: [--pre, requests]}]
variables: {B: é, A: 1}
exclude-newer: 2026-11-01
"""
    assert to_canonical(read(text)).decode() == (
        '{"channels":["https://host.org/a","conda-forge"],"dependencies":["numpy >=1.2","pip","python 3.12.*"],'
        '"exclude-newer":"2026-11-01","format":1,"name":"foo","pip":["--pre","requests"],"platform":"linux-64",'
        '"variables":{"A":"1","B":"é"}}'
    )


def test_the_canonical_bytes_of_a_lock_are_what_they_have_always_been() -> None:
    text = "@EXPLICIT\nhttps://host.org/a/noarch/b-1-0.conda#d41d8cd98f00b204e9800998ecf8427e\n"
    assert to_canonical(read(text, "foo.txt")).decode() == (
        '{"format":1,"name":"foo","packages":[["https://host.org/a/noarch/b-1-0.conda","",'
        '"d41d8cd98f00b204e9800998ecf8427e"]],"platform":"linux-64"}'
    )

"""Match specs: which spellings are one, and which are not."""

import pytest

from condafs.errors import SpecificationError
from condafs.spec.match_spec import normalise_match_spec

SPELLINGS = {
    "numpy": ["numpy", "NumPy", " numpy ", "numpy *", "numpy=*", "numpy==*", "numpy >=*", "numpy=*=*", "numpy[]"],
    "numpy ==1.2": ["numpy 1.2", "numpy==1.2", "numpy == 1.2", "numpy[version=1.2]", "numpy (1.2)", "numpy\t1.2"],
    "numpy 1.2.*": ["numpy=1.2", "numpy =1.2", "numpy= 1.2", "numpy = 1.2", "numpy 1.2.*", "numpy=1.2.*", "numpy 1.2*"],
    "numpy 1.2.* ": ["numpy==1.2.*", "numpy=1.2*", "numpy 1.2.*.*", "numpy[version='=1.2']"],
    "numpy ==1.2 py_0": ["numpy=1.2=py_0", "numpy==1.2=py_0", "numpy 1.2 py_0", "numpy==1.2==py_0", "numpy =1.2 =py_0"],
    "numpy ==1.2 py_0 ": ["numpy = 1.2 = py_0", "numpy=1.2 py_0", "numpy[version=1.2,build='py_0']"],
    "numpy ==1.2  ": ["numpy=1.2=*", "numpy 1.2 *"],
    "numpy 1.2.* py_0": [
        "numpy=1.2.*=py_0",
        "numpy=1.2[build=py_0]",
        "numpy 1.2.* py_0",
        "numpy[build=py_0,version='=1.2']",
    ],
    "numpy * py*": ["numpy=*=py*", "numpy * py*", "numpy[build=py*]"],
    "numpy >=1.2,<2": [
        "numpy>=1.2,<2",
        "numpy >= 1.2 , < 2",
        "numpy <2,>=1.2",
        "numpy (>=1.2),(<2,>=1.2)",
        "numpy >=1.2,<2,*",
    ],
    "numpy >=1.2,<2|>2.1": ["numpy>=1.2,<2|>2.1", "numpy >2.1 | >=1.2,<2", "numpy ((<2,>=1.2)|>2.1)"],
    "numpy >3|<2": ["numpy (<2|>3),(<2|>3)", "numpy *,(<2|>3)", "numpy ((<2|>3),*)"],
    "numpy !=2,(>=1|<0.5)": ["numpy (>=1|<0.5),!=2", "numpy !=2 , (<0.5 | >=1)"],
    "numpy 1.2.*|1.3.*": ["numpy=1.2|=1.3", "numpy 1.3.*|1.2.*|=1.2"],
    "numpy 1.2.*|1.3.* py_0": ["numpy=1.2|=1.3=py_0", "numpy =1.2|=1.3 py_0"],
    "numpy ==1.3|1.2.*": ["numpy=1.2|1.3"],
    "numpy  ": ["numpy =1.2|*", "numpy *|>1,<2"],
    "numpy >=1.2": ["numpy>=1.2.*", "numpy >=1.2*"],
    "numpy <=1.2": ["numpy <=1.2.*"],
    "numpy ~=1.2": ["numpy~=1.2", "numpy ~=1.2.*"],
    "numpy !=1.2.*": ["numpy!=1.2.*", "numpy != 1.2*"],
    "numpy ==1.2rc1": ["numpy 1.2RC1", "numpy==1.2rc1"],
    "python 3.11.* *_cpython": ["python=3.11.*=*_cpython"],
    "numpy ==1.2 ^(h.*|py.*)$": ["numpy=1.2=py*|h*", "numpy 1.2 h*|py*|h*", "numpy 1.2 ^(h.*|py.*)$"],
    "numpy ==1.2 ^(a\\.b|c\\+d)$": ["numpy 1.2 c+d|a.b"],
    "conda-forge::numpy": [
        "conda-forge::numpy",
        "conda-forge:: NumPy",
        "numpy[channel=conda-forge]",
        "conda-forge/::numpy",
    ],
    'a::numpy[subdir="linux-64"]': [
        "a/linux-64::numpy",
        "numpy[channel=a,subdir=linux-64]",
        "a::numpy[subdir='linux-64']",
    ],
    "https://host.org/a::numpy": [
        "https://host.org/a::numpy",
        "https://host.org/a/::numpy",
        "numpy[channel='https://host.org/a']",
    ],
    "file:///srv/a::numpy": ["/srv/a::numpy", "file:///srv/a::numpy"],
    'numpy[build_number="0"]': ["numpy[build_number=0]", "numpy[build_number='==0']", 'numpy[build_number="= 00"]'],
    'numpy[build_number=">=1",license="MIT"]': ["numpy[license=MIT, build_number='>=1']"],
    'numpy[md5="d41d8cd98f00b204e9800998ecf8427e"]': ["numpy[md5=D41D8CD98F00B204E9800998ECF8427E]"],
    "numpy ==1.2 0": ["numpy[fn='numpy-1.2-0.conda']", "NumPy[fn=numpy-1.2-0.tar.bz2]"],
    'numpy[url="file:///srv/numpy-1.2-0.conda"]': ["/srv/numpy-1.2-0.conda", "file:///srv/numpy-1.2-0.conda"],
    'b[md5="d41d8cd98f00b204e9800998ecf8427e",url="https://host.org/noarch/b-1-0.tar.bz2"]': [
        "https://host.org/noarch/b-1-0.tar.bz2#d41d8cd98f00b204e9800998ecf8427e",
        "https://host.org/noarch/b-1-0.tar.bz2#md5:D41D8CD98F00B204E9800998ECF8427E",
    ],
    'numpy[url="https://host.org/numpy-1-0.conda"]': ["numpy[url='https://host.org/numpy-1-0.conda']"],
    "numpy >=1": ["numpy >=1  # [linux]", "numpy >=1 #comment"],
    "_libgcc_mutex ==0.1 main": ["_libgcc_mutex=0.1=main"],
    "__glibc >=2.17": ["__glibc>=2.17"],
    "pkg ==1!2.0+3.4": ["pkg==1!2.0+3.4"],
    "openssl ==1.0.1_": ["openssl==1.0.1_"],
}


@pytest.mark.parametrize(
    ("spelled", "written"), [(spelled.rstrip(), written) for spelled, all_of in SPELLINGS.items() for written in all_of]
)
def test_equal_spellings_become_one(spelled: str, written: str) -> None:
    assert str(normalise_match_spec(written)) == spelled


@pytest.mark.parametrize("spelled", [spelled.rstrip() for spelled in SPELLINGS])
def test_the_one_spelling_stays_as_it_is(spelled: str) -> None:
    assert str(normalise_match_spec(spelled)) == spelled


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("numpy=1.2", "numpy 1.2"),
        ("numpy=1.2", "numpy==1.2"),
        ("numpy=1.2=py_0", "numpy=1.2[build=py_0]"),
        ("numpy 1.2", "numpy 1.2.0"),
        ("numpy=1.2", "numpy=1.2.0"),
        ("texlive 2.038", "texlive 2.38"),
        ("numpy >1.2", "numpy >=1.2"),
        ("numpy 1.2 py_0", "numpy 1.2 py_0*"),
        ("numpy 1.2 PY_0", "numpy 1.2 py_0"),
        ("a::numpy", "numpy"),
        ("conda-forge::numpy", "https://host.org/conda-forge::numpy"),
        ("numpy >=1,<2|>3", "numpy >=1,(<2|>3)"),
        ("zz-lib", "zz_lib"),
    ],
)
def test_what_may_mean_different_packages_stays_different(one: str, other: str) -> None:
    assert str(normalise_match_spec(one)) != str(normalise_match_spec(other))


def test_a_match_spec_alone_is_refused_with_its_own_position() -> None:
    with pytest.raises(SpecificationError) as caught:
        normalise_match_spec("numpy =>1.2")
    assert caught.value.render("argument") == (
        "argument:1:7: there is no operator '=>'\n    1 | numpy =>1.2\n      |       ^\nhelp: write >=\n"
    )

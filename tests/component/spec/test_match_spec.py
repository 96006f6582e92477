"""Match specs, held against the library that will solve them: what is accepted parses there and means the same."""

import pytest
from rattler import MatchSpec
from rattler.exceptions import InvalidMatchSpecError

from condafs.errors import SpecificationError
from condafs.spec.match_spec import normalise_match_spec
from tests.unit.spec.test_match_spec import SPELLINGS

REAL = """\
numpy
numpy=1.26
numpy==1.26.4
numpy 1.26.4
numpy=1.26.4=py312heda63a1_0
numpy 1.26.4 py312heda63a1_0
numpy==1.26.4=py312heda63a1_0
numpy>=1.26
numpy >=1.26,<2.0a0
numpy>=1.26, <2
numpy >= 1.26 , < 2
numpy~=1.26
numpy !=1.25.0
numpy>=1.20,!=1.25.*
numpy 1.26.*
numpy=1.26.*
numpy==1.26.*
numpy 1.26*
numpy >=1.26.*
numpy (>=1.26)
numpy[version='>=1.26,<2']
numpy[version=1.26.4]
numpy=1.26[build=py312*]
numpy [build="py312*",version=">=1"]
NumPy
_libgcc_mutex=0.1=main
_openmp_mutex=4.5=1_gnu
ca-certificates=2020.1.1=0
python=3.8
python=3.8.5=h7579374_1
python=3.11.*=*_cpython
python 3.12.* *_cp312
python_abi 3.12.* *_cp312
python_abi=3.8=2_cp38
jpeg=9b=h024ee3a_2
tzdata=2023c
tk=8.6.10=hbc83047_0
openssl=1.1.1k
openssl=1.0.1_
pytorch=1.7.1=py3.8_cuda10.1.243_cudnn7.6.3_0
pytorch=2.1.0=*cuda*
pytorch==1.13.1[build='*cpu*']
cudatoolkit=11.3.1
cuda-version >=12.0,<13
blas=1.0=mkl
blas=*=openblas
blas * openblas
libblas=*=*mkl
mpich=*=external_*
r-base>=4.0
r-base=4.3.2
r-ggplot2=3.4.0=r42hc72bb7e_0
bioconductor-deseq2=1.38.0
samtools=1.17
texlive-core=20230313
perl=5.32.1=2_h7f98852_perl5
gcc_linux-64=12
mesalib=21.2.5
openjdk=8.0.312
pip=23.1.2=pyhd8ed1ab_0
matplotlib=3.7|3.8
scipy>=1,<2|>2.1
scipy >=1.10,<1.11|>=1.12,<2
scipy (>=1.10,<1.11)|1.12.*
jax==0.4.13
epoch==1!2.0
local==1.2+cu118
release==1.0.0rc1
release>=2.0.0.dev0
date=2021.01.01
dashes=2021-01-01
under=1_2_3
conda-forge::numpy
conda-forge::numpy=1.26
conda-forge::numpy >=1.26,<2
conda-forge::numpy=1.26.4=py312heda63a1_0
bioconda::bowtie2=2.4.1
defaults::python
pytorch::pytorch
nvidia/label/cuda-11.8.0::cuda-toolkit
conda-forge/noarch::tzdata
conda-forge/linux-64::python
https://host.org/conda-forge::numpy
https://host.org/conda-forge/linux-64::numpy
https://joe:secret@host.org/a::numpy
file:///srv/channel::numpy
numpy[channel=conda-forge]
numpy[channel='conda-forge',subdir=linux-64]
numpy[subdir=linux-64]
numpy[build_number=0]
numpy[build_number='>=1']
numpy[md5=d41d8cd98f00b204e9800998ecf8427e]
numpy[license=MIT]
https://host.org/conda-forge/linux-64/numpy-1.26.4-py312heda63a1_0.conda
/srv/channel/linux-64/numpy-1.26.4-py312heda63a1_0.tar.bz2
__glibc >=2.17
__cuda
numpy  # [linux]
""".splitlines()

NOT_FOR_RATTLER_EITHER = [
    "numpy=>1.26",
    "numpy=<1.26",
    "numpy=",
    "numpy==",
    "numpy >=",
    "codecov[toml]",
    "git+https://host.org/a/b",
    "bioconda::bowtie2:2.4.1",
    "",
    "tensorflow-probability - alabaster",
    "'numpy'",
    "numpy*",
    "*",
    "numpy@1.26",
    "numpy,scipy",
    "numpy; python_version<'3'",
    "numpy===1.26",
    "numpy ^1.26",
    "numpy>=1.26,",
    "numpy 1.*.3",
    "numpy 1-2_3",
    "numpy(>=1)",
    "https://host.org/numpy-1-py3-none-any.whl",
    "../numpy",
]

ONLY_OURS_REFUSES = [
    "numpy >=1.26 <2",
    "numpy >1.2.*",
    "scipy=1.11.",
    "tifffile=2022.4.8/",
    "-r requirements.txt",
    "-numpy",
    "conda-forge:numpy",
    "conda-forge:main:numpy",
    "numpy:1.26",
    "numpy scipy",
    "numpy 1.26 py_0 extra",
    "numpy[fn=scipy-1-0.conda]",
    "numpy[url='https://host.org/scipy-1-0.conda']",
    "numpy=1.26;",
    "numpy=1.26=",
    "numpy-1.26-py_0.conda",
    "numpy 1.2[version=1.3]",
    "::numpy",
]


def parts(text: str) -> tuple[object, ...]:
    """What the library selects packages by; order within a version does not count, `*` is nothing."""
    spec = MatchSpec(text, strict=False)
    version = str(spec.version or "*")
    build = str(spec.build or "*")
    url = text if "://" in text and "::" not in text else ""
    return (
        spec.name.normalized if spec.name else None,
        frozenset(frozenset(group.split(",")) for group in version.replace("(", "").replace(")", "").split("|")),
        build,
        spec.channel and spec.channel.base_url,
        spec.subdir,
        str(spec.build_number),
        spec.file_name,
        spec.md5,
        bool(url) or "url=" in str(spec),
    )


@pytest.mark.parametrize("text", REAL)
def test_what_people_write_means_the_same_in_its_one_spelling(text: str) -> None:
    assert parts(str(normalise_match_spec(text))) == parts(text)


@pytest.mark.parametrize("spelled", [spelled.rstrip() for spelled in SPELLINGS])
def test_every_spelling_of_ours_is_read_there_and_stable(spelled: str) -> None:
    spec = MatchSpec(spelled, strict=False)
    assert parts(str(normalise_match_spec(str(spec)))) == parts(spelled)


@pytest.mark.parametrize("text", NOT_FOR_RATTLER_EITHER)
def test_what_the_library_refuses_is_refused_before_it_gets_there(text: str) -> None:
    with pytest.raises(SpecificationError):
        normalise_match_spec(text)
    with pytest.raises(InvalidMatchSpecError):
        MatchSpec(text, strict=False)


@pytest.mark.parametrize("text", ONLY_OURS_REFUSES)
def test_what_the_library_would_misread_is_refused(text: str) -> None:
    with pytest.raises(SpecificationError):
        normalise_match_spec(text)
    MatchSpec(text, strict=False)

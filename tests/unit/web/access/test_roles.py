from itertools import pairwise

from condafs.web.access.roles import CONDA_STORE_ROLES, PERMISSIONS, Role


def test_each_role_may_what_those_before_it_may() -> None:
    for lesser, greater in pairwise(Role):
        assert greater.includes(lesser)
        assert greater.includes(greater)
        assert not lesser.includes(greater)
        assert set(PERMISSIONS[lesser]) < set(PERMISSIONS[greater])


def test_viewers_only_read_and_only_administrators_delete_builds() -> None:
    assert all(permission.endswith("::read") for permission in PERMISSIONS[Role.VIEWER])
    assert [role for role in Role if "build::delete" in PERMISSIONS[role]] == [Role.ADMIN]


def test_words_of_conda_store_stand_for_roles() -> None:
    assert CONDA_STORE_ROLES["developer"] is Role.EDITOR
    assert {role.value: role for role in Role}.items() <= CONDA_STORE_ROLES.items()

"""The table of roles is the one that the product promises, cell by cell."""

import pytest

from core.permissions import ROLE_PERMISSIONS, Permission, Role, roles_with

# design: "Roles (per scope; one table in code, this is its start)"
PROMISED = """
                viewer  analyst  developer  approver  admin  pipeline  ticketing
read            yes     yes      yes        yes       yes    yes       yes
upload_scan     -       yes      yes        yes       yes    yes       -
propose_fix     -       yes      yes        yes       yes    yes       -
triage          -       yes      -          yes       yes    -         -
claim           -       yes      yes        yes       yes    yes       yes
review          -       yes      yes        yes       -      -         -
dispose         -       yes      -          yes       -      -         -
approve         -       -        -          yes       -      -         -
administer      -       -        -          -         yes    -         -
"""


def cells() -> list[tuple[Permission, Role, bool]]:
    head, *rows = [line.split() for line in PROMISED.strip().splitlines()]
    return [
        (Permission(name), Role(role), cell == "yes")
        for name, *row in rows
        for role, cell in zip(head, row, strict=True)
    ]


@pytest.mark.parametrize(("permission", "role", "granted"), cells())
def test_a_role_may_what_the_product_promises_and_nothing_else(permission, role, granted):
    assert (permission in ROLE_PERMISSIONS[role]) is granted
    assert (role in roles_with(permission)) is granted


def test_the_promise_covers_every_permission_and_every_role():
    assert {permission for permission, _, _ in cells()} == set(Permission)
    assert {role for _, role, _ in cells()} == set(Role) == set(ROLE_PERMISSIONS)


def test_no_permission_completes_a_finding():
    assert not [name for name in Permission if "complete" in name or "close" in name]

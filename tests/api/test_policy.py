"""The policy table is whole: every view, report and command stands in it, and every mask is valid."""

from __future__ import annotations

import pytest
from graphql import GraphQLError

from api.callers import Caller
from api.policy import (
    COMMANDS,
    CORE_DATA,
    EXTRA_DATA,
    FILE_RIGHTS,
    LOG,
    MEASURED,
    REPORTS,
    VIEWS,
    Right,
    Subject,
    borrowed,
    columns_of,
    entrusted,
    mask,
    right,
    rules_for,
    shown,
)
from domain.customers import ChurnCause, CustomerRegistered, RelationshipEnded
from domain.deciders import DECIDERS
from domain.files import FileRole
from domain.roles import Role
from infra.views import conditions
from infra.views.tables import Table
from tests.api.conftest import BUILT_IN
from tests.api.conftest import REPORTS as DECLARED

TABLES = {view.name: Table(view, 1) for view in BUILT_IN}


def caller(role: Role, **more: object) -> Caller:
    return Caller(id="key:1", actor="mei", role=role, **more)  # type: ignore[arg-type]  # a caller's fields


def test_everything_declared_has_its_rights() -> None:
    assert set(VIEWS) == {view.name for view in BUILT_IN}
    assert set(REPORTS) == set(DECLARED) | {"preview_tier_policy"}
    assert set(COMMANDS) == {command.__name__ for decider in DECIDERS for command in decider.commands}


@pytest.mark.parametrize("role", list(Role))
def test_what_is_not_listed_is_denied(role: Role) -> None:
    for kind in ("report", "command", "nonsense"):
        assert right(caller(role), Subject(kind, "unheard-of")) is Right.NONE
    unlisted = right(caller(role), Subject("view", "unheard-of"))
    assert unlisted is {Role.ADMIN: Right.ALL, Role.ANALYST: Right.MASKED}.get(role, Right.NONE)


def test_a_view_whose_key_is_personal_is_never_masked_and_every_mask_is_valid() -> None:
    for view in BUILT_IN:
        if Right.MASKED in VIEWS[view.name].values():
            assert not {f.name for f in view.fields if f.personal} & set(view.key), view.name
            assert {mask(f) for f in view.fields if f.personal} <= {None, "***"}


def test_own_customers_are_those_whose_owner_one_is_now() -> None:
    agent = caller(Role.AGENT)
    owned = conditions.Test(column="owner", op="eq", value="mei")
    for view in BUILT_IN:
        if right(agent, Subject("view", view.name)) is Right.NONE:
            continue
        where = rules_for(agent, view, TABLES.__getitem__).where
        if VIEWS[view.name] is VIEWS["tier_policies"]:
            assert columns_of(where) == set()
            continue
        while isinstance(where, conditions.Within) and isinstance(where.rows[0].where, conditions.Within):
            where = where.rows[0].where
        assert isinstance(where, conditions.Within), view.name
        assert where.column in ("customer_id", "merged_id")
        assert [rows.where for rows in where.rows] == [owned, borrowed("mei"), entrusted("mei")]


def test_core_and_extra_fields_are_two_classes_and_file_roles_give_what_own_customers_allow() -> None:
    assert not CORE_DATA & EXTRA_DATA
    assert {role for role, given in FILE_RIGHTS.items() if given >= EXTRA_DATA} == {*FileRole}
    may_edit_core = {role for role, given in FILE_RIGHTS.items() if given & CORE_DATA}
    assert may_edit_core == {*FileRole} - {FileRole.OPERATOR, FileRole.CONTRIBUTOR}
    agents = {name for name, rights in COMMANDS.items() if rights[Role.AGENT] is Right.OWN}
    assert set().union(*FILE_RIGHTS.values()) == FILE_RIGHTS[FileRole.CUSTODIAN] == agents


def test_who_is_bound_to_their_own_gets_no_statistics() -> None:
    bound = caller(Role.ADMIN, own_only=True)
    assert right(bound, Subject("report", "tier_distribution")) is Right.NONE
    assert right(bound, MEASURED) is Right.NONE
    assert right(caller(Role.ADMIN), MEASURED) is Right.ALL


def test_a_masked_event_keeps_what_is_not_personal() -> None:
    registered = CustomerRegistered(customer_id="1", name="王", region="上海")
    ended = RelationshipEnded(customer_id="1", cause=ChurnCause.NATURAL, identifiers=("identifier:1",))
    analyst = caller(Role.ANALYST)
    assert right(analyst, LOG) is Right.MASKED
    assert b'"name":"***"' in shown(analyst, registered)
    assert b'"birthday":null' in shown(analyst, registered)
    assert "上海".encode() in shown(analyst, registered)
    assert b"identifier:1" not in shown(analyst, ended)
    assert "王".encode() in shown(caller(Role.AUDITOR), registered)


def test_a_view_about_nobody_is_not_for_those_who_see_their_own() -> None:
    [tiers] = [view for view in BUILT_IN if view.name == "tier_policies"]
    alien = type(tiers)(
        **{name: getattr(tiers, name) for name in tiers.__struct_fields__} | {"name": "other"}
    )
    with pytest.raises(GraphQLError, match="no access to the view other"):
        rules_for(caller(Role.AGENT), alien, TABLES.__getitem__)

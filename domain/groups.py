"""Which customers belong to which group (集团客户): a tree of any depth, without circles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.commands import Command, Id, Named
from domain.customers import require_served
from domain.decider import Boundary, Decider, carry
from domain.errors import DomainError
from domain.events import Event, event
from domain.records import Record

TREE = "kind:group"
"""All places in trees bear it: whether there is a circle, only all of them together can tell."""


@event("ParentAssigned")
class ParentAssigned(Event):
    """The customer stands below another one in the group's tree; None: at the top again."""

    customer_id: str
    parent_id: str | None

    @property
    def tags(self) -> tuple[str, ...]:
        return (TREE,)


class Place(Record):
    """Below whom a customer stands."""

    customer_id: str | None = None
    parent_id: str | None = None


def evolve(state: Place, happened: ParentAssigned) -> Place:
    return Place(customer_id=happened.customer_id, parent_id=happened.parent_id)


class Tree(Record):
    """Below whom each customer stands."""

    parents: Mapping[str, str | None] = {}


def evolve_tree(tree: Tree, happened: ParentAssigned) -> Tree:
    return Tree(parents={**tree.parents, happened.customer_id: happened.parent_id})


class AssignParent(Command):
    """Put a customer below another one in the group's tree (集团客户), or, without a parent, at the top."""

    names = (Named(field="parent_id", noun="customer", live=True),)
    customer_id: Id
    parent_id: Id | None
    """The customer right above; null: nobody."""


class GroupGoesInCircles(DomainError):
    """Customer {parent_id} stands below {customer_id} already: a group is a tree."""

    field = "parent_id"


def decide(state: Place, command: AssignParent, trees: Mapping[str, Tree]) -> Sequence[ParentAssigned]:
    above = command.parent_id
    while above is not None:
        if above == command.customer_id:
            raise GroupGoesInCircles(parent_id=command.parent_id, customer_id=command.customer_id)
        above = trees[TREE].parents.get(above)
    if state.customer_id is not None and state.parent_id == command.parent_id:
        return []
    return [carry(ParentAssigned, command)]


GROUPS = Decider(
    name="group",
    id_field="customer_id",
    initial=Place(),
    evolve=evolve,
    decide=decide,
    commands=(AssignParent,),
    guard=require_served,
    boundary=Boundary(initial=Tree(), evolve=evolve_tree, tags=lambda state, command: (TREE,)),
)

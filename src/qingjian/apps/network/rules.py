"""Who may propose and decide which rows of the registry: a right at every place that a row touches.

A row that lies in no single place (a factor, a target that gets everything, a new region) asks for the right in the
whole node, of the person who proposes it and of the person who decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Organisation, Region, RegionPlacement
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import models, registered

SYNTHETIC = "synthetic"
WHOLE_NODE_CODE = "*"
"""Stands among the regions of a request for rows that lie in no single one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row lies; without region and owner it lies in no single place: the whole node."""

    region: Region | None = None
    organisation: Organisation | None = None

    @property
    def whole_node(self) -> bool:
        return self.region is None and self.organisation is None


WHOLE_NODE = Place()


def places_of(kind: registered.Kind, values: dict[str, Any], existing: Model | None) -> list[Place]:
    """Return every place that a row would touch and touches now, at least one."""
    found = _touched(kind, values)
    if existing is not None:
        found += _touched(kind, {name: getattr(existing, name) for name in kind.fields})
    return list(dict.fromkeys(found)) or [WHOLE_NODE]


def _touched(kind: registered.Kind, values: dict[str, Any]) -> list[Place]:
    if kind.model is Region:
        return _of_region(values)
    if kind.model is RegionPlacement:
        return _of_placement(values)
    if kind.model is models.ForwardTarget:
        return _of_target(values["devices"])
    found = [_place_of(row) for row in values.values() if isinstance(row, _PLACED)]
    if isinstance(region := values.get("region"), Region):
        found.append(Place(region, values.get("organisation")))
    # What is called synthetic raises no alert for people: nobody's own device may be declared so in passing.
    if values.get("kind") == SYNTHETIC or values.get("synthetic"):
        found.append(WHOLE_NODE)
    return found


def _in_tree(region: Region) -> bool:
    return (
        RegionPlacement.objects.filter(region=region).exists()
        or RegionPlacement.objects.filter(parent=region).exists()
        or Organisation.objects.filter(region=region).exists()
    )


def _of_region(values: dict[str, Any]) -> list[Place]:
    registered_region = Region.objects.filter(code=values["code"]).first()
    known = registered_region is not None and _in_tree(registered_region)
    return [Place(registered_region)] if known else [WHOLE_NODE]


def _of_placement(values: dict[str, Any]) -> list[Place]:
    """Both regions, and the one that would lose a part; a region that enters the tree concerns the whole node."""
    region, parent = values["region"], values["parent"]
    earlier = RegionPlacement.objects.filter(region=region).select_related("parent")
    found = [Place(one.parent) for one in earlier]
    found += [Place(one) if _in_tree(one) else WHOLE_NODE for one in (region, parent)]
    return found if earlier else [*found, WHOLE_NODE]


def _of_target(entries: list[Any]) -> list[Place]:
    codes = [one.removeprefix(models.REGION) for one in entries if one.startswith(models.REGION)]
    named = {one for one in entries if not one.startswith(models.REGION)}
    found = [Place(one) for one in Region.objects.filter(code__in=codes)]
    devices = list(models.Device.objects.select_related("point__region").filter(mn__in=named))
    # The owner of a device does not send its frames elsewhere: the region decides.
    found += [Place(one.point.region) for one in devices]
    return found if entries and named <= {one.mn for one in devices} else [*found, WHOLE_NODE]


_PLACED = (
    models.Source,
    models.Permit,
    models.Outlet,
    models.Point,
    models.Device,
    models.Instrument,
    models.Series,
)


def _place_of(row: Any) -> Place:
    if isinstance(row, models.Series | models.Device | models.Instrument):
        row = row.point
    if isinstance(row, models.Permit | models.Outlet):
        row = row.source
    return Place(row.region, row.organisation)


def reaches(user: Any, capability: Capability, places: list[Place]) -> bool:
    """Say whether a person holds a capability at every place."""
    held = account_rules.scope(user, capability)
    if any(one.whole_node for one in places) and not account_rules.may_everywhere(user, capability):
        return False
    return all(
        held.reaches(one.region.pk if one.region else None, one.organisation.pk if one.organisation else None)
        for one in places
        if not one.whole_node
    )


def may_propose(user: Any, places: list[Place]) -> bool:
    """Say whether a person may propose a row that touches these places."""
    return reaches(user, Capability.PROPOSE_REGISTRY, places)


def may_change(user: Any, kind: registered.Kind, row: Model) -> bool:
    """Say whether a person may propose a change of a registered row; who may not does not see its passwords."""
    return may_propose(user, places_of(kind, {name: getattr(row, name) for name in kind.fields}, None))


def decided_in(places: list[Place]) -> list[str]:
    """Return the codes of the regions whose people decide, `WHOLE_NODE_CODE` for the whole node; owners decide nothing."""
    regions = [one.region or (one.organisation.region if one.organisation else None) for one in places]
    return list(dict.fromkeys(one.code if one else WHOLE_NODE_CODE for one in regions))


def may_decide_in(user: Any, codes: list[str]) -> bool:
    """Say whether a person may decide rows of these regions; one that is not registered yet is the whole node's."""
    named = {one.code: one for one in Region.objects.filter(code__in=codes)}
    places = [Place(named[code]) if code in named else WHOLE_NODE for code in codes]
    return reaches(user, Capability.APPROVE_REGISTRY, places)


def may_decide(user: Any, request: models.ChangeRequest) -> bool:
    """Say whether a person may approve or reject a request: somebody else's, with a right at every place it touches."""
    return user != request.author and may_decide_in(user, request.places or [request.region.code])


def may_send_again(user: Any, target: models.ForwardTarget) -> bool:
    """Say whether a person may have frames sent to a target again: a right to command at everything it gets."""
    return reaches(user, Capability.SEND_COMMANDS, list(dict.fromkeys(_of_target(target.devices))))


def require(allowed: bool) -> None:
    """Raise PermissionDenied with a sentence a person understands unless allowed."""
    if not allowed:
        raise PermissionDenied(
            _(
                "Your posts do not reach everything this concerns. What belongs to no single region needs a post for"
                " the whole node."
            )
        )

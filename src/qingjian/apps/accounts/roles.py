"""Roles and what each may do.

A role is held through a post (任职) with a region and an organisation for a period. The three administrators are
separate by rule: system (accounts and running), security (roles and posts) and audit (reads trails, changes nothing).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Capability(StrEnum):
    """Things a person may be allowed to do; object rules narrow them by region and organisation."""

    VIEW_DATA = "data.view"
    VIEW_REGISTRY = "registry.view"
    PROPOSE_REGISTRY = "registry.propose"
    APPROVE_REGISTRY = "registry.approve"
    HANDLE_ALERTS = "alerts.handle"
    MARK_DATA = "data.mark"
    APPROVE_DATA = "data.approve"
    SEND_COMMANDS = "commands.send"
    IMPORT_DATA = "data.import"
    CONFIRM_RULES = "rules.confirm"
    MANAGE_USERS = "users.manage"
    MANAGE_POSTS = "posts.manage"
    READ_AUDIT = "audit.read"
    RUN_SYSTEM = "system.run"
    HANDLE_MATTERS = "matters.handle"
    APPROVE_MATTERS = "matters.approve"
    SUPERVISE = "matters.supervise"


@dataclass(frozen=True, slots=True)
class Role:
    """A role in the field's own words."""

    code: str
    name: Promise
    capabilities: frozenset[Capability]
    own_organisation_only: bool = False
    """Permit holders, agencies and maintenance companies see what belongs to their organisation only."""


C = Capability
CAPABILITY_NAMES: Mapping[Capability, Promise] = {
    C.VIEW_DATA: _("See data"),
    C.VIEW_REGISTRY: _("See the registry"),
    C.PROPOSE_REGISTRY: _("Propose registry changes"),
    C.APPROVE_REGISTRY: _("Approve registry changes"),
    C.HANDLE_ALERTS: _("Handle alerts"),
    C.MARK_DATA: _("Mark data and propose corrections"),
    C.APPROVE_DATA: _("Approve corrections of values"),
    C.SEND_COMMANDS: _("Send commands"),
    C.IMPORT_DATA: _("Import data"),
    C.CONFIRM_RULES: _("Confirm rules"),
    C.MANAGE_USERS: _("Manage accounts"),
    C.MANAGE_POSTS: _("Manage posts"),
    C.READ_AUDIT: _("Read the access trail"),
    C.RUN_SYSTEM: _("Run the system"),
    C.HANDLE_MATTERS: _("Handle matters"),
    C.APPROVE_MATTERS: _("Approve matters"),
    C.SUPERVISE: _("Supervise"),
}
_VIEW = {C.VIEW_DATA, C.VIEW_REGISTRY}

ROLES: Mapping[str, Role] = {
    role.code: role
    for role in (
        Role(
            "leader",
            _("Bureau leader"),
            frozenset(_VIEW | {C.APPROVE_REGISTRY, C.APPROVE_MATTERS, C.SUPERVISE}),
        ),
        Role(
            "data_manager",
            _("Data manager"),
            frozenset(
                _VIEW
                | {C.PROPOSE_REGISTRY, C.APPROVE_REGISTRY, C.HANDLE_ALERTS, C.MARK_DATA, C.SEND_COMMANDS}
                | {C.APPROVE_DATA, C.IMPORT_DATA, C.CONFIRM_RULES, C.HANDLE_MATTERS}
            ),
        ),
        Role(
            "station_staff",
            _("Monitoring station staff"),
            frozenset(
                _VIEW
                | {
                    C.PROPOSE_REGISTRY,
                    C.HANDLE_ALERTS,
                    C.MARK_DATA,
                    C.SEND_COMMANDS,
                    C.IMPORT_DATA,
                    C.HANDLE_MATTERS,
                }
            ),
        ),
        Role("laboratory_staff", _("Laboratory staff"), frozenset(_VIEW | {C.IMPORT_DATA, C.HANDLE_MATTERS})),
        Role(
            "enforcement_officer",
            _("Enforcement officer"),
            frozenset(_VIEW | {C.HANDLE_ALERTS, C.HANDLE_MATTERS}),
        ),
        Role("upper_bureau", _("Upper-level bureau"), frozenset(_VIEW | {C.SUPERVISE})),
        Role(
            "permit_holder",
            _("Permit holder"),
            frozenset(_VIEW | {C.PROPOSE_REGISTRY, C.MARK_DATA, C.HANDLE_ALERTS, C.HANDLE_MATTERS}),
            own_organisation_only=True,
        ),
        Role(
            "maintenance",
            _("Operation and maintenance"),
            frozenset(_VIEW | {C.HANDLE_MATTERS}),
            own_organisation_only=True,
        ),
        Role(
            "testing_agency",
            _("Testing agency"),
            frozenset(_VIEW | {C.HANDLE_MATTERS}),
            own_organisation_only=True,
        ),
        Role(
            "system_administrator",
            _("System administrator"),
            frozenset({C.MANAGE_USERS, C.RUN_SYSTEM, C.VIEW_REGISTRY}),
        ),
        Role(
            "security_administrator",
            _("Security administrator"),
            frozenset({C.MANAGE_POSTS}),
        ),
        Role("audit_administrator", _("Audit administrator"), frozenset({C.READ_AUDIT})),
    )
}

ADMINISTRATORS = frozenset({"system_administrator", "security_administrator", "audit_administrator"})
"""One person may hold at most one of these and no other role beside it."""

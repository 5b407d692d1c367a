"""All writes of the registry: propose, decide, publish the directory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import coordinates, models, recorded, registered, rules, snapshots
from qingjian.apps.network.checking import Proposal, ProposalError, RowError, check
from qingjian.apps.network.taking_over import make_room
from qingjian.apps.records import services as records
from qingjian.apps.rulekeeping import queries as rulekeeping
from qingjian.contracts import directory as contract
from qingjian.contracts.commands import Command
from qingjian.contracts.current import now
from qingjian.contracts.directory import Directory, FileDirectoryStore
from qingjian.contracts.rulebooks import RulebookStore
from qingjian.gateway import forwarding
from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.gateway.registry import after_change

PUBLISHING_LOCK = 212_001


@transaction.atomic
def propose(author: Any, reason: str, proposals: Iterable[Proposal]) -> models.ChangeRequest:
    """Store a change request; ProposalError lists every wrong row, PermissionDenied a row out of reach.

    Rows of one request may refer to each other: each is checked with those before it in place, then undone.
    """
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    lines: list[models.ChangeLine] = []
    errors: list[RowError] = []
    region = organisation = None
    decided_in: list[str] = []
    account_rules.require(author, Capability.PROPOSE_REGISTRY)
    savepoint = transaction.savepoint()
    seen: dict[tuple[Any, ...], int] = {}
    for place_in_list, proposal in enumerate(proposals, start=1):
        number = proposal.row or place_in_list
        values, existing, wrong = check(proposal, number)
        errors.extend(wrong)
        if values is None:
            continue
        kind = registered.KINDS[proposal.kind]
        key = (kind.name, *(getattr(values[name], "pk", values[name]) for name in kind.key))
        if key in seen:
            errors.append(
                RowError(
                    number,
                    kind.field_title(kind.key[0]),
                    _("is the same row as row %(row)d") % {"row": seen[key]},
                )
            )
            continue
        seen[key] = number
        places = rules.places_of(kind, values, existing)
        if not rules.may_propose(author, places):
            errors.append(_out_of_reach(number, places))
            continue
        decided_in += rules.decided_in(places)
        if not places[0].whole_node:
            region, organisation = places[0].region or places[0].organisation.region, places[0].organisation
        coordinates.settle(values, existing)
        of_others = len(lines)
        for other in make_room(kind, values):
            after = registered.plain(kind, other)
            stored = kind.model.objects.filter(pk=other.pk).first()
            lines.append(
                models.ChangeLine(
                    kind=kind.name,
                    key=registered.key_text(kind, after),
                    before=registered.plain(kind, stored) if stored is not None else None,
                    after=after,
                )
            )
            other.save()
        before = registered.plain(kind, existing) if existing is not None else None
        row = _store(kind, existing, values)
        after = registered.plain(kind, row)
        if before != after:
            line = models.ChangeLine(
                kind=kind.name, key=registered.key_text(kind, after), before=before, after=after
            )
            # A region is in its new place before it leaves the old one: in none it would be out of everybody's reach.
            lines.insert(of_others if kind.name == "placement" else len(lines), line)
    transaction.savepoint_rollback(savepoint)
    if errors:
        raise ProposalError(errors)
    if not lines:
        raise ValidationError(_("Nothing would change."))
    request = models.ChangeRequest.objects.create(
        reason=reason.strip(),
        author=author,
        created_at=now(),
        region=_already_stored(region) or author.organisation.region,
        organisation=_already_stored(organisation),
        places=sorted(set(decided_in)),
    )
    for line in lines:
        line.request = request
    models.ChangeLine.objects.bulk_create(lines)
    accounts.record(author, "registry:change:proposed", str(request.pk), {"rows": len(lines)})
    return request


def _out_of_reach(number: int, places: list[rules.Place]) -> RowError:
    if any(one.whole_node for one in places):
        message = _("belongs to no single region: proposing it needs a post for the whole node")
        return RowError(number, _("The row"), message)
    return RowError(number, _("Region"), _("lies outside your posts"))


def _already_stored(row: Any) -> Any:
    """Return a region or organisation unless this very request is to add it."""
    return type(row).objects.filter(pk=row.pk, code=row.code).first() if row is not None else None


def _store(kind: registered.Kind, existing: Any, values: dict[str, Any]) -> Any:
    row = existing if existing is not None else kind.model()
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    if isinstance(row, models.Series):
        _keep_platform_series(row)
    return row


def _keep_platform_series(series: models.Series) -> None:
    """Give a series that reports minutes its place for the platform's own hours, days and months.

    It follows the reported series in everything and is never proposed by people.
    """
    if series.origin == models.Series.Origin.PLATFORM or "minute" not in series.expected:
        return
    followed = ("unit", "decimals", "medium", "averaging", "notice", "valid_from", "valid_to")
    models.Series.objects.update_or_create(
        point=series.point,
        factor=series.factor,
        origin=models.Series.Origin.PLATFORM,
        position=series.position,
        defaults={
            "code": f"{series.code}.platform"[:80],
            **{name: getattr(series, name) for name in followed},
        },
    )


def approve(
    author: Any, request: models.ChangeRequest, version: int, comment: str = ""
) -> models.ChangeRequest:
    """Put a request into force and publish the directory; its author cannot approve it."""
    with transaction.atomic():
        if author == request.author:
            raise PermissionDenied(_("A second person approves what you proposed."))
        rules.require(rules.may_decide(author, request))
        accounts.decide(author, request, version, request.State.APPROVED, comment=comment)
        _put_in_force(author, request)
        accounts.record(author, "registry:change:approved", str(request.pk))
        records.commit("registry.approved", request.pk, recorded.change_decided(request))
    publish_directory()
    return request


def _put_in_force(author: Any, request: models.ChangeRequest) -> None:
    for number, line in enumerate(request.lines.all(), start=1):
        kind = registered.KINDS[line.kind]
        values, existing, errors = check(Proposal(line.kind, line.after), number)
        if values is None:
            raise ProposalError(errors)
        if not _still(kind, existing, line.before):
            raise ValidationError(
                _("%(row)s changed after this was proposed. Reject the request and propose again.")
                % {"row": line}
            )
        places = rules.places_of(kind, values, existing)
        rules.require(rules.may_decide_in(author, rules.decided_in(places)))
        _store(kind, existing, values)
        models.Version.objects.create(
            kind=line.kind, key=line.key, recorded_at=now(), fields=line.after, change=request
        )


def _still(kind: registered.Kind, existing: Any, before: dict[str, Any] | None) -> bool:
    """Say whether a row is what a proposal was made from; fields that the program has got since do not count."""
    if existing is None or before is None:
        return existing is None and before is None
    present = registered.plain(kind, existing)
    return all(present.get(name) == value for name, value in before.items())


@transaction.atomic
def reject(author: Any, request: models.ChangeRequest, version: int, comment: str) -> models.ChangeRequest:
    """Turn a request down with a reason."""
    if not comment.strip():
        raise ValidationError(_("Say why, so that the author can correct it."))
    if author == request.author:
        raise PermissionDenied(_("Somebody else than the author decides."))
    rules.require(rules.may_decide(author, request))
    accounts.record(author, "registry:change:rejected", str(request.pk))
    accounts.decide(author, request, version, request.State.REJECTED, comment=comment.strip())
    records.commit("registry.rejected", request.pk, recorded.change_decided(request))
    return request


@transaction.atomic
def withdraw(author: Any, request: models.ChangeRequest, version: int) -> models.ChangeRequest:
    """Take back one's own request."""
    if author != request.author:
        raise PermissionDenied
    accounts.record(author, "registry:change:withdrawn", str(request.pk))
    accounts.decide(author, request, version, request.State.WITHDRAWN)
    return request


@transaction.atomic
def install(proposals: Iterable[Proposal]) -> int:
    """Register rows without a second person: for the first set-up of a node by its installer only.

    Refused once anybody has decided a change request on this node.
    """
    if models.ChangeRequest.objects.exists():
        raise PermissionDenied(
            _("This node is in use: registry changes go through a proposal and an approval.")
        )
    return register(proposals)


def _installed(kind: registered.Kind, row: Any) -> None:
    fields = registered.plain(kind, row)
    version = models.Version.objects.create(
        kind=kind.name, key=registered.key_text(kind, fields), recorded_at=now(), fields=fields
    )
    records.commit("registry.installed", version.pk, recorded.installed(version))


@transaction.atomic
def register(proposals: Iterable[Proposal]) -> int:
    """Store rows that the program itself brings, with their history and records; returns how many.

    People's rows go through `propose` and `approve`.
    """
    count = 0
    for number, proposal in enumerate(proposals, start=1):
        values, existing, errors = check(proposal, number)
        if values is None:
            raise ProposalError(errors)
        kind = registered.KINDS[proposal.kind]
        coordinates.settle(values, existing)
        for other in make_room(kind, values):
            other.save()
            _installed(kind, other)
        _installed(kind, _store(kind, existing, values))
        count += 1
    return count


def send_again(author: Any, target: models.ForwardTarget, start: datetime, purpose: str) -> int:
    """Let an upper platform get the frames received since a moment once more; returns how many are gone through."""
    rules.require(rules.may_send_again(author, target))
    accounts.record(
        author,
        "forwarding:target:sent-again",
        target.code,
        {"from": start.astimezone(UTC).isoformat(), "purpose": purpose},
    )
    return forwarding.send_again(settings.DATA_FOLDER, target.code, start)


def directory_store() -> FileDirectoryStore:
    """Return the store that gateway and pipeline read; the snapshots it has read it keeps."""
    return _store_of(settings.DATA_FOLDER.directory)


@lru_cache(maxsize=4)
def _store_of(folder: Path) -> FileDirectoryStore:
    return FileDirectoryStore(folder)


def publish_directory() -> Directory:
    """Publish a complete snapshot of what the services need; the version grows by one.

    The rulebook of the moment is kept beside it, so that whoever uses this directory uses these rules.
    """
    with transaction.atomic():
        _wait_for_other_publishers()
        _take_over_secrets()
        store = directory_store()
        before = store.current()
        version = RulebookStore(settings.DATA_FOLDER.rulebook).keep(rulekeeping.rulebook())
        snapshot = snapshots.taken((before.version if before else 0) + 1, version)
        store.publish(snapshot)
        records.commit(recorded.PUBLISHED, snapshot.version, recorded.published(snapshot.version))
    return snapshot


def publish_changed_secrets() -> Directory | None:
    """Publish when a device has accepted a new password (1072) or key (1014); None when the registry has them all.

    The gateway goes by the command until then. The command was authorised when it was given, so no second person is
    asked again.
    """
    if not any(_not_taken_over(row, commands) for row, commands in _changed_secrets()):
        return None
    return publish_directory()


def _changed_secrets() -> list[tuple[models.Device, list[Command]]]:
    if not settings.DATA_FOLDER.commands.exists():
        return []
    queue = SqliteCommandQueue(settings.DATA_FOLDER.commands)
    try:
        changes = queue.changed_secrets()
    finally:
        queue.close()
    by_mn: dict[str, list[Command]] = {}
    for change in changes:
        by_mn.setdefault(change.mn, []).append(change)
    return [(row, by_mn[row.mn]) for row in models.Device.objects.filter(mn__in=by_mn)]


def _not_taken_over(row: models.Device, commands: Sequence[Command]) -> list[Command]:
    """Return the changes the device accepted after the registry's row was last written, oldest first."""
    written = models.Version.objects.filter(kind="device", key=row.code).first()
    return [
        one
        for one in commands
        if one.updated_at and (written is None or one.updated_at > written.recorded_at)
    ]


def _take_over_secrets() -> None:
    """Write the passwords and keys that devices have accepted since into their registry rows."""
    kind = registered.KINDS["device"]
    for row, commands in _changed_secrets():
        news = _not_taken_over(row, commands)
        device = contract.Device(
            row.code, row.mn, row.password, row.name, "", "", sm4_key_hex=row.sm4_key_hex
        )
        for one in news:
            device = after_change(device, one.code, one.parameters)
        if not news:
            continue
        models.Device.objects.filter(pk=row.pk).update(
            password=device.password, sm4_key_hex=device.sm4_key_hex
        )
        row.refresh_from_db()
        version = models.Version.objects.create(
            kind=kind.name, key=row.code, recorded_at=now(), fields=registered.plain(kind, row)
        )
        records.commit("registry.installed", version.pk, recorded.installed(version))


def publish_changed_rulebook() -> Directory | None:
    """Publish when this office's rulebook, or what it switches off of HJ 212, is no longer what the services use.

    None when it is, or before the first directory.
    """
    current = directory_store().current()
    if current is None:
        return None
    same_rules = current.rulebook_version == rulekeeping.rulebook().version
    if same_rules and current.without == rulekeeping.facts_switched_off():
        return None
    return publish_directory()


def follow_rulebook(**_: Any) -> None:
    """Publish after somebody changed the rulebook."""
    publish_changed_rulebook()


_found_same: dict[Path, tuple[Any, ...]] = {}
"""For each folder the state in which register and directory were last known to say the same."""


def _state(pointer: str) -> tuple[Any, ...]:
    """Return what must differ before register and directory can: every row that is written leaves a version, and dated
    moves begin with a day. The hour is in it so that both are compared now and then whatever happens."""
    return pointer, snapshots.newest_row(), _hour(now()), rulekeeping.facts_switched_off()


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def publish_unpublished() -> Directory | None:
    """Publish when the services go by another register than the one in force; None when they do not.

    A publication can fail, or its process end, after the change was approved; and which devices lie in a region that a
    target gets changes on the day of a dated move. A directory names the newest row it was made from, so that one that
    was published within the hour says the same while no other row was written. Everything is compared where that does
    not hold, and once an hour.
    """
    store = directory_store()
    state = _state(store.pointer())
    current = store.current()
    if current is None or _found_same.get(settings.DATA_FOLDER.directory) == state:
        return None
    made = (str(current.version), current.register, _hour(current.published_at), current.without)
    if made != state and not snapshots.taken(current.version, current.rulebook_version).says_the_same(
        current
    ):
        return publish_directory()
    _found_same[settings.DATA_FOLDER.directory] = state
    return None


def _wait_for_other_publishers() -> None:
    # SQLite transactions begin IMMEDIATE: one writer at a time already. On PostgreSQL no row stands for the
    # directory, so a lock of the transaction does; its number is any constant no other code uses.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (PUBLISHING_LOCK,))

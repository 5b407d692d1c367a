"""Changed settings in the access trail get their ledger event."""

import secrets
from datetime import UTC

from django.db import migrations

from qingjian.ledger.commitments import SALT_SIZE, canonical_json, commitment
from qingjian.ledger.entries import Event, encode_entry
from qingjian.ledger.hashing import leaf_hash

SETTINGS = (
    "account:user:added",
    "account:user:opened",
    "account:user:closed",
    "account:password:reset",
    "account:second-factor:reset",
    "integrity:rule:muted",
    "integrity:rule:unmuted",
    "integrity:rules:switched-on",
    "integrity:rules:written",
    "matters:certificate:entered",
    "matters:certificate:revoked",
    "matters:delegation:given",
    "matters:delegation:ended",
    "matters:template:offered",
    "matters:template:approved",
    "matters:template:withdrawn",
    "rule:calendar:imported",
    "system:webhook:added",
    "system:webhook:switched",
)


def enter(apps, editor):
    LedgerEvent = apps.get_model("records", "LedgerEvent")
    lines = apps.get_model("accounts", "AuditEvent").objects.select_related("user").filter(action__in=SETTINGS)
    for line in lines.order_by("pk").iterator(chunk_size=500):
        actor = (
            {"actor": line.user.username, "actor_name": line.user.name} if line.user else {"actor": "installer"}
        )
        content = {
            **actor,
            "action": line.action,
            "subject": line.subject,
            "detail": line.detail,
            "at": line.at.isoformat(),
        }
        moment = line.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        canonical = canonical_json(
            {"v": 1, "kind": "setting.changed", "id": str(line.pk), "at": moment, "content": content}
        )
        salt = secrets.token_bytes(SALT_SIZE)
        entry = encode_entry(Event(commitment(canonical, salt)))
        LedgerEvent.objects.create(
            kind="setting.changed",
            identifier=str(line.pk),
            canonical=canonical,
            salt=salt,
            entry=entry,
            leaf=leaf_hash(entry).hex(),
            created_at=line.at,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_second_factor"),
        ("records", "0001_initial"),
    ]

    operations = [migrations.RunPython(enter, migrations.RunPython.noop)]

"""Regions, placements and organisations that a node was set up with get their history and their ledger event."""

import secrets
from datetime import UTC, datetime

from django.db import migrations

from qingjian.ledger.commitments import SALT_SIZE, canonical_json, commitment
from qingjian.ledger.entries import Event, encode_entry
from qingjian.ledger.hashing import leaf_hash


def rows_of(apps):
    for row in apps.get_model("accounts", "Region").objects.order_by("pk"):
        yield "region", row.code, {"code": row.code, "name": row.name, "level": row.level}
    for row in apps.get_model("accounts", "RegionPlacement").objects.select_related("region", "parent"):
        fields = {
            "region": row.region.code,
            "parent": row.parent.code,
            "valid_from": row.valid_from.isoformat(),
            "valid_to": row.valid_to.isoformat() if row.valid_to else None,
        }
        yield "placement", f"{row.region.code}|{fields['valid_from']}", fields
    for row in apps.get_model("accounts", "Organisation").objects.select_related("region"):
        fields = {
            "code": row.code,
            "name": row.name,
            "kind": row.kind,
            "region": row.region.code,
            "active": row.active,
        }
        yield "organisation", row.code, fields


def enter(apps, editor):
    Version = apps.get_model("network", "Version")
    LedgerEvent = apps.get_model("records", "LedgerEvent")
    known = set(Version.objects.values_list("kind", "key"))
    for kind, key, fields in rows_of(apps):
        if (kind, key) in known:
            continue
        moment = datetime.now(UTC)
        version = Version.objects.create(kind=kind, key=key, recorded_at=moment, fields=fields)
        content = {"actor": "installer", "kind": kind, "key": key, "fields": fields}
        text = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        canonical = canonical_json(
            {"v": 1, "kind": "registry.installed", "id": str(version.pk), "at": text, "content": content}
        )
        salt = secrets.token_bytes(SALT_SIZE)
        entry = encode_entry(Event(commitment(canonical, salt)))
        LedgerEvent.objects.create(
            kind="registry.installed",
            identifier=str(version.pk),
            canonical=canonical,
            salt=salt,
            entry=entry,
            leaf=leaf_hash(entry).hex(),
            created_at=moment,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("network", "0002_longer_notice"),
        ("records", "0001_initial"),
        ("accounts", "0002_second_factor"),
    ]

    operations = [migrations.RunPython(enter, migrations.RunPython.noop)]

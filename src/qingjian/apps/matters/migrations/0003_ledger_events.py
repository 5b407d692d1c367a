"""Lines of trails get their events among those of all other records; rows of the former table were never entered."""

import hashlib
import json
import secrets
from datetime import UTC

import django.db.models.deletion
from django.db import migrations, models

from qingjian.ledger.commitments import SALT_SIZE, canonical_json, commitment
from qingjian.ledger.entries import Event, encode_entry
from qingjian.ledger.hashing import leaf_hash

SIGNING = ("sign", "refuse", "sign-outsider")
PLAIN = {
    ("clue-verification", "report"): ("visited_on", "cause", "conclusion"),
    ("corrective-action", "draft"): ("basis", "days"),
    ("corrective-action", "serve"): ("served_on", "served_how"),
    ("corrective-action", "report"): ("finished_on",),
    ("corrective-action", "pass_recheck"): ("rechecked_on",),
    ("corrective-action", "fail_recheck"): ("rechecked_on", "more_days"),
}


def shown(moment):
    return moment.astimezone(UTC).isoformat() if moment else None


def evidence(row):
    return {
        "file": row.file_id,
        "title": row.title,
        "kind": row.kind,
        "capture": row.capture,
        "recorder": row.recorder,
        "taken_at": shown(row.taken_at),
        "place": place(row.longitude, row.latitude),
        "taken_at_in_file": shown(row.taken_at_in_file),
        "place_in_file": place(row.longitude_in_file, row.latitude_in_file),
    }


def place(longitude, latitude):
    return "" if longitude is None or latitude is None else f"{longitude:.6f},{latitude:.6f}"


def commit_lines(apps, editor):
    LedgerEvent = apps.get_model("records", "LedgerEvent")
    Evidence = apps.get_model("matters", "Evidence")
    lines = apps.get_model("matters", "TrailEntry").objects.select_related("matter", "actor", "on_behalf_of")
    for line in lines.order_by("id").iterator(chunk_size=500):
        typed = json.dumps(line.data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        actor = {"actor": line.actor.username, "actor_name": line.actor.name} if line.actor else {"actor": "system"}
        content = {
            **actor,
            "on_behalf_of": line.on_behalf_of.username if line.on_behalf_of else "",
            "number": line.matter.number,
            "sequence": line.sequence,
            "at": line.at.astimezone(UTC).isoformat(),
            "action": line.action,
            "before": line.before,
            "after": line.after,
            "note": line.note,
            "data": hashlib.sha256(typed.encode()).hexdigest(),
        }
        for name in PLAIN.get((line.matter.kind, line.action), ()):
            content[f"field:{name}"] = line.data.get(name)
        if line.action == "attach" and (row := Evidence.objects.filter(pk=line.data.get("evidence")).first()):
            content["evidence"] = evidence(row)
        kind = "matter.signed" if line.action in SIGNING else "matter.step"
        name = f"{line.matter.number}/{line.sequence}"
        moment = line.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        canonical = canonical_json({"v": 1, "kind": kind, "id": name, "at": moment, "content": content})
        salt = secrets.token_bytes(SALT_SIZE)
        entry = encode_entry(Event(commitment(canonical, salt)))
        LedgerEvent.objects.create(
            kind=kind,
            identifier=name,
            canonical=canonical,
            salt=salt,
            entry=entry,
            leaf=leaf_hash(entry).hex(),
            created_at=line.at,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("matters", "0002_find_by_title"),
        ("records", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(commit_lines, migrations.RunPython.noop),
        migrations.DeleteModel(name="LedgerEntry"),
    ]

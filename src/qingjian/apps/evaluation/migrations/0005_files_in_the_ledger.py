"""Files of measurements get their ledger event; what is imported at the machine itself has no author."""

import secrets
from datetime import UTC

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from qingjian.ledger.commitments import SALT_SIZE, canonical_json, commitment
from qingjian.ledger.entries import Event, encode_entry
from qingjian.ledger.hashing import leaf_hash


def enter(apps, editor):
    LedgerEvent = apps.get_model("records", "LedgerEvent")
    for row in apps.get_model("evaluation", "EnteredFile").objects.select_related("author").order_by("pk"):
        content = {
            "actor": row.author.username,
            "actor_name": row.author.name,
            "digest": row.digest,
            "name": row.name,
            "statistic": row.statistic,
            "rows": row.rows,
            "left_out": row.left_out,
            "series": row.series,
            "at": row.at.isoformat(),
        }
        moment = row.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        canonical = canonical_json(
            {"v": 1, "kind": "file.imported", "id": row.digest, "at": moment, "content": content}
        )
        salt = secrets.token_bytes(SALT_SIZE)
        entry = encode_entry(Event(commitment(canonical, salt)))
        LedgerEvent.objects.create(
            kind="file.imported",
            identifier=row.digest,
            canonical=canonical,
            salt=salt,
            entry=entry,
            leaf=leaf_hash(entry).hex(),
            created_at=row.at,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("evaluation", "0004_trend_warnings_and_standards"),
        ("records", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(enter, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="enteredfile",
            name="author",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to=settings.AUTH_USER_MODEL,
                verbose_name="By",
            ),
        ),
    ]

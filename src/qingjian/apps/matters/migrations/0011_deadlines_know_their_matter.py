from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def fill(apps, editor):
    """Copy kind, region and subject of each matter to its deadlines."""
    of_the_matter = apps.get_model("matters", "Matter").objects.filter(pk=OuterRef("matter_id"))
    apps.get_model("matters", "Deadline").objects.update(
        kind=Subquery(of_the_matter.values("kind")[:1]),
        region_id=Subquery(of_the_matter.values("region_id")[:1]),
        subject_id=Subquery(of_the_matter.values("subject_id")[:1]),
    )


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0004_administratorreset"),
        ("matters", "0010_templates_have_a_region"),
    ]

    operations = [
        migrations.AddField(
            model_name="deadline",
            name="kind",
            field=models.CharField(default="", max_length=40, verbose_name="Kind of matter"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="deadline",
            name="region",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.region",
            ),
        ),
        migrations.AddField(
            model_name="deadline",
            name="subject",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.organisation",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]

"""Runs of one series against several limits shared a finding; each gets its own.

The worst keeps the id that was stated, open or not. The others lose it here; the next rebuild of their outlet (every night
at the latest) gives them one of their own and states all of them, so that none is left open or told twice.
"""

from django.db import migrations
from django.db.models import Count, F


def part(apps, schema_editor):
    runs = apps.get_model("evaluation", "Exceedance").objects.filter(marked=False).exclude(finding="")
    shared = runs.order_by().values("finding").annotate(n=Count("pk")).filter(n__gt=1)
    for finding in list(shared.values_list("finding", flat=True)):
        own = runs.filter(finding=finding).order_by(F("multiple").desc(nulls_last=True), "pk")
        kept = own.first()
        runs.filter(finding=finding).exclude(pk=kept.pk).update(finding="")


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0010_failures")]

    operations = [migrations.RunPython(part, migrations.RunPython.noop)]

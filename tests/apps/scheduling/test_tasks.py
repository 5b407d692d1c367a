from __future__ import annotations

import pytest
from django.db import connection

from qingjian.apps.accounts.models import Region
from qingjian.apps.scheduling.jobs import jobs
from qingjian.apps.scheduling.tasks import renew_statistics


@pytest.mark.django_db
def test_the_planner_knows_the_tables_after_the_job() -> None:
    Region.objects.create(code="990100", name="市", level="city")
    assert renew_statistics()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM sqlite_stat1 WHERE tbl = %s", [Region._meta.db_table])
            assert cursor.fetchone()[0] > 0
    assert "database-statistics" in {one.name for one in jobs()}

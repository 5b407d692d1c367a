"""The tests of the apps ran on the database they were asked to run on."""

from __future__ import annotations

import os

import pytest
from django.db import connection


@pytest.mark.django_db
def test_the_apps_run_on_the_database_asked_for() -> None:
    assert connection.vendor == os.environ.get("QINGJIAN_TEST_DATABASE", "sqlite")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)

"""Several web processes publish the directory at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from qingjian.apps.network import services


@pytest.mark.django_db(transaction=True)
def test_publishers_at_once_each_get_a_version_of_their_own(registry) -> None:
    def publish(_: int) -> int:
        try:
            return services.publish_directory().version
        finally:
            connection.close()

    first = services.directory_store().current().version
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(publish, range(16)))
    assert sorted(versions) == list(range(first + 1, first + 17))
    assert services.directory_store().current().version == first + 16

"""The page of limits: every row is told by what it is about and what it says, in the language of the page."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import translation
from tests.apps.conftest import County

from qingjian.apps.rulekeeping import limit_views, queries, services
from qingjian.rulebook import packaged


@pytest.mark.parametrize("table", queries.LIMIT_TABLES)
def test_every_row_says_what_it_is_about_and_what_it_says(table: str, county: County, client: Client) -> None:
    """Nine tables of levels, bands and checks had lines without a name or without a value."""
    with translation.override("zh-hans"):
        for row in packaged().rows(table):
            assert limit_views._about(row), row.citation
            assert limit_views._says(row), row.citation


def test_checks_are_said_in_the_language_of_the_page(county: County, client: Client) -> None:
    client.force_login(county.person("z", "data_manager", region=county.city))
    client.cookies["django_language"] = "zh-hans"
    page = client.get("/limits/?table=cems_checks&q=校准").content.decode()
    assert "校准零点和量程" in page
    assert "zero+span" not in page.split("<tbody>")[1]


def test_a_refused_file_names_row_and_column_as_people_do(county: County, client: Client) -> None:
    client.force_login(county.person("z", "data_manager", region=county.city))
    client.cookies["django_language"] = "zh-hans"
    held = dict(packaged().rows("noise_limits", standard="GB 3096")[0].values)
    text = services.as_csv("noise_limits", [{**held, "source": "x", "averaging_period": "凌晨"}])
    upload = SimpleUploadedFile("rows.csv", text.encode())
    page = client.post(
        "/limits/propose/?table=noise_limits", {"file_form": "1", "file": upload, "reason": "地方标准"}
    ).content.decode()
    told = page.split("<th>行</th><th>列</th>")[1].split("</table>")[0]
    assert "<td>2</td><td>平均时段</td><td>不认识的统计时段: 凌晨" in told

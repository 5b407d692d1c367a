"""The left menu marks where one is, whichever page it is."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from tests.apps.addresses import PARAMETER, addresses

from qingjian.apps.accounts.models import User
from qingjian.desk import menu

NO_PLACE = (
    "/login/", "/logout/", "/second-factor/", "/password/", "/i18n/", "/live/", "/health/",
    "/public/", "/ledger/<path:name>", "/witness/", "/access-tokens/", "/api/",
)  # fmt: skip
"""Pages before or outside the rooms the menu leads to."""
NO_PAGE = (
    "/posts/<int:pk>/end/", "/registry/template/", "/marks/<int:pk>/withdraw/", "/evidence/<int:pk>/",
    "/signatures/<int:pk>/drawing/", "/webhooks/<int:pk>/switch/", "/integrity/mute",
)  # fmt: skip
"""What is only posted to or downloaded."""
OF_ANY_ELEMENT = ("/evaluations/<int:pk>/why/", "/elements/<str:name>/")
"""Pages of one element among many; which one stands in the address or the result only."""


def marked(path: str, person: User) -> list[str]:
    """Return the addresses of the entries marked on a page."""
    request = RequestFactory().get(path)
    request.user = person
    groups = menu.context(request)["menu"]
    return [item["url"] for group in groups for item in group["items"] if item["active"]]


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        ("/elements/lakes/", "/water/"),
        ("/elements/drinking/7/", "/water/"),
        ("/elements/soil/7/", "/elements/soil/"),
        ("/evaluations/failures/", "/evaluations/rules/"),
        ("/data/provenance/", "/points/"),
        ("/log-books/visits/enter/", "/log-books/remote-sessions/"),
        ("/matters/inbox/", "/matters/inbox/"),
        ("/integrity/suspects/", "/integrity/funnel/"),
    ],
)
def test_a_page_below_no_entry_marks_the_one_it_is_reached_from(registry, path: str, entry: str) -> None:
    assert marked(path, registry.person("staff", "station_staff")) == [entry]


def test_every_page_has_a_place_in_the_menu_of_somebody(registry) -> None:
    posts = ("station_staff", "system_administrator", "audit_administrator")
    people = [registry.person(post, post) for post in posts]

    nowhere = {
        path
        for path in addresses()
        if not path.startswith((*NO_PLACE, *NO_PAGE, *OF_ANY_ELEMENT))
        and not any(marked(PARAMETER.sub("1", path), person) for person in people)
    }
    assert nowhere == set()

from __future__ import annotations

import pytest
from django.test import RequestFactory

from qingjian.ui.returning import own_address


@pytest.mark.parametrize("wanted", ["/rules/?page=2", "/", "http://testserver/points/"])
def test_addresses_of_this_site_are_followed(wanted: str) -> None:
    assert own_address(RequestFactory().get("/"), wanted) == wanted


@pytest.mark.parametrize(
    "wanted",
    ["", "x", "login", "//elsewhere.example/", "https://elsewhere.example/", "javascript:alert(1)", "\x00"],
)
def test_others_and_bare_words_are_not(wanted: str) -> None:
    assert own_address(RequestFactory().get("/"), wanted, "/rules/") == "/rules/"


def test_a_page_over_tls_leads_to_no_page_without() -> None:
    secure = RequestFactory().get("/", secure=True)
    assert own_address(secure, "http://testserver/points/") == "/"

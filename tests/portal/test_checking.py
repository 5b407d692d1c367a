"""Anybody checks a bundle on the open page; what is too large, no zip or a bomb is refused, nothing is kept."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from tests.portal.test_ledger_pages import clock, folder, notary  # noqa: F401 - fixtures

from qingjian.notary.bundle import BundleContent, FileEvidence, build_bundle
from qingjian.notary.notary import Notary
from qingjian.portal import checking


@pytest.fixture
def bundle(notary: Notary) -> bytes:  # noqa: F811
    return build_bundle(notary, BundleContent("示例", files=[FileEvidence("a.txt", "附件", b"content")]))


def send(client, content: bytes | None):
    data = {} if content is None else {"bundle": SimpleUploadedFile("证据.zip", content, "application/zip")}
    return client.post("/public/ledger/", data)


def test_a_bundle_of_this_office_holds(client, bundle) -> None:
    answer = send(client, bundle)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "alert-success" in page
    assert "证据.zip" in page
    assert "files/a.txt" in page


def test_a_changed_file_is_named(client, bundle) -> None:
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive, zipfile.ZipFile(changed, "w") as other:
        for name in archive.namelist():
            other.writestr(name, archive.read(name).replace(b"content", b"c0ntent"))
    page = send(client, changed.getvalue()).content.decode()
    assert "alert-danger" in page
    assert "files/a.txt" in page


def test_a_bundle_of_another_office_does_not_hold_here(client, notary, tmp_path, clock) -> None:  # noqa: F811
    other = Notary(tmp_path / "other", clock, origin="other.example/ledger")
    page = send(client, build_bundle(other, BundleContent("别处"))).content.decode()
    assert "alert-danger" in page


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 no zip", b"x" * 5000])
def test_what_is_no_bundle_gets_a_clear_answer(client, notary, content) -> None:  # noqa: F811
    answer = send(client, content)
    assert answer.status_code == 400
    assert "alert-danger" in answer.content.decode()


def test_what_is_too_large_is_refused(client, bundle, monkeypatch) -> None:
    monkeypatch.setattr(checking, "MOST_BYTES", 100)
    assert send(client, bundle).status_code == 400
    monkeypatch.setattr(checking, "MOST_BYTES", 10**7)
    monkeypatch.setattr(checking, "MOST_INSIDE", 100)
    assert send(client, bundle).status_code == 400


def test_one_check_at_a_time(client, bundle) -> None:
    with checking._one_at_a_time:
        assert send(client, bundle).status_code == 400
    assert send(client, bundle).status_code == 200


def test_before_there_is_a_ledger_nothing_holds(client, folder, tmp_path, clock) -> None:  # noqa: F811
    other = Notary(tmp_path / "other", clock, origin="other.example/ledger")
    assert "alert-danger" in send(client, build_bundle(other, BundleContent("别处"))).content.decode()

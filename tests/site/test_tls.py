"""Browsers that trust the authority reach the node by its names and by no other."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from qingjian.cli.main import app
from qingjian.contracts.folders import DataFolder
from qingjian.site import configuration, tls

NOW = datetime.now(UTC).replace(microsecond=0)
"""OpenSSL asks the clock of the machine."""
NAMES = ("monitor.example.lan", "127.0.0.1")


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


def greet(made: tls.Made, name: str) -> str:
    """Speak TLS with a server of this certificate as a browser does that looks for `name`; return what it says."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(made.certificate, made.key)
    asking = ssl.create_default_context(cafile=str(made.authority))
    here, there = socket.socketpair()

    def serve() -> None:
        try:
            with serving.wrap_socket(there, server_side=True) as one:
                one.sendall(b"here")
        except (ssl.SSLError, OSError):
            there.close()

    server = threading.Thread(target=serve)
    server.start()
    try:
        with asking.wrap_socket(here, server_hostname=name) as one:
            return one.recv(9).decode()
    finally:
        here.close()
        server.join()


def test_who_trusts_the_authority_reaches_the_node_by_its_names_only(folder: DataFolder) -> None:
    made = tls.initialise(folder, NAMES, NOW)
    assert made.new_authority
    assert made.names == NAMES
    for name in NAMES:
        assert greet(made, name) == "here"
    for other in ("other.example.lan", "127.0.0.2"):
        with pytest.raises(ssl.SSLCertVerificationError):
            greet(made, other)


def test_a_stolen_authority_certifies_nothing_else(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls.initialise(folder, NAMES, NOW)
    monkeypatch.setattr(tls, "_check", lambda *_: None)
    made = tls.initialise(folder, ["bank.example"], NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        greet(made, "bank.example")


def test_keys_are_the_owners_alone(folder: DataFolder) -> None:
    made = tls.initialise(folder, NAMES, NOW)
    place = made.key.parent
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert {one.name for one in place.iterdir() if one.stat().st_mode & 0o077} == {
        "authority.pem",
        "node.pem",
    }


def test_a_second_call_renews_the_certificate_and_keeps_the_authority(folder: DataFolder) -> None:
    first = tls.initialise(folder, NAMES, NOW - timedelta(days=100))
    authority, certificate = first.authority.read_bytes(), first.certificate.read_bytes()
    second = tls.initialise(folder, NAMES, NOW)
    assert not second.new_authority
    assert second.until == first.until + timedelta(days=100)
    assert second.authority.read_bytes() == authority
    assert second.certificate.read_bytes() != certificate
    assert greet(second, NAMES[0]) == "here"


def test_a_certificate_never_outlives_its_authority(folder: DataFolder) -> None:
    tls.initialise(folder, NAMES, NOW)
    late = NOW + timedelta(days=tls.AUTHORITY_DAYS - 10)
    made = tls.initialise(folder, NAMES, late)
    assert made.until == NOW + timedelta(days=tls.AUTHORITY_DAYS)
    with pytest.raises(tls.TlsError, match="expired"):
        tls.initialise(folder, NAMES, late + timedelta(days=11))


def test_another_name_needs_another_authority(folder: DataFolder) -> None:
    tls.initialise(folder, NAMES, NOW)
    below = tls.initialise(folder, ["gate.monitor.example.lan"], NOW)
    assert greet(below, "gate.monitor.example.lan") == "here"
    for name in ("example.lan", "notmonitor.example.lan", "127.0.0.2"):
        with pytest.raises(tls.TlsError, match="may not certify"):
            tls.initialise(folder, [name], NOW)
    made = tls.initialise(folder, ["example.lan"], NOW, renew_authority=True)
    assert made.new_authority
    assert greet(made, "example.lan") == "here"


@pytest.mark.parametrize(
    "name", ["", "a b", "300.1.1.1", "-a", "a..b", "https://a", "a:8600", "x" * 64, "a_b", "*.example.lan"]
)
def test_what_is_no_name_is_refused_before_anything_is_made(folder: DataFolder, name: str) -> None:
    with pytest.raises(tls.TlsError, match="neither a host name"):
        tls.initialise(folder, ["good.lan", name], NOW)
    assert list(folder.root.iterdir()) == []


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    with suppress(tls.TlsError):
        assert tls._name(text.strip().lower()).value


def test_chinese_names_are_certified_as_browsers_ask_for_them(folder: DataFolder) -> None:
    made = tls.initialise(folder, ["监测.example.lan", "::1"], NOW)
    assert made.names == ("xn--0zw16r.example.lan", "::1")
    assert greet(made, "监测.example.lan") == "here"
    assert greet(made, "::1") == "here"


@pytest.mark.parametrize("damage", ["authority.pem", "authority.key"])
def test_a_damaged_authority_is_named(folder: DataFolder, damage: str) -> None:
    made = tls.initialise(folder, NAMES, NOW)
    (made.authority.parent / damage).write_text("x")
    with pytest.raises(tls.TlsError, match=r"--new-authority"):
        tls.initialise(folder, NAMES, NOW)


def call(folder: DataFolder, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["tls", "init", "--data", str(folder.root), *words])
    return result.exit_code, result.output


def test_the_command_writes_the_settings_once(folder: DataFolder) -> None:
    (folder.root / "format").write_text("1")
    folder.configuration.write_text('node_name = "n2"\n')
    code, said = call(folder, "--name", "monitor.example.lan")
    assert code == 0
    assert "web_host" in said
    used = configuration.load(folder.root, {}).values
    assert used.node_name == "n2"
    held = x509.load_pem_x509_certificate(Path(used.tls_certificate).read_bytes())
    names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["monitor.example.lan"]
    assert Path(used.tls_key).is_file()
    before = folder.configuration.read_bytes()
    assert call(folder, "--name", "monitor.example.lan")[0] == 0
    assert folder.configuration.read_bytes() == before


def test_the_command_leaves_another_certificate_in_the_settings(folder: DataFolder) -> None:
    (folder.root / "format").write_text("1")
    folder.configuration.write_text('tls_certificate = "/etc/a.pem"\ntls_key = "/etc/a.key"\n')
    before = folder.configuration.read_bytes()
    code, said = call(folder, "--name", "monitor.example.lan")
    assert code == 0
    assert "/etc/a.pem" in said
    assert folder.configuration.read_bytes() == before


def test_the_command_says_what_cannot_be(folder: DataFolder) -> None:
    assert call(folder)[0] == 2
    (folder.root / "format").write_text("1")
    code, said = call(folder, "--name", "a b")
    assert (code, "主机名" in said) == (2, True)
    folder.configuration.write_text("x = ")
    assert call(folder, "--name", "a.lan")[0] == 2

from __future__ import annotations

from pathlib import Path

import pytest

from qingjian.contracts.folders import DataFolder
from qingjian.site.configuration import ConfigurationError, load, secret


def test_environment_goes_before_file_before_default(tmp_path: Path) -> None:
    (tmp_path / "qingjian.toml").write_text('web_port = 8080\nnode_name = "甲县"\n', encoding="utf-8")
    found = load(tmp_path, {"QINGJIAN_WEB_PORT": "9090"})
    assert (found.values.web_port, found.values.node_name, found.values.profile) == (9090, "甲县", "embedded")
    assert (found.origins["web_port"], found.origins["node_name"], found.origins["profile"]) == (
        "environment",
        "file",
        "default",
    )


@pytest.mark.parametrize(
    "text",
    [
        "web_prot = 1",
        'web_port = "many"',
        "web_port = 70000",
        'profile = "cloud"',
        'second_factor = "never"',
        "node_name = 5",
        "demo = 'perhaps'",
        'gateway_limits = "frames_per_second=fast"',
        "= broken",
        "web_port = [1]",
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "qingjian.toml").write_text(text)
    with pytest.raises(ConfigurationError):
        load(tmp_path, {})


def test_a_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    first = secret(folder, "django")
    assert secret(folder, "django") == first
    assert (folder.people / "django.secret").stat().st_mode & 0o077 == 0

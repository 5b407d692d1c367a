"""Prepare a data folder: first administrators of an empty node, or the demo county."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from django.db import transaction

from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.models import Organisation, Post, Region, User
from qingjian.apps.network import self_test
from qingjian.apps.network import services as network
from qingjian.apps.network.services import Proposal
from qingjian.contracts.current import now
from qingjian.contracts.folders import DataFolder, sync_folder, write_durably
from qingjian.site.configuration import Configuration
from qingjian.site.schema import NewerDataError

FORMAT = 1
"""Format of the data folder as a whole; `qingjian upgrade` raises it."""
FIRST_ADMINISTRATORS = ("system_administrator", "security_administrator", "audit_administrator")
UNFINISHED = "demo-unfinished"
"""File that stands in the data folder until the demo county has its history; the next start goes on where one was killed."""
SHOWN_LOGINS = ("juzhang", "shuju", "shenhe", "zhiban", "zhifa1", "huagong", "xitong", "anquan", "shenji")


def prepare(folder: DataFolder, configuration: Configuration, report: Callable[[str], None]) -> list[str]:
    """Create what a first start needs and return the lines about logins to print."""
    check_format(folder)
    unfinished = folder.root / UNFINISHED

    def keep(passwords: dict[str, str]) -> None:
        """Before people hold in the database: nobody may be there whose password nobody knows."""
        path = folder.people / "first-logins.txt"
        write_durably(path, "\n".join(f"{user} {text}" for user, text in passwords.items()).encode())
        path.chmod(0o600)

    if not User.objects.exists():
        if configuration.demo:
            from qingjian.site import demo

            write_durably(unfinished, b"")
            report("建立演示县名录 / registering the demo county …")
            demo.install(keep)
        else:
            with transaction.atomic():
                keep(_empty())
    if unfinished.exists():
        from qingjian.site import demo

        demo.begin(_passwords(folder))
        report("导入历史数据 / importing history …")
        demo.import_history(folder, now(), report)
        unfinished.unlink()
        sync_folder(folder.root)
    _self_test(configuration)
    return _logins(folder, configuration)


def _self_test(configuration: Configuration) -> None:
    """Give every node the synthetic device whose silence proves its alerting, older nodes too."""
    post = Post.objects.filter(role="system_administrator").order_by("pk").first()
    organisation = post.organisation if post else Organisation.objects.order_by("pk").first()
    if organisation is None:
        return
    region = post.region if post else organisation.region
    if self_test.ensure(region, organisation, configuration.gateway_host):
        network.publish_directory()


def check_format(folder: DataFolder) -> None:
    """Write the format of a new folder; refuse a newer one."""
    path = folder.root / "format"
    if not path.exists():
        write_durably(path, str(FORMAT).encode())
        return
    found = int(path.read_text())
    if found > FORMAT:
        raise NewerDataError(
            f"数据目录格式 {found} 比本程序（{FORMAT}）新，请升级程序。 / The data folder has format {found}, newer than this program ({FORMAT}); update the program."
        )


def _empty() -> dict[str, str]:
    network.install(
        [
            Proposal("region", {"code": "000000", "name": "本级行政区", "level": Region.Level.COUNTY}),
            Proposal(
                "organisation",
                {
                    "code": "000000000000000000",
                    "name": "本单位",
                    "kind": Organisation.Kind.BUREAU,
                    "region": "000000",
                },
            ),
        ]
    )
    region, organisation = Region.objects.get(), Organisation.objects.get()
    passwords = {}
    for role in FIRST_ADMINISTRATORS:
        username = role.split("_")[0]
        passwords[username] = password = secrets.token_urlsafe(9)
        user = User.objects.create_user(
            username, username, password, organisation=organisation, must_change_password=True
        )
        accounts.place_post(user, role, organisation, region, datetime(2026, 1, 1, tzinfo=UTC).date())
    return passwords


def _passwords(folder: DataFolder) -> dict[str, str]:
    """Return login name → first password, as long as nobody has taken the file away."""
    path = folder.people / "first-logins.txt"
    return dict(line.split(" ", 1) for line in path.read_text().splitlines()) if path.exists() else {}


def _logins(folder: DataFolder, configuration: Configuration) -> list[str]:
    logins = _passwords(folder)
    wanted = SHOWN_LOGINS if configuration.demo else tuple(logins)
    people = {
        user.username: user
        for user in User.objects.filter(username__in=wanted).select_related("organisation")
    }
    lines = []
    for name in wanted:
        user = people.get(name)
        if user is None or name not in logins or not user.check_password(logins[name]):
            continue
        post = user.posts.first()
        lines.append(
            f"{name:12} {logins[name]:24} {post.get_role_display() if post else ''} · {user.organisation.name}"
        )
    return lines

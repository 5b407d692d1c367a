"""What people order of a device: commands, and reading its kept frames again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network.models import Device
from qingjian.apps.observing import recorded, stores
from qingjian.apps.records import services as records
from qingjian.contracts.commands import Command
from qingjian.contracts.current import now

COMMAND_LIFE = timedelta(minutes=30)


def queue_command(
    author: Any, device: Device, code: str, parameters: dict[str, str], purpose: str
) -> Command:
    """Order a command; the order is in the trail and the ledger before the gateway can see it."""
    account_rules.require(author, Capability.SEND_COMMANDS, region=device.point.region)
    command = Command(
        id=str(uuid.uuid4()),
        mn=device.mn,
        code=code,
        parameters=parameters,
        author=author.username,
        authorisation=f"{Capability.SEND_COMMANDS}:{author.pk}",
        created_at=now(),
        expires_at=now() + COMMAND_LIFE,
        purpose=purpose,
    )
    with transaction.atomic():
        accounts.record(author, "device:command:queued", device.mn, {"code": code})
        records.commit(
            "command.queued",
            command.id,
            recorded.command_queued(author, device.mn, code, parameters, purpose),
        )
    stores.commands().put(command)
    return command


def queue_first_commands(
    author: Any, device: Device, commands: Sequence[tuple[str, dict[str, str]]], purpose: str
) -> list[Command]:
    """Order several commands, to be sent one after another: each when the one before has ended."""
    return [queue_command(author, device, code, parameters, purpose) for code, parameters in commands]


def read_frames_again(author: Any, device: Device, start: datetime, end: datetime, purpose: str) -> None:
    """Order that the kept frames of a device received in [start, end) are read by today's registry.

    Samples from before its registration and refused bytes count as far as they would be accepted today; values that
    exist already stay. The order is in the trail before the pipeline can see it.
    """
    account_rules.require(author, Capability.SEND_COMMANDS, region=device.point.region)
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    period = {"from": start.isoformat(), "to": end.isoformat(), "purpose": purpose}
    accounts.record(author, "device:frames:read-again", device.mn, period)
    stores.order_reading_again(device.mn, start, end)

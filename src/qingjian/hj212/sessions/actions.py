"""What a step of a dialogue asks of its caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from qingjian.hj212.encoder import Group
from qingjian.hj212.message import Message


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Two timers (2017 table 1, configurable through command 1000).

    ``reply``: without an answer the request is sent again, up to ``resends`` times, then the link counts as unusable.
    ``execution``: without data or a result after 9011 or a sub-packet the command has failed; it is not sent again.
    ``operation``: the same for commands that an instrument carries out (3xxx: calibration, sampling, cleaning).
    """

    reply: timedelta = timedelta(seconds=10)
    resends: int = 3
    execution: timedelta = timedelta(seconds=60)
    operation: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Command:
    """Something the host wants of the field device. ``groups``: fields of the data area. ``st`` replaces the state's."""

    id: str
    cn: str
    groups: tuple[Group, ...] = ()
    st: str | None = None
    mn: str | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes to send now. ``repeated``: how often they were sent before."""

    data: bytes
    qn: str
    cn: str
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Bytes (9014 or 9013) to send once ``message`` is stored safely, and not before."""

    data: bytes
    message: Message


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the other side that carries data. ``command_id``: the command it answers, or None."""

    message: Message
    command_id: str | None = None


@dataclass(frozen=True, slots=True)
class CommandAccepted:
    """9011 with QnRtn=1 arrived."""

    id: str


@dataclass(frozen=True, slots=True)
class CommandFinished:
    """The command was done. ``value``: ExeRtn of 9012 (1 done, 100 no data), None for a notification (9013).

    ``late``: the result came after the command had been given up as failed, and takes the place of that failure.
    """

    id: str
    value: int | None
    uploads: int = 0
    late: bool = False


@dataclass(frozen=True, slots=True)
class CommandFailed:
    """The command was not done.

    ``reason``: ``unknown_command``, ``encoding`` (``detail`` says why), ``refused`` (``value`` is QnRtn), ``failed``
    (``value`` is ExeRtn), ``no_answer``, ``execution_timeout``, ``queue_full``, ``disconnected``. ``late`` as of
    ``CommandFinished``.
    """

    id: str
    reason: str
    value: int | None = None
    detail: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class LinkUnusable:
    """All resends stayed without an answer."""

    qn: str
    cn: str


@dataclass(frozen=True, slots=True)
class Unmatched:
    """An answer that belongs to nothing that waits; counted, otherwise ignored."""

    message: Message


@dataclass(frozen=True, slots=True)
class RegistrationWanted:
    """1001 of 2025: a data logger without MN names its hardware; answer with command 1002."""

    message: Message
    hardware: dict[str, str]


@dataclass(frozen=True, slots=True)
class KeyWanted:
    """1014 of 2025: the field device asks for a new SM4 key; answer with command 1014."""

    message: Message


@dataclass(frozen=True, slots=True)
class SettingChanged:
    """A setting of the dialogue changed: ``mn``, ``pw``, ``sm4_key``, ``clock``, ``timeouts``, ``rtd_interval``,
    ``min_interval``, ``realtime``, ``status``. ``value`` is text (a key in hexadecimal)."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Execute:
    """The field device shall do what a request says and then call ``field.complete`` with its QN."""

    qn: str
    cn: str
    message: Message


@dataclass(frozen=True, slots=True)
class SampleDue:
    """It is time to upload real-time data (``2011``) or equipment status (``2021``)."""

    cn: str
    at: datetime


@dataclass(frozen=True, slots=True)
class UploadAcknowledged:
    """9014 (or 9013 for a notification) arrived for what was sent with this QN."""

    qn: str
    cn: str


@dataclass(frozen=True, slots=True)
class UploadFailed:
    """No acknowledgement came; the data are to be sent again later (2025: as backfill)."""

    qn: str
    cn: str


Action = (
    Send
    | Acknowledge
    | Received
    | CommandAccepted
    | CommandFinished
    | CommandFailed
    | LinkUnusable
    | Unmatched
    | RegistrationWanted
    | KeyWanted
    | SettingChanged
    | Execute
    | SampleDue
    | UploadAcknowledged
    | UploadFailed
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A frame that waits for its answer. ``stage``: ``reply`` or ``execution``; of a request that is no longer under way
    ``late`` (given up, its result may still come) or ``ended``."""

    qn: str
    cn: str
    data: bytes
    deadline: datetime
    stage: str = "reply"
    repeated: int = 0
    command: Command | None = None
    uploads: int = 0

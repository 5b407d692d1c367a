"""The acknowledgement of an upload (9014), in the shape of the device's edition."""

from __future__ import annotations

from qingjian.hj212 import checksum
from qingjian.hj212.message import Message
from qingjian.hj212.policy import Policy


def acknowledgement(message: Message, policy: Policy) -> bytes:
    """Return the 9014 an upload asks for, or nothing."""
    if not message.need_answer:
        return b""
    version = (message.flag or 0) & 0xFC
    segment = (
        f"QN={message.qn or ''};ST=91;CN=9014;PW={message.pw};MN={message.mn};Flag={version};CP=&&&&".encode()
    )
    return b"##%04d%s%s\r\n" % (len(segment), segment, checksum.check_text(segment))

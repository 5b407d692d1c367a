"""Import from a law-enforcement recorder (执法记录仪): many files at once, each kept or refused by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from qingjian.apps.matters import contents
from qingjian.apps.matters.errors import NotAllowed, RefusedError
from qingjian.apps.matters.models import Matter
from qingjian.apps.matters.services import files
from qingjian.apps.matters.services.acting import act

KINDS = {"video": "video", "image": "photo", "audio": "audio"}
MOST_FILES = 50


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file; `problem` is empty when it is evidence now."""

    name: str
    problem: str = ""
    taken_at: Any = None


def import_recorder(
    matter: Matter, actor: Any, uploads: Sequence[Any], recorder: str, title: str, idempotency_key: str
) -> list[Imported]:
    """Attach the films, pictures and sounds of a recorder; return one answer per file, in their order.

    The time in the name, as recorders write it, stands beside the time inside the file. Each file is an action of
    its own: what is wrong with one does not hold up the others, and the same form sent again attaches nothing twice.
    """
    if len(uploads) > MOST_FILES:
        raise RefusedError("file", _("At most %(count)d files at once.") % {"count": MOST_FILES})
    found = []
    for place, upload in enumerate(uploads):
        named = contents.time_in_name(upload.name)
        try:
            stored, inside = files.store(upload, upload.name)
            kind = KINDS.get(stored.media_type.partition("/")[0])
            if kind is None:
                raise RefusedError("file", _("A recorder gives films, pictures and sound only."))
            data = {
                "digest": stored.digest,
                "name": upload.name,
                "kind": kind,
                "capture": "recorder",
                "recorder": recorder,
                "title": f"{title} {place + 1}" if len(uploads) > 1 else title,
                "taken_at": named.isoformat() if named else None,
                "inside": inside.as_data(),
            }
            act(matter, "attach", actor, data, None, f"{idempotency_key}-{place}")
        except RefusedError as error:
            found.append(Imported(upload.name, " ".join(error.messages)))
        except NotAllowed as error:
            found.append(Imported(upload.name, str(error)))
        else:
            found.append(Imported(upload.name, "", named or inside.taken_at))
    return found

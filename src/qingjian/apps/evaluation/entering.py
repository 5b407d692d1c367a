"""Files of measurements from a page: what is wrong with them, handing them to the pipeline, templates to fill in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import ecology, laboratory, noise, outlet_samples, recorded, samples
from qingjian.apps.evaluation.models import EnteredFile
from qingjian.apps.network import files as registry_files
from qingjian.apps.network import queries as network
from qingjian.apps.network import registered
from qingjian.apps.network import services as network_services
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.network.models import Factor, Point, Series
from qingjian.apps.observing import stores
from qingjian.apps.records import services as records
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.intake import (
    ImportResult,
    ImportSource,
    IntakeError,
    KeptFiles,
    Problem,
    Spool,
    prepare,
    read_sheet,
    submit,
)
from qingjian.intake.importing import to_store
from qingjian.intake.source import file_digest
from qingjian.standards import catalogue

LARGEST = 20 << 20
MOST_LISTED = 200
"""Problems on a page; all that were noted stand beside the kept file."""
ITEMS = {
    "water": (laboratory.surface_item, laboratory.black_odorous_item),
    "groundwater": (laboratory.groundwater_item,),
    "drinking": (laboratory.drinking_item,),
    "soil": (laboratory.soil_item,),
    "noise": (noise.manual_item,),
    "ecology": (ecology.item_of,),
    "outlets": (outlet_samples.item,),
}
"""Elements of which samples are entered, and what counts as an item there."""


@dataclass(frozen=True)
class Checked:
    """What a file holds: problems row by row, and the series it writes to."""

    source: ImportSource
    path: Path
    rows: int
    observations: int
    problems: list[Problem]
    series: list[str]
    refused: int = 0
    """Rows of which something is left out."""


def kept_files() -> KeptFiles:
    return KeptFiles(settings.DATA_FOLDER.intake)


def spool() -> Spool:
    return Spool(settings.DATA_FOLDER.intake / "spool")


def check(
    author: Any, path: Path, name: str, statistic: str, origin: str, point: str, time_names: str = "start"
) -> Checked:
    """Read a file as the pipeline will and say what is wrong; nothing is stored.

    `time_names` says which end of its period a time in the file is: start or end.

    PermissionDenied when it writes to a series out of the author's reach; ValidationError when nothing can be read.
    """
    account_rules.require(author, Capability.IMPORT_DATA)
    try:
        checked = read(path, ImportSource("", name, str(author), origin, point, statistic, time_names))
    except IntakeError as error:
        raise ValidationError(_text(error.problem)) from error
    if series_in_reach(author).filter(code__in=checked.series).count() < len(checked.series):
        raise PermissionDenied(_("The file holds values of points that are not in your reach."))
    return checked


def read(path: Path, source: ImportSource) -> Checked:
    """Read a file as the pipeline will, whoever brings it; IntakeError when nothing can be read."""
    directory = network_services.directory_store().current()
    if directory is None:
        raise ValidationError(_("Nothing is registered yet: register points and series first."))
    prepared = prepare(read_sheet(path, source.name), directory, source)
    numbers = prepared.observations["series"].unique().to_pylist()
    codes = sorted(Series.objects.filter(pk__in=numbers).values_list("code", flat=True))
    digest = file_digest(path)
    prepared, _fresh, _known = to_store(
        stores.lake(),
        directory,
        prepared,
        replace(source, digest=digest),
        now(),
        again=kept_files().result(digest) is not None,
    )
    return Checked(
        source,
        path,
        prepared.rows,
        prepared.observations.num_rows,
        prepared.problems,
        codes,
        prepared.refused,
    )


def series_in_reach(author: Any) -> Any:
    """Return the series a person may enter values for."""
    points = network.points_visible_to(author, Capability.IMPORT_DATA)
    return Series.objects.filter(point__in=points)


def hand_over(author: Any, checked: Checked) -> EnteredFile:
    """Remember who brought a checked file and give it to the pipeline; only what is new in a file brought again counts."""
    account_rules.require(author, Capability.IMPORT_DATA)
    row = record(author, checked)
    submit(
        checked.path,
        kept=kept_files(),
        spool=spool(),
        source=checked.source,
    )
    return row


def record(author: Any, checked: Checked) -> EnteredFile:
    """Enter a file into the records and the ledger before anything of it is stored.

    `author` is None for whoever runs the program on the machine itself. The same file again gives the record there is,
    unless more or something else can be read in it now: then that is recorded as a further attempt.
    """
    options = {name: value for name, value in checked.source.options.items() if name != "statistic" and value}
    read = {
        "statistic": checked.source.statistic,
        "rows": checked.rows,
        "left_out": checked.refused,
        "series": checked.series,
    }
    with transaction.atomic():
        digest = file_digest(checked.path)
        before = EnteredFile.objects.filter(digest=digest).order_by("-attempt").first()
        if (
            before is not None
            and all(getattr(before, name) == value for name, value in read.items())
            and before.options in ({}, options)
        ):
            return before
        row = EnteredFile.objects.create(
            digest=digest,
            attempt=before.attempt + 1 if before else 1,
            name=checked.source.name[:200],
            author=author,
            at=now(),
            options=options,
            **read,
        )
        accounts.record(author, "data:file:entered", row.identifier, {"name": row.name, "rows": row.rows})
        records.commit("file.imported", row.identifier, recorded.file_imported(row))
    return row


def entered_by(user: Any) -> list[EnteredFile]:
    """Return the files a person may see, newest first, each by its newest attempt: those whose series all lie in reach.

    One that writes to no series yet is its author's.
    """
    visible = set(network.series_visible_to(user).values_list("code", flat=True))
    newest: dict[str, EnteredFile] = {}
    series: dict[str, set[str]] = {}
    for one in EnteredFile.objects.select_related("author")[:200]:
        newest.setdefault(one.digest, one)
        series.setdefault(one.digest, set()).update(one.series)
    return [
        row
        for digest, row in newest.items()
        if (series[digest] <= visible if series[digest] else row.author == user)
    ]


def known_files(digests: Iterable[str]) -> list[EnteredFile]:
    """Return the first records of files by digest, oldest first; who may see values from one may know that it came."""
    rows = EnteredFile.objects.select_related("author").filter(digest__in=list(digests), attempt=1)
    return list(rows.order_by("id"))


def attempts(row: EnteredFile) -> list[EnteredFile]:
    """Return all records of a file, oldest first."""
    return list(EnteredFile.objects.filter(digest=row.digest).order_by("attempt"))


def may_read(user: Any, row: EnteredFile) -> bool:
    """Say whether a person may read the file itself: the series of all attempts lie in reach."""
    codes = {code for one in attempts(row) for code in one.series}
    return network.series_visible_to(user).filter(code__in=codes).count() == len(codes)


def outcome(row: EnteredFile) -> ImportResult | None:
    """Return what became of a file; None while it waits."""
    return None if spool().waits(row.digest) else kept_files().result(row.digest)


def _text(problem: Problem) -> str:
    from qingjian.apps.evaluation import queries

    return problem.zh if queries.language() == "zh" else problem.en


def texts(problems: list[Problem]) -> list[dict[str, Any]]:
    """Return the first problems for a page, in its language."""
    return [{"row": one.row, "text": _text(one)} for one in problems[:MOST_LISTED]]


def stored_upload(upload: Any) -> Path:
    """Write an uploaded file to a temporary place; ValidationError when it is too large."""
    if upload.size > LARGEST:
        raise ValidationError(_("The file is larger than 20 MB. Split it."))
    with tempfile.NamedTemporaryFile(delete=False, suffix=Path(upload.name).suffix) as target:
        for part in upload.chunks():
            target.write(part)
    return Path(target.name)


# -- templates ---------------------------------------------------------------------------------------------------------


def points_of(user: Any, element: str) -> list[Point]:
    points = network.points_visible_to(user, Capability.IMPORT_DATA)
    if element == "outlets":
        return list(points.filter(outlet__isnull=False, status="running").order_by("code"))
    return list(points.filter(kind__in=kinds_of(element), status="running").order_by("code"))


def statistic_of(element: str) -> str:
    return "year" if element == "ecology" else "day"


def template(user: Any, element: str, moment: datetime) -> tuple[list[str], list[list[Any]]]:
    """Return heads and rows of a file to fill in: one row for each point, one column for each item registered there."""
    points = points_of(user, element)
    names: dict[str, None] = {}
    for item_of in ITEMS[element]:
        for own in samples.series_of(points, item_of).values():
            names.update(dict.fromkeys(one.factor.name_zh for one in own.values()))
    day = f"{moment:%Y-01-01}" if element == "ecology" else f"{moment:%Y-%m-%d}"
    return ["时间", "点位", *names], [[day, one.code, *("" for _name in names)] for one in points]


def registry_rows(user: Any, element: str, kind: str) -> tuple[list[str], list[list[Any]]]:
    """Return the factors, or the series of every point, that are not registered yet, as a file for the registry.

    The regular items only; rows that are not wanted are deleted before the file is proposed.
    """
    items = [one for one in catalogue.items(element, rulebook=rulebook()) if one.regular]
    declared = registered.KINDS[kind]
    heads = registry_files.heads(declared)
    rows: list[dict[str, Any]] = []
    if kind == "factor":
        known = set(Factor.objects.values_list("code", flat=True))
        rows = [
            {
                "code": f"{one.medium}.{one.code}",
                "medium": one.medium,
                "wire_code": one.code,
                "name_zh": one.name_zh,
                "name_en": one.name_en,
                "unit": one.unit,
                "decimals": one.decimals,
            }
            for one in items
            if f"{one.medium}.{one.code}" not in known
        ]
    else:
        points = points_of(user, element)
        held = set(Series.objects.filter(point__in=points).values_list("point__code", "factor__code"))
        rows = [
            {
                "code": f"{point.code}.{one.code}.laboratory",
                "point": point.code,
                "factor": f"{one.medium}.{one.code}",
                "origin": "manual" if element in ("noise", "ecology") else "laboratory",
                "position": 1,
                "unit": one.unit,
                "decimals": one.decimals,
                "medium": one.medium,
                "averaging": "arithmetic",
            }
            for point in points
            for one in items
            if element != "outlets" or outlet_samples.MEDIA[point.outlet.medium] == one.medium
            if (point.code, f"{one.medium}.{one.code}") not in held
        ]
    return heads, [[row.get(name, "") for name in declared.fields] for row in rows]

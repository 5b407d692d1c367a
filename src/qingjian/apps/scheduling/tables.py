"""Lists of the schedule."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from qingjian.apps.scheduling.jobs import jobs
from qingjian.apps.scheduling.models import Run
from qingjian.ui.listing import Choice, Column, Listing, Search

COLOURS = {"done": "green", "failed": "red", "running": "blue"}


def _title(row: Run) -> str:
    known = {job.name: job.title for job in jobs()}
    return str(known.get(row.job, row.job))


class RunListing(Listing):
    title = _("Tasks and schedule")
    name = "schedule"
    template = "scheduling/schedule.html"
    columns = (
        Column("job", _("Job"), value=_title, order="job"),
        Column("period", _("Period")),
        Column("get_state_display", _("State"), order="state", badge=lambda row: COLOURS[row.state]),
        Column("attempts", _("Attempts"), numeric=True),
        Column("started_at", _("Started")),
        Column("ended_at", _("Ended")),
        Column(
            "result",
            _("Result"),
            value=lambda row: row.shown,
            order="",
        ),
    )
    filters = (
        Choice("job", _("Job"), lambda: [(job.name, job.title) for job in jobs()]),
        Search(("result",)),
        Choice("state", _("State"), Run.State.choices),
    )
    model = Run
    empty_text = _("No job has run yet.")

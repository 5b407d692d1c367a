"""Import of a recorder's files into a matter."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from qingjian.apps.matters import forms, services
from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.matters.views.work import find_matter


def recorder(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the files of a recorder and say of each what became of it."""
    row = find_matter(request, pk)
    form = forms.RecorderForm(request.POST or None, request.FILES or None)
    imported = []
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            imported = services.import_recorder(
                row, request.user, data["files"], data["recorder"], data["title"], request.POST.get("key", "")
            )
        except RefusedError as error:
            for text in error.messages:
                form.add_error(None, text)
    context = {
        "title": _("Import from a recorder"),
        "matter": row,
        "form": form,
        "imported": imported,
        "kept": sum(not one.problem for one in imported),
        "key": request.POST.get("key") if form.errors else uuid.uuid4().hex,
    }
    return render(request, "matters/import_recorder.html", context, status=400 if form.errors else 200)

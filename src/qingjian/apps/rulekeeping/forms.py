"""Forms of the page of limits: one row typed in, or a file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from qingjian.apps.rulekeeping import queries, services
from qingjian.intake import IntakeError, read_table

LARGEST_FILE = 2 * 1024**2
MOST_ROWS = 20_000
MOST_COLUMNS = 200
MOST_UNPACKED = 100 * 1024**2
OPERATORS = (
    ("<=", "≤"),
    ("<", "<"),
    (">=", "≥"),
    (">", ">"),
    ("range", "a–b"),
    ("text", gettext_lazy("text")),
    ("not_detected", gettext_lazy("not detected")),
)
CONFIDENCES = (
    ("V", gettext_lazy("V · checked in the full text")),
    ("S", gettext_lazy("S · from a secondary source")),
    ("U", gettext_lazy("U · not confirmed")),
)
COLUMN_TITLES = {
    "standard": gettext_lazy("Document (number)"),
    "edition": gettext_lazy("Edition"),
    "clause": gettext_lazy("Clause"),
    "effective_from": gettext_lazy("Holds from"),
    "effective_to": gettext_lazy("Holds until (last day)"),
    "pollutant_cn": gettext_lazy("Item (Chinese)"),
    "symbol": gettext_lazy("Symbol"),
    "unit": gettext_lazy("Unit"),
    "class": gettext_lazy("Class or grade"),
    "averaging_period": gettext_lazy("Averaging period"),
    "op": gettext_lazy("Comparison"),
    "limit": gettext_lazy("Limit"),
    "condition": gettext_lazy("Condition"),
    "source": gettext_lazy("Source"),
    "confidence": gettext_lazy("Confidence"),
    "basis": gettext_lazy("Basis"),
    "note": gettext_lazy("Note"),
    "region": gettext_lazy("Region code"),
    "year": gettext_lazy("Year"),
    "item": gettext_lazy("Item"),
    "subject": gettext_lazy("Subject"),
    "value": gettext_lazy("Value"),
    "outlet": gettext_lazy("Outlet code"),
    "left_out": gettext_lazy("Left out"),
    "parent": gettext_lazy("Index above"),
    "weight": gettext_lazy("Weight"),
    "direction": gettext_lazy("Direction"),
    "lo": gettext_lazy("Lower bound"),
    "hi": gettext_lazy("Upper bound"),
}


COLUMN_HELP = {
    "item": gettext_lazy("Targets of air: 优良天数比例, 重污染天数, 综合指数, or a pollutant such as PM2.5."),
    "left_out": gettext_lazy(
        "Rows of the standard whose item or condition contains one of these texts do not apply; separate by ；."
    ),
    "outlet": gettext_lazy("The code of the outlet in the registry."),
    "parent": gettext_lazy(
        "One of 生态格局, 生态功能, 生物多样性, 生态胁迫, or an index directly below one."
    ),
    "weight": gettext_lazy("Share of the index above, 0 to 1; all indices below one add up to 1."),
    "direction": gettext_lazy("Empty or positive: more is better. negative: less is better (100 − x)."),
    "lo": gettext_lazy("Value that counts 0; empty where 0–100 is entered already."),
    "hi": gettext_lazy("Value that counts 100; empty where 0–100 is entered already."),
}


def column_title(name: str) -> str:
    """Return the title of a column of the rulebook, its own name where it has none."""
    return str(COLUMN_TITLES.get(name, name))


class RowForm(forms.Form):
    """One row of a table, a field for each of its columns."""

    def __init__(self, table: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = table
        needed = queries.needed_columns(table)
        for name in queries.columns(table):
            self.fields[name] = self._field(name, name in needed)
            if name == "item" and table != "regional_targets":
                self.fields[name].help_text = ""
        self.fields["reason"] = forms.CharField(
            label=_("Reason"), max_length=300, help_text=_("Stays in the history.")
        )

    @staticmethod
    def _field(name: str, required: bool) -> forms.Field:
        title = column_title(name)
        if name == "op":
            return forms.ChoiceField(label=title, choices=OPERATORS, required=required)
        if name == "confidence":
            return forms.ChoiceField(label=title, choices=CONFIDENCES, initial="U")
        help_text = str(COLUMN_HELP.get(name, ""))
        if name in ("effective_from", "effective_to"):
            help_text = _("For example 2026-03-01.")
        if name == "source":
            help_text = _("Where the value stands: document, page, address.")
        return forms.CharField(label=title, required=required, max_length=1000, help_text=help_text)

    def text(self) -> str:
        """Return the row as the text of a file."""
        return services.as_csv(self.table, [self.cleaned_data])


class RowsFileForm(forms.Form):
    """A CSV or Excel file of one table."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("CSV (UTF-8) or Excel with the columns of the template."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=300, help_text=gettext_lazy("Stays in the history.")
    )

    def __init__(self, table: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = table

    def text(self) -> str:
        """Return the file as CSV text. Raises ValidationError when it cannot be read."""
        upload = self.cleaned_data["file"]
        if upload.size > LARGEST_FILE:
            raise ValidationError(_("The file is larger than 2 MB."))
        content = upload.read()
        if content[:2] == b"PK":
            return services.as_csv(self.table, _sheet(content))
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
        raise ValidationError(_("The file is neither UTF-8 nor GB 18030 text."))


def _sheet(content: bytes) -> list[dict[str, str]]:
    try:
        rows = read_table(
            content, most_rows=MOST_ROWS + 1, most_columns=MOST_COLUMNS, most_unpacked=MOST_UNPACKED
        )
    except IntakeError as error:
        if error.problem.code == "unreadable":
            raise ValidationError(_("The Excel file cannot be read.")) from error
        raise ValidationError(error.problem.text(get_language() or "")) from error
    if len(rows) > MOST_ROWS:
        raise ValidationError(_("More than %(most)d rows. Split the file.") % {"most": MOST_ROWS})
    heads = [str(one or "").strip() for one in rows[0]] if rows else []
    return [
        {head: _cell(value) for head, value in zip(heads, row, strict=False) if head}
        if any(value not in (None, "") for value in row)
        else {}
        for row in rows[1:]
    ]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "date"):
        return value.date().isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


class RuleDecisionForm(forms.Form):
    document = forms.CharField(
        label=gettext_lazy("Document compared with"),
        max_length=300,
        required=False,
        help_text=gettext_lazy(
            "Needed to approve: number, edition, page. The rows then count as confirmed by you."
        ),
    )
    comment = forms.CharField(label=gettext_lazy("Comment"), max_length=300, required=False)

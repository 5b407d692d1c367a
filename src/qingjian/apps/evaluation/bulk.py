"""Many rows at once: the back history of a county is a hundred thousand results, and the ORM would take a minute."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from django.db import connection, models

from qingjian.apps.evaluation.models import Evaluation

BATCH = 2000


def insert(rows: Sequence[Evaluation]) -> None:
    """Insert new rows inside the caller's transaction; they get no primary key here."""
    fields = [one for one in Evaluation._meta.concrete_fields if not one.primary_key]
    quote = connection.ops.quote_name
    sql = f"INSERT INTO {quote(Evaluation._meta.db_table)} ({', '.join(quote(one.column) for one in fields)}) VALUES ({', '.join(['%s'] * len(fields))})"  # noqa: S608 - own table and columns only
    moment = cache(connection.ops.adapt_datetimefield_value)
    # On SQLite a constraint demands that JSON "null" and SQL NULL stay apart; None is always NULL here.
    adapters = {
        models.DateTimeField: lambda value: None if value is None else moment(value),
        models.JSONField: lambda value: (
            None if value is None else connection.ops.adapt_json_value(value, None)
        ),
    }
    columns = [
        (one.attname, next((adapt for kind, adapt in adapters.items() if isinstance(one, kind)), None))
        for one in fields
    ]
    with connection.cursor() as cursor:
        for begin in range(0, len(rows), BATCH):
            cursor.executemany(
                sql,
                [
                    [
                        getattr(row, name) if adapt is None else adapt(getattr(row, name))
                        for name, adapt in columns
                    ]
                    for row in rows[begin : begin + BATCH]
                ],
            )

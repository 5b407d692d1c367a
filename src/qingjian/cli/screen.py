"""`qingjian screen`: score a panel folder against a clean history folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qingjian.cli.screen_panel import read_panel, write_json, write_rows
from qingjian.screening.panel import EmptyPanelError, PanelError, on_one_step
from qingjian.screening.parallel import processes
from qingjian.screening.screen import Screening, Settings, learn_history, screen

NO_HISTORY = "none"


def command(
    history: Annotated[
        str, typer.Option(help="clean panel folder, or the word none / 历史数据目录，或 none")
    ],
    panel: Annotated[Path, typer.Option(help="panel folder to screen / 待筛查目录")],
    out: Annotated[Path, typer.Option(help="folder for days.csv, months.csv, findings.json / 输出目录")],
    budget: Annotated[
        float,
        typer.Option(
            min=0.01, help="false alarms a station-month that can be checked / 每站每月可核实的误报数"
        ),
    ] = 1.0,
) -> None:
    """Find faulty and falsified data in a panel (clues for people, never verdicts) / 筛查故障与疑似造假数据。"""
    try:
        with processes():
            result = _screened(None if history == NO_HISTORY else Path(history), panel, Settings(budget))
    except PanelError as error:
        typer.echo(f"筛查失败：{error}", err=True)
        raise typer.Exit(2) from error
    try:
        _write(out, result)
    except OSError as error:
        typer.echo(f"结果无法写入 {out} / the results cannot be written: {error}", err=True)
        raise typer.Exit(2) from error
    for note in result.notes:
        typer.echo(note, err=True)
    typer.echo(f"{len(result.days)} 站点-因子-日，{len(result.findings)} 条线索 → {out}")


def _write(out: Path, result: Screening) -> None:
    """Write the files of the contract."""
    out.mkdir(parents=True, exist_ok=True)
    write_rows(
        out / "days.csv",
        ("station", "parameter", "day", "score", "kind", "fault_score"),
        [
            (d.station, d.parameter, d.day, _digits(d.score), d.kind, f"{d.fault_score:.9g}")
            for d in result.days
        ],
    )
    write_rows(
        out / "months.csv",
        ("station", "parameter", "month", "score", "kind"),
        [(m.station, m.parameter, m.month, _digits(m.score), m.kind) for m in result.months],
    )
    write_json(out / "findings.json", [f.as_record() for f in result.findings])
    write_json(out / "notes.json", list(result.notes))


def _screened(history: Path | None, panel: Path, settings: Settings) -> Screening:
    """Read, learn and screen. A panel or history without records is no error: nothing, or little, can be said then."""
    try:
        looked_at = read_panel(panel)
    except EmptyPanelError as error:
        return Screening((), (), (), (str(error),))
    try:
        past = read_panel(history) if history is not None else None
    except EmptyPanelError:
        past = None
    if past is not None:
        past, looked_at = on_one_step(past, looked_at)
    return screen(looked_at, learn_history(past) if past is not None else None, settings)


def _digits(score: float) -> str:
    """All digits of a score: near 1 the order lies in the last ones."""
    return repr(round(score, 17))


app = typer.Typer(add_completion=False)
app.command()(command)

if __name__ == "__main__":
    app()

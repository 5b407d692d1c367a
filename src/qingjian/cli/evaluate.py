"""`qingjian evaluate FILE`: evaluate a JSON list of cases by the standards."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from qingjian.standards.evaluation import evaluate as evaluate_cases
from qingjian.standards.evaluation import read_cases

app = typer.Typer(help="按标准评价 JSON 用例 Evaluate JSON cases by the standards.", add_completion=False)


@app.command("evaluate")
def evaluate(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="JSON 列表；- 为标准输入 JSON list, - for stdin")
    ],
    indent: Annotated[
        int, typer.Option(help="缩进空格数，0 为单行 spaces of indentation, 0 for one line")
    ] = 1,
) -> None:
    """逐例评价并加上 outputs 与 trace；不能评价的用例给出 error，不影响其余。

    Print the list with `outputs` and `trace` added to each case, or `error` where a case cannot be evaluated.
    Exit status 2 when FILE is not a JSON list.
    """
    try:
        received = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        cases = read_cases(received.decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        typer.echo(f"不能读取 {file} / cannot read {file}: {error}", err=True)
        raise typer.Exit(2) from error
    if not isinstance(cases, list):
        typer.echo("文件应为 JSON 列表 / the file must hold a JSON list", err=True)
        raise typer.Exit(2)
    printed = json.dumps(evaluate_cases(cases), ensure_ascii=False, indent=indent or None)
    # UTF-8 whatever the terminal speaks; half a surrogate pair goes out as the JSON escape it came in as.
    typer.echo(printed.encode("utf-8", "backslashreplace"))


command = evaluate

if __name__ == "__main__":
    app()

"""``qingjian hj212 decode`` and ``encode``: frames to JSON lines and back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from qingjian.hj212 import codes, profiles, records
from qingjian.hj212.encoder import EncodingError
from qingjian.hj212.policy import Policy

app = typer.Typer(help="HJ 212 报文与 JSON 互转 HJ 212 frames to JSON lines and back.", no_args_is_help=True)

_CHUNK = 1 << 16
_File = Annotated[
    str, typer.Argument(metavar="[FILE|-]", help="文件；- 为标准输入 file, - for standard input")
]
_Key = Annotated[str | None, typer.Option("--sm4-key", metavar="HEX", help="SM4 密钥，32 位十六进制")]


def _key(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 16:
        raise typer.BadParameter(
            "SM4 密钥应为 32 位十六进制 32 hexadecimal digits are expected", param_hint="--sm4-key"
        )
    return key


def _open(name: str) -> BinaryIO:
    if name == "-":
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise typer.BadParameter(f"{name}: {error.strerror}", param_hint="FILE") from error


def _chunks(stream: BinaryIO, out: BinaryIO) -> Iterator[bytes]:
    """What stands in the stream, piece by piece; nobody waits for more with lines unseen in ``out``."""
    while chunk := stream.read1(_CHUNK) if hasattr(stream, "read1") else stream.read(_CHUNK):
        yield chunk
        out.flush()


def _accepted(given: list[str], words: list[str]) -> tuple[frozenset[str], str]:
    """(codes to accept, file): ``--accept A B FILE`` may name several codes behind one option."""
    accepted = {code for text in given for code in text.replace(",", " ").split()}
    # Codes of what is tolerated anyway may be named, without effect.
    allowed = codes.SWITCHABLE | {code.code for code in codes.CODES.values() if code.kind == "deviation"}
    if given:
        accepted |= set(words) & allowed
        words = [word for word in words if word not in allowed]
    unknown = sorted(accepted - allowed)
    if unknown:
        known = ", ".join(sorted(codes.SWITCHABLE))
        raise typer.BadParameter(f"{', '.join(unknown)}（可用 known: {known}）", param_hint="--accept")
    if len(words) > 1:
        raise typer.BadParameter(f"只读一个文件 one file only: {' '.join(words)}", param_hint="FILE")
    return frozenset(accepted) & codes.SWITCHABLE, words[0] if words else "-"


def selectors(given: list[str]) -> frozenset[str]:
    """What ``--without`` names, separated by spaces or commas; typer.BadParameter for what is no fact and no group."""
    named = frozenset(one for text in given for one in text.replace(",", " ").split())
    unknown = profiles.unknown_selectors(named)
    if unknown:
        raise typer.BadParameter(
            f"没有这样的待确认事项 no such unconfirmed fact: {', '.join(unknown)}", param_hint="--without"
        )
    return named


@app.command()
def decode(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE|-]", help="文件；- 为标准输入 file, - for standard input", show_default=False
        ),
    ] = None,
    edition: Annotated[str, typer.Option(help="auto | 2005 | 2017 | 2025")] = "auto",
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="放行的变体代码，可多个 variants to accept, several allowed"),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="停用的待确认事项或其组 unconfirmed facts, or groups, to switch off"),
    ] = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="校验码一到就输出，不等下一个报文（与网关收报文相同） a line as soon as the check is there, as in the gateway",
        ),
    ] = False,
    sm4_key: _Key = None,
) -> None:
    """每个报文或被拒收的片段输出一行 JSON One JSON line per frame or refused stretch.

    报文再坏退出码也是 0 The exit status is 0 however bad the bytes are.
    """
    accepted, file = _accepted(accept or [], words or [])
    key = _key(sm4_key)
    try:
        policy = Policy(edition=edition, accept=accepted, sm4_key=key, without=selectors(without or []))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--edition") from error
    out = sys.stdout.buffer
    with _open(file) as stream:
        for record in records.decode_lines(_chunks(stream, out), policy, live=live):
            out.write(json.dumps(record, ensure_ascii=False).encode("utf-8") + b"\n")
    out.flush()


@app.command()
def facts(
    edition: Annotated[str, typer.Option(help="2005 | 2017 | 2025")] = "2025",
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="停用的待确认事项或其组 unconfirmed facts, or groups, to switch off"),
    ] = None,
) -> None:
    """标准原文未核对的事项，每项一行 JSON What nobody has read in the standard's text, one JSON line for each."""
    off = profiles.switched_off(edition, selectors(without or []))
    for one in profiles.facts():
        if one.edition == edition:
            line = {**one._asdict(), "on": one.id not in off and not one.feature}
            typer.echo(json.dumps(line, ensure_ascii=False))


@app.command()
def encode(file: _File = "-", sm4_key: _Key = None) -> None:
    """把 decode 输出的 JSON 行还原为报文 Write the frames of JSON lines that decode printed.

    有一行无法编码则报告行号，退出码 1 A line that cannot be encoded is named and the exit status is 1.
    """
    key = _key(sm4_key)
    out = sys.stdout.buffer
    failed = False
    with _open(file) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise EncodingError("应为 JSON 对象 a JSON object is expected")
                out.write(records.encode_record(record, key))
            except ValueError as error:
                failed = True
                typer.echo(f"第 {number} 行 line {number}: {error}", err=True)
    out.flush()
    if failed:
        raise typer.Exit(1)

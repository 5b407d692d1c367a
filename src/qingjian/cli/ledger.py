"""`qingjian ledger`: look at, check and prove the ledger of a data folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from qingjian.cli.folder import enter
from qingjian.contracts.clock import SystemClock
from qingjian.contracts.folders import DataFolder
from qingjian.journal.reader import JournalReader
from qingjian.ledger.checkpoint import read_checkpoint
from qingjian.ledger.entries import StartReason
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.note import VerifierKey
from qingjian.notary import attendance
from qingjian.notary import hammer as load
from qingjian.notary import verify as stand_alone
from qingjian.notary.anchors import FolderMirror, WitnessAnchor
from qingjian.notary.bundle import (
    BundleContent,
    FileEvidence,
    FrameEvidence,
    build_bundle,
    own_policy,
    safe_name,
)
from qingjian.notary.configured import reopen
from qingjian.notary.contents import batch_of, batch_place
from qingjian.notary.errors import NotaryError
from qingjian.notary.files import CHECKPOINT
from qingjian.notary.fsck import fsck as check_everything
from qingjian.notary.notary import Notary
from qingjian.notary.procedures import add_key, retire_key, start_new_origin
from qingjian.notary.procedures import recover as bring_back
from qingjian.notary.reading import find_place
from qingjian.notary.reading import prove as prove_place
from qingjian.notary.witness import http_request
from qingjian.site.configuration import load as load_configuration

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="账本：外人可核验的证据 / the ledger: evidence that outsiders can check",
)

Data = Annotated[Path, typer.Option("--data", help="数据目录 / data folder")]
Json = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
MirrorOption = Annotated[list[Path] | None, typer.Option("--mirror", help="镜像目录 / folder of a mirror")]


def _open(data: Path, *, ask: bool = False) -> Notary:
    """Open the ledger; with `ask` the configured witnesses are asked too, as before anything is signed."""
    try:
        configuration = load_configuration(data).values
        asked = configuration.ledger_witnesses if ask else ""
        return reopen(DataFolder(data).ledger, SystemClock(), configuration.ledger_mirror, asked)
    except (NotaryError, LedgerError, OSError) as error:
        _fail(str(error))


def _has_people(data: Path) -> bool:
    """Say whether the people's database of a data folder is there; a ledger can be checked without it."""
    configuration = load_configuration(data).values
    return configuration.database != "sqlite" or (DataFolder(data).people / "people.sqlite3").exists()


def _waiting_events(data: Path) -> int | None:
    """Return how many business events wait for their place, None when their database does not answer."""
    if not _has_people(data):
        return 0
    enter(data)
    from django.db import DatabaseError

    from qingjian.apps.records import queries as records

    try:
        return records.waiting()
    except DatabaseError:
        return None


def _fail(message: str) -> Any:
    typer.echo(message, err=True)
    raise typer.Exit(1)


def _print(value: Any, as_json: bool, lines: list[str]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1) if as_json else "\n".join(lines))


@app.command()
def status(data: Data = Path("data"), as_json: Json = False) -> None:
    """各分卷的记录、签名与见证 / heads, signatures and cosignatures of every shard."""
    notary = _open(data)
    events, word = _waiting_events(data), attendance.said(notary)
    shards = []
    for row in notary.state.shards():
        published = notary.files(row.name).read(CHECKPOINT)
        cosigned = notary.state.cosigned(row.name)
        shards.append(
            {
                "shard": row.name,
                "origin": row.origin,
                "size": row.size,
                "root": row.root.hex(),
                "published": None if published is None else read_checkpoint(published)[0].size,
                "cosigned": None if cosigned is None else read_checkpoint(cosigned)[0].size,
                "keys": [
                    {"key": key.encode(), "fingerprint": key.fingerprint}
                    for key in notary.verifier_keys(row.name)
                ],
            }
        )
    found = {
        "origin": notary.origin,
        "frozen": notary.frozen,
        "waiting": notary.state.waiting() + (events or 0),
        "waiting_events": events,
        "witnesses": word["witnesses"],
        "damaged": word["damaged"],
        "shards": shards,
    }
    unknown = "，业务库没有应答 / the people's database does not answer" if events is None else ""
    lines = [f"账本 {notary.origin}，等待入账 {found['waiting']} 条 / waiting{unknown}"]
    for shard in shards:
        lines.append(
            f"  {shard['shard']}: {shard['size']} 条 / entries，已发布 {shard['published']}，已见证 {shard['cosigned']}"
        )
        lines += [f"    公钥指纹 / key fingerprint {key['fingerprint']}" for key in shard["keys"]]
    for one in word["witnesses"]:
        lines.append(f"  证人 / witness {one['name']}: {one['size']} 条 / entries，{one['answer']}")
    lines += [f"  {text}" for text in word["damaged"]]
    if notary.frozen:
        lines.append(f"已冻结，不再签名 / FROZEN: {notary.frozen}")
    _print(found, as_json, lines)
    raise typer.Exit(1 if notary.frozen else 0)


@app.command()
def fsck(data: Data = Path("data"), as_json: Json = False) -> None:
    """核对每个文件、记录、检查点、报文批次与封存日 / check every entry and all that stands behind it; exit 1 when something is wrong."""
    if _has_people(data):
        enter(data)
        from qingjian.desk.ledger import checking

        found = checking.examine(everything=True)
        checking.keep(found)
        reports, problems, looked = found.reports, found.problems, (found.batches, found.days)
    else:
        reports = check_everything(_open(data))
        problems, looked = [problem for report in reports for problem in report.problems], (0, 0)
    value = {
        "ok": not problems,
        "problems": problems,
        "batches": looked[0],
        "days": looked[1],
        "shards": [
            {
                "shard": report.shard,
                "entries": report.entries,
                "problems": report.problems,
                "lost_records": report.lost_records,
            }
            for report in reports
        ],
    }
    total = sum(report.entries for report in reports)
    lines = [
        *problems,
        f"{total} 条、{looked[0]} 批、{looked[1]} 个封存日，问题 {len(problems)} 个 / entries, batches, sealed days, problems",
    ]
    _print(value, as_json, lines)
    raise typer.Exit(1 if problems else 0)


@app.command()
def seal(data: Data = Path("data"), as_json: Json = False) -> None:
    """封存到期的自然日，迟到数据重新封存 / seal finished days now, and again those whose values came late."""
    if not _has_people(data):
        _fail("没有业务数据库 / there is no people's database in this folder")
    enter(data)
    from qingjian.desk.ledger import opening, sealing

    try:
        with opening.opened() as notary:
            done = sealing.seal_due(notary)
    except (NotaryError, LedgerError, OSError) as error:
        _fail(str(error))
    days = [
        {
            "subject": one.subject,
            "root": one.root.hex(),
            "supersedes": one.supersedes and one.supersedes.hex(),
        }
        for one in done.sealed
    ]
    value = {"sealed": days, "problems": done.problems, "finished": done.finished}
    lines = [f"{one['subject']} {one['root']}" for one in days]
    again = sum(one.supersedes is not None for one in done.sealed)
    lines += [*done.problems, f"封存 {len(days)} 日，其中重新封存 {again} 日 / days sealed, of these again"]
    _print(value, as_json, lines)
    raise typer.Exit(1 if done.problems else 0)


@app.command()
def hammer(
    data: Data = Path("data"),
    proofs: Annotated[int, typer.Option(help="随机证明次数 / random proofs")] = 200,
    leaves: Annotated[
        int, typer.Option(help="临时账本写入条数，0 不写 / leaves written to a scratch ledger")
    ] = 0,
    batch: Annotated[int, typer.Option(help="每轮条数 / leaves a round")] = 4_096,
    as_json: Json = False,
) -> None:
    """反复证明并核验，可另在临时账本上试写 / prove and verify at random; writes go to a scratch ledger only."""
    notary, clock = _open(data), SystemClock()
    try:
        reads = load.hammer_reads(notary, clock, proofs)
        writes = load.hammer_writes(notary.folder, clock, leaves, batch) if leaves else None
    except (LedgerError, NotaryError, OSError) as error:
        _fail(f"不成立 / does not hold: {error}")
    found = {
        "proofs": reads.count,
        "proofs_per_second": round(reads.per_second, 1),
        "leaves": writes.count if writes else 0,
        "leaves_per_second": round(writes.per_second, 1) if writes else None,
    }
    lines = [f"证明并核验 {reads.count} 次，每秒 {reads.per_second:.1f} 次 / proved and verified, per second"]
    if writes:
        lines.append(
            f"持久写入 {writes.count} 条，每秒 {writes.per_second:.0f} 条 / durable leaves, per second"
        )
    _print(found, as_json, lines)


@app.command()
def prove(
    entry: Annotated[str, typer.Argument(help="2026/123、123 或 frames/日志/首序号 / place or subject")],
    data: Data = Path("data"),
    out: Annotated[Path | None, typer.Option(help="写入 .tlog-proof 文件 / write to a file")] = None,
    as_json: Json = False,
) -> None:
    """一条记录的离线证明（C2SP tlog-proof）/ offline proof of an entry."""
    notary = _open(data)
    try:
        found = prove_place(notary, find_place(notary, entry))
    except (NotaryError, LedgerError, OSError) as error:
        _fail(str(error))
    proof = found.proof.encode()
    if out is not None:
        out.write_bytes(proof)
    value = {
        "shard": found.place.shard,
        "index": found.place.index,
        "entry": found.data.decode("utf-8", "replace"),
        "proof": proof.decode(),
    }
    _print(value, as_json, [value["entry"]] if out is not None else [proof.decode().rstrip("\n")])


@app.command()
def verify(
    bundle: Path,
    policy: Annotated[Path | None, typer.Option(help="可信公钥与见证数 / C2SP tlog-policy file")] = None,
    fingerprint: Annotated[
        list[str] | None, typer.Option(help="可信公钥指纹 / trusted key fingerprint")
    ] = None,
    as_json: Json = False,
) -> None:
    """核验证据包：0 成立，1 不成立，2 来源未确认 / check a bundle with this program's own verify.py."""
    if policy is not None and fingerprint:
        typer.echo(
            "--policy 与 --fingerprint 只能用一个 / give --policy or --fingerprint, not both", err=True
        )
        raise typer.Exit(3)
    try:
        text = None if policy is None else policy.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        typer.echo(f"--policy: {error}", err=True)
        raise typer.Exit(3) from error
    code, report = stand_alone.verify(bundle, text, [item.lower() for item in fingerprint or ()])
    lines = [f"[有效 ok] {item['part']}: {item['what']}" for item in report["held"]]
    lines += [f"[失败 FAILED] {item['file']}: {item['reason']}" for item in report["failures"]]
    _print(report, as_json, [*lines, f"结论 / verdict: {report['verdict']}"])
    raise typer.Exit(code)


@app.command("export-bundle")
def export_bundle(
    out: Path,
    title: Annotated[str, typer.Option(help="标题 / title")],
    journal: Annotated[str, typer.Option(help="报文日志名 / journal")] = "",
    first: Annotated[int, typer.Option(help="首帧序号 / first sequence")] = 1,
    last: Annotated[int, typer.Option(help="末帧序号 / last sequence")] = 0,
    mn: Annotated[str, typer.Option(help="只取该设备 / only frames of this device")] = "",
    attach: Annotated[list[Path] | None, typer.Option("--file", help="附件 / further file")] = None,
    data: Data = Path("data"),
    as_json: Json = False,
) -> None:
    """导出证据包：一段报文及附件 / export frames of a journal range and files as one zip."""
    notary = _open(data)
    content = BundleContent(title)
    try:
        if journal:
            content.frames = _frames(notary, data, journal, first, last, mn)
        content.files = [
            FileEvidence(safe_name(path.name), path.name, path.read_bytes()) for path in attach or ()
        ]
        result = build_bundle(notary, content)
    except (NotaryError, LedgerError, OSError) as error:
        _fail(str(error))
    out.write_bytes(result)
    frames = sum(len(item.frames) for item in content.frames)
    digest = hashlib.sha256(result).hexdigest()
    value = {
        "file": str(out),
        "bytes": len(result),
        "sha256": digest,
        "frames": frames,
        "files": len(content.files),
    }
    _print(
        value,
        as_json,
        [f"{out}: {frames} 帧 / frames, {len(content.files)} 个附件 / files, SHA-256 {digest}"],
    )


def _frames(notary: Notary, data: Path, journal: str, first: int, last: int, mn: str) -> list[FrameEvidence]:
    found = []
    with JournalReader(DataFolder(data).journal / journal) as reader:
        if first < reader.first():
            raise NotaryError(
                f"日志 {journal} 只保留第 {reader.first()} 帧以后的报文，更早的报文在数据湖中，请在页面“证据包”导出 / "
                f"journal {journal} holds frames from {reader.first()} on; older ones are in the lake: "
                "export them on the page Evidence bundle"
            )
        number = 0
        while batches := reader.batches(number):
            for batch in batches:
                number = batch.number
                if batch.last < first or batch.first > last:
                    continue
                frames = reader.read(batch.first - 1, batch.last - batch.first + 1)
                wanted = [f for f in frames if first <= f.sequence <= last and mn in ("", f.mn)]
                place = batch_place(notary, journal, batch.first, batch.last)
                if place is None:
                    raise NotaryError(f"批次 {batch.first} 尚未入账 / the batch is not in the ledger yet")
                if wanted:
                    found.append(FrameEvidence(wanted, batch_of(frames), place))
    if not found:
        raise NotaryError("没有符合条件的报文 / no such frames")
    return found


@app.command()
def policy(data: Data = Path("data"), as_json: Json = False) -> None:
    """本机公钥，供在别处公布 / this node's keys as a policy file, to be published elsewhere."""
    notary = _open(data)
    text = own_policy(notary, [row.name for row in notary.state.shards()])
    _print({"policy": text}, as_json, [text.rstrip("\n")])


@app.command("rotate-key")
def rotate_key(
    retire: Annotated[
        str,
        typer.Option(
            help="停用的公钥；不写则启用一把新密钥 / verifier key to retire; without it one is added"
        ),
    ] = "",
    data: Data = Path("data"),
    as_json: Json = False,
) -> None:
    """更换签名密钥：先启用新钥并公布，再停用旧钥，两步都入账 / add a key, publish it, then retire the old; both are entered."""
    notary = _open(data, ask=True)
    try:
        if retire:
            retire_key(notary, VerifierKey.parse(retire))
            key, done = retire, "已停用 / retired"
        else:
            key, done = add_key(notary).encode(), "已启用，请在别处公布 / in use, publish it elsewhere"
    except (NotaryError, LedgerError, OSError) as error:
        _fail(str(error))
    _print({"key": key, "retired": bool(retire)}, as_json, [f"{key}", done])


@app.command()
def recover(
    data: Data = Path("data"),
    mirror: MirrorOption = None,
    witness: Annotated[
        list[str] | None, typer.Option(help="证人的网址前缀 / monitoring prefix of a witness")
    ] = None,
    new_origin: Annotated[
        StartReason | None,
        typer.Option(help="放弃旧日志，启用新日志 / give the old log up and start a new one"),
    ] = None,
    as_json: Json = False,
) -> None:
    """冻结后恢复 / after the ledger froze: bring back what is missing, or start a new origin.

    配置的证人与镜像总会被询问，--witness、--mirror 另加 / configured witnesses and mirror are always asked; the options add
    to them.
    """
    notary = _open(data, ask=True)
    mirrors = [FolderMirror(path) for path in mirror or ()]
    notary.depositaries += mirrors
    notary.anchors += [WitnessAnchor(prefix, prefix, http_request) for prefix in witness or ()]
    try:
        if new_origin is not None:
            shard = start_new_origin(notary, new_origin).name
            _print({"new_shard": shard}, as_json, [f"启用新日志 {shard} / started a new log"])
            return
        done = bring_back(notary, mirrors)
    except (NotaryError, LedgerError, OSError) as error:
        _fail(str(error))
    value = {"entries": done.entries, "files": done.files, "shards": done.shards, "new_shard": done.new_shard}
    lines = [f"找回 {done.entries} 条、{done.files} 个文件 / entries and files brought back"]
    if done.new_shard:
        lines.append(f"旧日志不再签名，新日志 {done.new_shard} / signing goes on in a new log")
    _print(value, as_json, lines)

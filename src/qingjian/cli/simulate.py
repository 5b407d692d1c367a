"""`qingjian simulate`: the demo county's devices, any CSV as a device, or load for a bench."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from qingjian.cli.hj212 import selectors
from qingjian.contracts.clock import Clock, SystemClock
from qingjian.simulator import csvfile, load, process
from qingjian.simulator.csv_devices import CsvDevice, read_list
from qingjian.simulator.fleet import Fleet, UnreachedError
from qingjian.simulator.logger import Identity
from qingjian.simulator.quirks import QUIRKS
from qingjian.simulator.settings import SimulatorSettings, Tampering
from qingjian.simulator.tampering import KINDS


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(name="simulate")(simulate)


def simulate(
    host: Annotated[str, typer.Option(help="接收方地址 / host of the gateway")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="接收方端口 / port of the gateway")] = 9212,
    device: Annotated[
        list[str] | None, typer.Option(help="只运行演示县的这些 MN / only these MNs of the demo county")
    ] = None,
    backfill_hours: Annotated[
        float, typer.Option(help="启动时补传的小时数 / hours uploaded at the start")
    ] = 26.0,
    csv: Annotated[
        Path | None, typer.Option(help="把 CSV 当作一台设备回放 / play a CSV file as one device")
    ] = None,
    csv_fleet: Annotated[
        Path | None,
        typer.Option(help="JSON 清单，每台设备一个 CSV / JSON list of devices, a CSV file each"),
    ] = None,
    mapping: Annotated[
        list[str] | None, typer.Option(help="列名=因子[-后缀][*倍数] / COLUMN=FACTOR[-SUFFIX][*SCALE]")
    ] = None,
    time_column: Annotated[
        str, typer.Option(help="时间列，默认第一列 / time column, the first by default")
    ] = "",
    statistic: Annotated[
        str, typer.Option(help="realtime、minute、hour、day；默认看行距 / by the spacing of the rows")
    ] = "",
    speed: Annotated[
        float, typer.Option(help="回放速度，60 表示一分钟放一小时 / 60 plays an hour in a minute")
    ] = 1.0,
    from_now: Annotated[bool, typer.Option(help="把首行时间移到现在 / move the first row to now")] = False,
    mn: Annotated[
        str, typer.Option(help="CSV 设备的 MN / MN of the CSV device")
    ] = "990121009900000000000001",
    password: Annotated[str, typer.Option(help="访问密码 PW / its password")] = "123456",  # noqa: S107 - the field's customary default
    system_code: Annotated[str, typer.Option(help="系统编码 ST / its ST")] = "31",
    edition: Annotated[str, typer.Option(help="2005、2017 或 2025")] = "2017",
    sm4_key: Annotated[str, typer.Option(help="SM4 密钥，32 位十六进制 / SM4 key, 32 hex digits")] = "",
    without: Annotated[
        list[str] | None,
        typer.Option(help="CSV 设备不认的待确认事项 / unconfirmed facts the CSV device does not know"),
    ] = None,
    quirk: Annotated[
        list[str] | None, typer.Option(help="怪癖代码，可加 MN: 前缀 / quirk, [MN:]CODE")
    ] = None,
    tamper: Annotated[
        list[str] | None,
        typer.Option(help="模拟篡改或故障 / simulated tampering or fault, MN:KIND[:AMOUNT[:FACTOR,…]]"),
    ] = None,
    fleet: Annotated[int, typer.Option(help="压力模式：设备台数 / load: number of devices")] = 0,
    rate: Annotated[float, typer.Option(help="压力模式：每秒总帧数 / load: frames a second in all")] = 1000.0,
    values: Annotated[int, typer.Option(help="压力模式：每帧数值个数 / load: values in a frame")] = 20,
    seconds: Annotated[float, typer.Option(help="压力模式：时长 / load: duration")] = 30.0,
    tries: Annotated[
        int,
        typer.Option(
            min=1, help="一直无人接听时试几次后放弃 / give up after so many tries when nobody ever answers"
        ),
    ] = 5,
    keep_trying: Annotated[
        bool, typer.Option("--keep-trying", help="无人接听也一直尝试 / never give up trying")
    ] = False,
    list_quirks: Annotated[
        bool, typer.Option("--list-quirks", help="列出怪癖与篡改方式 / list quirks and kinds of tampering")
    ] = False,
) -> None:
    """Simulated field devices: demo county (default), --csv FILE, --csv-fleet LIST, or --fleet N for load."""
    if list_quirks:
        for one in QUIRKS.values():
            typer.echo(f"{one.code:24} {one.number:3}  {one.name_zh} / {one.name_en}")
        for kind, (zh, en, _) in KINDS.items():
            typer.echo(f"{kind:24}  --  {zh} / {en}")
        return
    clock = SystemClock()
    try:
        if fleet:
            if csv or csv_fleet or device or quirk or tamper or sm4_key or without:
                raise ValueError(
                    "--fleet 不与 --csv、--csv-fleet、--device、--quirk、--tamper、--sm4-key、--without 同用 / goes alone"
                )
            result = asyncio.run(
                load.run(
                    host,
                    port,
                    fleet=fleet,
                    rate=rate,
                    values=values,
                    seconds=seconds,
                    clock=clock,
                    edition=edition,
                )
            )
            typer.echo(json.dumps(result.to_json()))
        elif csv_fleet is not None:
            if csv or device or quirk or tamper or sm4_key or without or mapping:
                raise ValueError(
                    "--csv-fleet 的设备由清单说明，不与 --csv、--mapping、--device、--quirk、--tamper、--sm4-key、"
                    "--without 同用 / the list describes its devices"
                )
            _play_files(read_list(csv_fleet), host, port, clock, 0 if keep_trying else tries)
        elif csv is not None:
            key = bytes.fromhex(sm4_key) or None
            identity = Identity(mn, password, system_code, edition, key, selectors(without or []))
            recorder = csvfile.read(
                csv, csvfile.mapping(mapping or []), time_column=time_column, statistic=statistic
            )
            one = CsvDevice(identity, recorder, speed, from_now, tuple(quirk or ()))
            _play_files([one], host, port, clock, 0 if keep_trying else tries)
        else:
            if without:
                raise ValueError("--without 须与 --csv 同用 / goes with --csv")
            settings = SimulatorSettings(
                host=host,
                port=port,
                devices=tuple(device or ()),
                backfill_hours=backfill_hours,
                quirks=_quirks(quirk or ()),
                tampering=tuple(_tampering(text) for text in tamper or ()),
                tries=0 if keep_trying else tries,
            )
            process.run(settings, clock, say=_say)
    except UnreachedError as error:
        _refuse(
            f"试了 {tries} 次，无人接听 {error}。请先启动接收方（qingjian up，演示县为 make up），"
            "或用 --host、--port 指出它的地址；要一直等它，加 --keep-trying。\n"
            f"Nobody answered in {tries} tries: {error}. Start the receiver first (qingjian up, or make up for the"
            " demo county), or name its address with --host and --port; to wait for it, add --keep-trying."
        )
    except (ValueError, KeyError) as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"无法连接 / cannot connect to {host}:{port}: {error}")


def _play_files(devices: list[CsvDevice], host: str, port: int, clock: Clock, tries: int) -> None:
    """Play files until all of them are delivered; print how many records were uploaded and acknowledged."""
    for one in devices:
        for reason, count in one.recorder.left_out.items():
            typer.echo(
                f"{one.identity.mn}: 跳过 {count} 处（{reason}） / left out {count} ({reason})", err=True
            )
    fleet = Fleet([one.link(host, port, clock) for one in devices], clock, tries=tries, say=_say)
    asyncio.run(_play(fleet))
    state = fleet.state()
    typer.echo(
        json.dumps({"devices": state.loggers, "uploaded": state.uploaded, "acknowledged": state.acknowledged})
    )


async def _play(fleet: Fleet) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await fleet.run(stop)


def _quirks(texts: list[str] | tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        mn, _, code = text.rpartition(":")
        found[mn or "*"] = (*found.get(mn or "*", ()), code)
    return found


def _tampering(text: str) -> Tampering:
    mn, _, rest = text.partition(":")
    kind, _, rest = rest.partition(":")
    amount, _, factors = rest.partition(":")
    try:
        strength = float(amount or 0)
    except ValueError:
        raise ValueError(f"强度不是数字 / the amount is no number: {amount!r}") from None
    return Tampering(mn, kind, strength, tuple(one for one in factors.split(",") if one))


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _refuse(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(2)

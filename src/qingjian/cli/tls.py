"""Certificates for HTTPS: `qingjian tls init`."""

from __future__ import annotations

import socket
from pathlib import Path

import typer

from qingjian.cli.folder import DATA, existing

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="HTTPS 证书与本地 CA / certificates for HTTPS, from an authority of one's own",
)


@app.callback()
def root() -> None:
    """Keep `init` a sub-command of its own."""


@app.command()
def init(
    name: list[str] = typer.Option(
        [], help="浏览器使用的主机名或 IP，可多次给出 / host name or address browsers use; may be repeated"
    ),
    new_authority: bool = typer.Option(
        False, help="重建本地 CA，各终端须重新安装 / make another authority; every device installs it again"
    ),
    data: Path = DATA,
) -> None:
    """Make, or renew, the certificate of this node's pages, signed by a local authority; names default to this host's."""
    folder = existing(data)
    from qingjian.contracts.clock import SystemClock
    from qingjian.site import configuration, tls

    try:
        made = tls.initialise(
            folder,
            name or [socket.gethostname(), "localhost", "127.0.0.1"],
            SystemClock().now(),
            renew_authority=new_authority,
        )
        files = {"tls_certificate": made.certificate, "tls_key": made.key}
        # Relative: a restored or moved folder keeps its settings.
        added = configuration.add(
            folder, {key: path.relative_to(folder.root).as_posix() for key, path in files.items()}
        )
        used = configuration.load(folder.root).values
    except (tls.TlsError, configuration.ConfigurationError, OSError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    typer.echo(f"证书 / certificate   {made.certificate}")
    typer.echo(f"  {', '.join(made.names)}  → {made.until:%Y-%m-%d}")
    typer.echo(f"本地 CA / authority  {made.authority}{'  （新建 / new）' if made.new_authority else ''}")
    if added:
        typer.echo(f"已写入 / written into {folder.configuration}: {', '.join(added)}")
    elif (used.tls_certificate, used.tls_key) != (str(made.certificate), str(made.key)):
        typer.echo(
            "设置中已有另一证书，未改动 / the settings name another certificate and were left as they are: "
            f"{used.tls_certificate}"
        )
    typer.echo(
        "在手机与电脑上安装本地 CA，再重启节点 / install the authority on phones and computers, then restart the node"
    )
    if used.web_host in ("127.0.0.1", "localhost", "::1"):
        typer.echo(
            "网页只对本机监听：设置 web_host 才能从手机访问 / pages listen on this machine only: set web_host for phones"
        )

"""Evidence bundles: one zip that an outsider checks with the ``verify.py`` inside or a copy of their own.

Apps say what goes in with plain descriptions (frames, series-days, events, files); nothing here knows
an app. The manifest is a signed note of the log's key over the digest of every other file.
"""

from __future__ import annotations

import datetime
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from qingjian.contracts.clock import CHINA
from qingjian.ledger.frames import FrameBatch
from qingjian.ledger.note import SignedNote, encode_base64
from qingjian.notary import verify
from qingjian.notary.contents import StoredFrame, frame_context
from qingjian.notary.errors import NotaryError
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import Place
from qingjian.notary.reading import ShardReader
from qingjian.notary.sealing import SeriesDayProof

_UNSAFE = re.compile(r"[\s/\\\x00-\x1f:*?\"<>|]+")
SAFE_NAME = re.compile(r"[^\s/\\\x00-\x1f:*?\"<>|]+(?:/[^\s/\\\x00-\x1f:*?\"<>|]+)*")


@dataclass(frozen=True)
class FrameEvidence:
    """Frames of one batch that go in, the whole batch's tree, and the batch's place in the ledger."""

    frames: Sequence[StoredFrame]
    batch: FrameBatch
    place: Place


@dataclass(frozen=True)
class SeriesDayEvidence:
    """Canonical rows of one series-day (values with flags and marks) and what opens them under its seal."""

    canonical: bytes
    proof: SeriesDayProof


@dataclass(frozen=True)
class EventEvidence:
    """A business event: canonical bytes and salt open the commitment at ``place``; ``title`` is for people."""

    title: str
    canonical: bytes
    salt: bytes
    place: Place


@dataclass(frozen=True)
class FileEvidence:
    """A file; ``event`` is the position in ``BundleContent.events`` of the event that names its digest."""

    name: str
    title: str
    content: bytes
    event: int | None = None


@dataclass
class BundleContent:
    """What a bundle says. ``summary`` are further lines in Chinese for the readable summary."""

    title: str
    frames: list[FrameEvidence] = field(default_factory=list)
    series_days: list[SeriesDayEvidence] = field(default_factory=list)
    events: list[EventEvidence] = field(default_factory=list)
    files: list[FileEvidence] = field(default_factory=list)
    summary: list[str] = field(default_factory=list)


def _lines(rows: Sequence[Mapping[str, object]]) -> bytes:
    text = [json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":")) for row in rows]
    return "".join(f"{line}\n" for line in text).encode()


def safe_name(name: str) -> str:
    """Return one part of a file's name in a bundle for whatever a person called the file."""
    return _UNSAFE.sub("_", name).strip(".") or "_"


def _safe(name: str) -> str:
    if not SAFE_NAME.fullmatch(name) or any(part in (".", "..") for part in name.split("/")):
        raise NotaryError(f"文件名不能用于证据包：{name!r} / not a name for a file in a bundle")
    return name


class _Builder:
    def __init__(self, notary: Notary, content: BundleContent) -> None:
        self.notary = notary
        self.content = content
        self.files: dict[str, bytes] = {}
        self.places: set[Place] = set()

    def put(self, name: str, data: bytes) -> None:
        if name in self.files:
            raise NotaryError(f"证据包中有两个 {name} / two files of one name in the bundle")
        self.files[_safe(name)] = data

    def cite(self, place: Place) -> list[str | int]:
        self.places.add(place)
        return [place.shard, place.index]

    def frames(self) -> None:
        journals: dict[str, list[tuple[StoredFrame, FrameEvidence]]] = {}
        for evidence in self.content.frames:
            for frame in evidence.frames:
                journals.setdefault(frame.journal, []).append((frame, evidence))
        for journal, items in journals.items():
            rows, raw = [], []
            offset = 0
            for frame, evidence in sorted(items, key=lambda item: item[0].sequence):
                rows.append(
                    {
                        "batch": self.cite(evidence.place),
                        "context": frame_context(frame).decode(),
                        "length": len(frame.content),
                        "nonce": frame.nonce.hex(),
                        "offset": offset,
                        "path": [encode_base64(item) for item in evidence.batch.proof(frame.sequence)],
                        "received_us": frame.received_us,
                        "sequence": frame.sequence,
                    }
                )
                raw.append(frame.content)
                offset += len(frame.content)
            self.put(f"frames/{journal}.bin", b"".join(raw))
            self.put(f"frames/{journal}.jsonl", _lines(rows))

    def values(self) -> None:
        rows = []
        for evidence in self.content.series_days:
            proof = evidence.proof
            name = f"values/{proof.series}/{proof.day.isoformat()}.jsonl"
            self.put(name, evidence.canonical)
            rows.append(
                {
                    "file": name,
                    "index": proof.index,
                    "path": [encode_base64(item) for item in proof.path],
                    "salt": proof.salt.hex(),
                    "seal": self.cite(proof.place),
                    "series": proof.series,
                }
            )
        if rows:
            self.put("values/index.jsonl", _lines(rows))

    def events(self) -> None:
        rows = []
        for number, event in enumerate(self.content.events, 1):
            name = f"events/{number:04d}.json"
            self.put(name, event.canonical)
            rows.append(
                {
                    "entry": self.cite(event.place),
                    "file": name,
                    "salt": event.salt.hex(),
                    "title": event.title,
                }
            )
        if rows:
            self.put("events/index.jsonl", _lines(rows))

    def attachments(self) -> None:
        rows = []
        for item in self.content.files:
            name = f"files/{item.name}"
            event = None if item.event is None else f"events/{item.event + 1:04d}.json"
            if item.event is not None:
                named = self.content.events[item.event].canonical
                if f'"{sha256(item.content).hexdigest()}"'.encode() not in named:
                    raise NotaryError(
                        f"{item.name} 的摘要不在所指事件中 / the event does not name this file's digest"
                    )
            self.put(name, item.content)
            rows.append({"event": event, "file": name, "title": item.title})
        if rows:
            self.put("files/index.jsonl", _lines(rows))

    def ledger(self) -> None:
        for shard in sorted({place.shard for place in self.places}):
            indices = sorted(place.index for place in self.places if place.shard == shard)
            reader = ShardReader(self.notary, shard, indices[-1])
            rows = [
                {
                    "entry": reader.entry(index).decode(),
                    "index": index,
                    "path": [encode_base64(item) for item in reader.path(index)],
                }
                for index in indices
            ]
            self.put(f"ledger/{shard}.jsonl", _lines(rows))
            self.put(f"checkpoints/{shard}.txt", reader.note)

    def summary(self, created: datetime.datetime) -> None:
        content = self.content
        frames = sum(len(item.frames) for item in content.frames)
        moment = created.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
        lines = [
            f"# 证据包：{content.title}",
            "",
            f"导出时间：{moment}（北京时间）；账本：{self.notary.origin}",
            "",
            f"- 原始报文 {frames} 帧（frames/，逐字节原样；.jsonl 记录每帧的接收时间与证明）",
            f"- 封存数据 {len(content.series_days)} 个序列日（values/，每行一条，含标记）",
            f"- 业务事件 {len(content.events)} 件（events/）",
            *(f"  - {number:04d} {event.title}" for number, event in enumerate(content.events, 1)),
            f"- 文件 {len(content.files)} 个（files/）",
            *(
                f"  - {item.name} {item.title}"
                + ("" if item.event is not None else "（未入账，仅由导出方签名）")
                for item in content.files
            ),
            *([""] if content.summary else []),
            *content.summary,
            "",
            "## 怎样核验",
            "",
            "不必信任导出方。请从别处取得日志与证人的公钥（policy 文件或指纹），"
            "用自己保存的 verify.py（只需 Python 标准库）运行：",
            "",
            "    python3 verify.py 证据包.zip --policy 可信公钥.txt",
            "",
            "结论“成立”（退出码 0）表示每个文件都与账本和清单一致；“不成立”（1）会指出是哪个文件；"
            "“来源未确认”（2）表示只用了包内自带的公钥，不能排除整包伪造。",
            "",
        ]
        self.put("summary.md", "\n".join(lines).encode())


def own_policy(notary: Notary, shards: Sequence[str], witnesses: Mapping[str, str] | None = None) -> str:
    """The node's own keys as a policy file: to be published elsewhere, and put into its bundles.

    ``witnesses`` maps a name to a witness's verifier key; all of them form the quorum.
    """
    logs = []
    for shard in shards:
        logs += notary.verifier_keys(shard)
    lines = [f"log {key.encode()}" for key in logs]
    names = list(witnesses or {})
    lines += [f"witness {name} {key}" for name, key in (witnesses or {}).items()]
    if names:
        lines.append(f"group witnesses all {' '.join(names)}")
    lines.append("quorum " + ("witnesses" if names else "none"))
    return "\n".join(lines) + "\n"


def build_bundle(notary: Notary, content: BundleContent, witnesses: Mapping[str, str] | None = None) -> bytes:
    """The zip. Every entry cited must be in the ledger below a published checkpoint (NotaryError).

    Needs the secret key of the newest shard, which signs the manifest.
    """
    created = notary.clock.now()
    builder = _Builder(notary, content)
    builder.frames()
    builder.values()
    builder.events()
    builder.attachments()
    newest = notary.state.shards()[-1].name
    # A bundle that cites nothing still shows a head: a verifier's quorum must never go unasked.
    builder.places = builder.places or {Place(newest, 0)}
    builder.ledger()
    builder.summary(created)
    signer = notary.keys.load(notary.state.keys(newest))[0]
    shards = sorted({place.shard for place in builder.places} | {newest})
    builder.put("policy.txt", own_policy(notary, shards, witnesses).encode())
    builder.put("verify.py", Path(verify.__file__).read_bytes())
    lines = [
        verify.FORMAT,
        f"title {' '.join(content.title.split())}",
        f"created {created.astimezone(datetime.UTC).isoformat(timespec='seconds')}",
        f"ledger {notary.origin}",
    ]
    for name, data in sorted(builder.files.items()):
        lines.append(f"file {sha256(data).hexdigest()} {len(data)} {name}")
    text = "\n".join(lines) + "\n"
    manifest = SignedNote(text, (signer.sign(text),)).encode()
    buffer = io.BytesIO()
    stamp = created.astimezone(CHINA).timetuple()[:6]
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [(verify.MANIFEST, manifest), *sorted(builder.files.items())]:
            info = zipfile.ZipInfo(name, stamp)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return buffer.getvalue()

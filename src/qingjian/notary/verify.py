#!/usr/bin/env python3
"""Check an evidence bundle of 清鉴 Qingjian. Standard library only; copy this file anywhere and run it.

    python3 verify.py BUNDLE.zip [--policy FILE | --fingerprint HEX ...] [--json]

Exit 0: everything holds and the keys are ones you named. 1: something does not hold (it is named).
2: consistent, but the origin is not confirmed: only keys from inside the bundle were at hand. 3: called wrongly.

--policy is a C2SP tlog-policy file (log, witness, group, quorum lines) that you got from somewhere
else than the bundle; --fingerprint is the SHA-256 of a key as printed by its owner.
"""

# Short and dense on purpose: it should be read on paper before it is trusted.
# fmt: off
# mypy: ignore-errors
import argparse
import binascii
import hashlib
import json
import sys
import zipfile
from pathlib import Path

FORMAT = "qingjian.evidence-bundle/v1"
MANIFEST, INDEXED = "manifest.txt", ("values", "events", "files")
VERDICTS = {
    0: "成立 / holds",
    1: "不成立 / does not hold",
    2: "自洽，来源未确认：只有包内自带的密钥 / consistent, origin not confirmed: only the bundle's own keys",
}

class BadError(ValueError):
    """Something in the bundle does not hold."""

def sha(data):
    return hashlib.sha256(data).digest()

# Ed25519 (RFC 8032), verification only
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    x, y, z, t = f - e, h - g, h + g, f + e
    return x * y % P, z * t % P, y * z % P, x * t % P

def multiply(k, a):
    result = (0, 1, 1, 0)
    while k:
        result = add(result, a) if k & 1 else result
        a, k = add(a, a), k >> 1
    return result

def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if len(data) != 32 or y >= P:
        return None
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    x = x * pow(2, (P - 1) // 4, P) % P if (x * x - xx) % P else x
    if (x * x - xx) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P

BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

def ed25519(key, message, signature):
    a, r = point(key), point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= Q or len(signature) != 64:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    left, right = multiply(s, BASE), add(r, multiply(h, a))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))

# Notes, keys, policies (C2SP signed-note, tlog-cosignature, tlog-policy)
def unbase(text):
    data = binascii.a2b_base64(text)  # lenient, so compare with the one right spelling
    if binascii.b2a_base64(data, newline=False).decode() != text:
        raise BadError(f"not base64: {text[:40]!r}")
    return data

def read_key(text):
    """(name, id, type, public key) of a verifier key."""
    parts = text.split("+", 2)
    data = unbase(parts[2]) if len(parts) == 3 else b""
    if len(data) < 2 or sha(parts[0].encode() + b"\n" + data)[:4].hex() != parts[1]:
        raise BadError(f"not a verifier key: {text[:60]!r}")
    if data[0] in (1, 4) and len(data) != 33:
        raise BadError(f"a key of a wrong length: {text[:60]!r}")
    return parts[0], data[:1] + bytes.fromhex(parts[1]), data[0], data[1:]

def read_policy(text):
    """Logs, witnesses by name, groups by name, quorum."""
    logs, witnesses, groups, quorum, used = [], {}, {}, None, set()
    for line in text.split("\n"):
        words = line.replace("\t", " ").split()
        if not words or words[0].startswith("#"):
            continue
        kind, name, rest = words[0], words[1] if len(words) > 1 else "", words[2:]
        known = {*witnesses, *groups}
        new = name not in known | {"none"}
        if kind == "log" and len(rest) < 2 and read_key(name)[2] != 4:
            logs.append(read_key(name))
        elif kind == "witness" and new and len(rest) in (1, 2) and read_key(rest[0])[2] == 4:
            witnesses[name] = read_key(rest[0])
        elif kind == "group" and new and len(rest) > 1 and set(rest[1:]) <= known - used:
            count = {"any": "1", "all": str(len(rest) - 1)}.get(rest[0], rest[0])
            if not count.isdecimal() or not 1 <= int(count) <= len(set(rest[1:])) == len(rest) - 1:
                raise BadError(f"policy: the group {name} cannot need {rest[0]}")
            groups[name] = (int(count), rest[1:])
            used |= set(rest[1:])
        elif kind == "quorum" and not rest and quorum is None and name in known | {"none"}:
            quorum = name
        else:
            raise BadError(f"policy: not a line of a policy here: {line[:60]!r}")
    if quorum is None or len({key[3] for key in witnesses.values()}) < len(witnesses):
        raise BadError("policy: no quorum line, or a witness key listed twice")
    return logs, witnesses, groups, quorum

def by_fingerprints(own, wanted):
    """Policy of the bundle's own keys that a person named; all named witnesses must have cosigned."""
    prints = {key: sha(bytes([key[2]]) + key[3]).hex() for key in [*own[0], *own[1].values()]}
    logs = [key for key in own[0] if prints[key] in wanted]
    witnesses = {name: key for name, key in own[1].items() if prints[key] in wanted}
    if missing := wanted - set(prints.values()):
        raise BadError(f"no key in the bundle has the fingerprint {', '.join(sorted(missing))}")
    groups = {"named": (len(witnesses), list(witnesses))} if witnesses else {}
    return logs, witnesses, groups, "named" if witnesses else "none"

def witnessed(policy, name, cosigned):
    if name == "none" or name in policy[1]:
        return name == "none" or name in cosigned
    count, members = policy[2][name]
    return sum(witnessed(policy, member, cosigned) for member in members) >= count

def read_note(data):
    text, separator, block = (content := data.decode()).rpartition("\n\n")
    if not separator or not block.endswith("\n") or any(ord(c) < 32 and c != "\n" for c in content):
        raise BadError("not a signed note")
    rows = [line.split(" ") for line in block[:-1].split("\n")]
    if any(len(row) != 3 or row[0] != "—" for row in rows):
        raise BadError("not a signature line")
    return text + "\n", [(row[1], unbase(row[2])[:4], unbase(row[2])[4:]) for row in rows]

def check_lines(text, lines, keys):
    """(key or None, state) of each line; a wrong line of a known key is an error."""
    result = []
    for name, key_id, value in lines:
        key = next((k for k in keys if k[0] == name and k[1][1:] == key_id), None)
        message, state = text.encode(), "unknown key" if key is None else "present, not checked"
        if key is not None and key[2] in (1, 4):
            if key[2] == 4:  # a timestamped cosignature
                message = b"cosignature/v1\ntime %d\n" % int.from_bytes(value[:8], "big") + message
                value = value[8:]
            if not ed25519(key[3], message, value):
                raise BadError(f"the signature of {name} does not verify")
            state = "verified"
        result.append((key, state))
    return result

# Merkle trees (RFC 6962)
def climb(item, index, size, path):
    """Root that the inclusion path of an entry leads to."""
    item = sha(b"\x00" + item)
    if not 0 <= index < size:
        raise BadError(f"there is no place {index} in a tree of {size}")
    last = size - 1
    for other in map(unbase, path):
        if last == 0:
            raise BadError("an inclusion path is too long")
        if index & 1 or index == last:
            item = sha(b"\x01" + other + item)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            item = sha(b"\x01" + item + other)
        index, last = index >> 1, last >> 1
    if last:
        raise BadError("an inclusion path is too short")
    return item

# The bundle
def load(path):
    """Files of a zip or a folder by name, and what could not be read."""
    if path.is_dir():
        return {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file()}, []
    files, failures = {}, []
    with zipfile.ZipFile(path) as archive:
        for item in archive.infolist():
            try:
                if item.filename in files:
                    raise BadError("twice in the zip")
                files[item.filename] = archive.read(item)
            except Exception as error:
                failures.append((item.filename, f"cannot be read out of the zip: {error}"))
    return files, failures

class Check:
    """One run over one bundle; collects what held and what did not."""
    def __init__(self):
        self.files, self.policy, self.failures, self.held, self.entries = {}, None, [], [], {}
        self.signed, self.opened, self.anchored = set(), set(), set()  # by the exporter; events; all with a reason

    def part(self, name, work):
        """Run one part; a failure is named and the rest goes on."""
        try:
            work()
        except BadError as error:
            self.failures.append((name, str(error)))
        except Exception as error:
            self.failures.append((name, f"unreadable ({type(error).__name__}: {error})"))

    def lines(self, name):
        return [json.loads(line) for line in self.files.get(name, b"").decode().split("\n") if line]

    def run(self):
        names = sorted(self.files)
        self.part(MANIFEST, self.manifest)
        for name in [one for one in names if one.startswith("checkpoints/")] or ["checkpoints/"]:
            self.part(name, lambda name=name: self.checkpoint(name))
        for name in [one for one in names if one.startswith("frames/") and one.endswith(".jsonl")]:
            self.part(name, lambda name=name: self.frames(name))
        for part, work in zip(INDEXED, (self.values, self.events, self.attachments)):  # noqa: B905
            self.part(f"{part}/index.jsonl", work)
        for name in names:
            if not name.startswith(("frames/", "values/", "events/", "files/", "ledger/", "checkpoints/")):
                self.exporter_only([name] * (name not in (MANIFEST, "policy.txt", "verify.py")))
            elif name not in self.anchored | self.opened | {f"{part}/index.jsonl" for part in INDEXED}:
                self.failures.append((name, "nothing that was proven stands behind it"))

    def exporter_only(self, names):
        self.held += [(name, "仅由导出方签名，未入账 / signed by the exporter only, not in the ledger")
                      for name in names if name in self.signed]

    def manifest(self):
        text, signatures = read_note(self.files.get(MANIFEST, b""))
        head, *rest = text.splitlines()
        rows = [line.split(" ", 3) for line in rest if line.startswith("file ")]
        listed = {name: (digest, size) for _, digest, size, name in rows}
        for name in sorted(listed.keys() | self.files.keys() - {MANIFEST}):
            content = self.files.get(name)
            if name not in listed:
                self.failures.append((name, "is not listed in the manifest"))
            elif content is None:
                self.failures.append((name, "is listed in the manifest and missing"))
            elif (hashlib.sha256(content).hexdigest(), str(len(content))) != listed[name]:
                self.failures.append((name, "does not have the digest that the manifest gives"))
        if head != FORMAT or len(listed) != len(rows) or len(signatures) != 1:
            raise BadError("is of another format, lists a file twice or has not exactly one signature")
        if check_lines(text, signatures, self.policy[0])[0][1] != "verified":
            raise BadError(f"signed by {signatures[0][0]}, whose key you did not name")
        self.held.append((MANIFEST, f"清单由 {signatures[0][0]} 签名，列出 {len(listed)} 个文件 / signed, lists every file"))
        self.signed = listed.keys() - {name for name, _ in self.failures}

    def checkpoint(self, name):
        if name not in self.files:
            raise BadError("no head of a log is in the bundle, so nothing in it is proven")
        text, signatures = read_note(self.files[name])
        origin, size, root = text.split("\n")[:3]
        if str(int(size)) != size:
            raise BadError("has a size in a second spelling")
        witnesses = self.policy[1]
        lines = check_lines(text, signatures, [*self.policy[0], *witnesses.values()])
        if not any(key in self.policy[0] and key[0] == origin and s == "verified" for key, s in lines):
            raise BadError(f"no key you named signed the log {origin}")
        cosigned = {n for n, k in witnesses.items() if any(k == key and s == "verified" for key, s in lines)}
        if not witnessed(self.policy, self.policy[3], cosigned):
            raise BadError(f"the quorum {self.policy[3]} is not met: cosigned by {sorted(cosigned) or 'nobody'}")
        what = f"日志 {origin} 共 {size} 条，签名有效，见证 {len(cosigned)} 家 / signed, {len(cosigned)} cosigned"
        self.held.append((name, what))
        said = "有签名，本程序不能核验 / present, not checked"
        self.held += [(name, f"{key[0]}: {said}") for key, state in lines if state == "present, not checked"]
        shard = name.removeprefix("checkpoints/").removesuffix(".txt")
        self.anchored |= {name, f"ledger/{shard}.jsonl"}
        self.part(f"ledger/{shard}.jsonl", lambda: self.ledger(shard, int(size), unbase(root)))

    def ledger(self, shard, size, root):
        for row in (rows := self.lines(f"ledger/{shard}.jsonl")):
            data = row["entry"].encode()
            if climb(data, row["index"], size, row["path"]) != root:
                raise BadError(f"entry {row['index']} does not lead to the signed root")
            self.entries[shard, row["index"]] = json.loads(data)
        self.held.append((f"ledger/{shard}.jsonl", f"{len(rows)} 条记录确在日志中 / entries are in the log"))

    def entry(self, place, kind):
        found = self.entries.get(tuple(place))
        if found is None or found["kind"] != kind:
            raise BadError(f"the ledger part has no proven {kind} entry at {place}")
        return found

    def frames(self, name):
        raw = name.removesuffix(".jsonl") + ".bin"
        data, position, before = self.files.get(raw, b""), 0, -1
        for row in (rows := self.lines(name)):
            batch = self.entry(row["batch"], "frames")
            content = data[position : position + row["length"]]
            if row["offset"] != position or len(content) != row["length"]:
                raise BadError(f"frame {row['sequence']} does not follow in {raw}")
            if name != f"frames/{batch['journal']}.jsonl" or row["sequence"] <= before:
                raise BadError(f"frame {row['sequence']} is of journal {batch['journal']} or not in its order")
            position, before, journal = position + row["length"], row["sequence"], batch["journal"].encode()
            fixed = row["sequence"].to_bytes(8, "big") + row["received_us"].to_bytes(8, "big") + sha(content)
            said = b"qingjian/frame/v1\n" + bytes([len(journal)]) + journal + fixed + sha(row["context"].encode())
            item, size = bytes.fromhex(row["nonce"]) + sha(said), batch["last"] - batch["first"] + 1
            if climb(item, row["sequence"] - batch["first"], size, row["path"]) != bytes.fromhex(batch["root"]):
                raise BadError(f"frame {row['sequence']} is not the one that was received")
        if position != len(data):
            raise BadError(f"{raw} has bytes that no frame explains")
        self.anchored |= {name, raw}
        self.held.append((raw, f"{len(rows)} 帧报文的字节、接收时间和顺序与入账时一致 / frames are as received"))

    def values(self):
        for row in (rows := self.lines("values/index.jsonl")):
            seal = self.entry(row["seal"], "day")
            content = self.files.get(row["file"], b"")
            header = json.loads(content.split(b"\n", 1)[0])
            named = (header["series"], header["day"], f"values/{header['series']}/{header['day']}.jsonl")
            if named != (row["series"], seal["day"], row["file"]):
                raise BadError(f"{row['file']} is of another series or day")
            item = sha(b"qingjian/commitment/v1\n" + bytes.fromhex(row["salt"]) + content)
            if climb(item, row["index"], seal["series_days"], row["path"]) != bytes.fromhex(seal["root"]):
                raise BadError(f"{row['file']} is not what was sealed")
            self.anchored.add(row["file"])
        self.held += [("values", f"{len(rows)} 个序列日的数据与封存时一致 / series-days are as sealed")] * bool(rows)

    def events(self):
        for row in (rows := self.lines("events/index.jsonl")):
            entry = self.entry(row["entry"], "event")
            content = self.files.get(row["file"], b"")
            salt = bytes.fromhex(row["salt"])
            if len(salt) != 32 or sha(b"qingjian/commitment/v1\n" + salt + content).hex() != entry["commitment"]:
                raise BadError(f"{row['file']} is not what was committed")
            self.opened.add(row["file"])
        self.held += [("events", f"{len(rows)} 件业务事件与入账时一致 / events are as committed")] * bool(rows)

    def attachments(self):
        for row in self.lines("files/index.jsonl"):
            name, event = row["file"], row["event"]
            digest = hashlib.sha256(self.files.get(name, b"")).hexdigest()
            if not name.startswith("files/"):
                raise BadError(f"{name} is not one of the attached files")
            self.anchored.add(name)
            if event is not None and (event not in self.opened or f'"{digest}"'.encode() not in self.files[event]):
                raise BadError(f"{name} is not a file that a proven event {event} names")
            self.exporter_only([name] * (event is None))
            self.held += [(name, f"摘要记在 {event} 中，已入账 / its digest is in a proven event")] * (event is not None)

def verify(path, policy_text=None, fingerprints=()):
    """(exit code, report) for a bundle."""
    own_only, where = policy_text is None and not fingerprints, "--policy" if policy_text else "policy.txt"
    check = Check()
    try:
        check.files, check.failures = load(Path(path))
        policy = read_policy(check.files.get("policy.txt", b"").decode() if policy_text is None else policy_text)
        if policy_text is not None and fingerprints:  # the quorum of the policy would go unasked
            raise BadError("--policy or --fingerprint, not both")
        check.policy = by_fingerprints(policy, set(fingerprints)) if fingerprints else policy
        check.run()
    except ValueError as error:
        check.failures.append((where, str(error)))
    except (OSError, zipfile.BadZipFile) as error:
        check.failures.append((str(path), f"cannot be read: {error}"))
    code = 1 if check.failures else 2 if own_only else 0
    failures = [{"file": name, "reason": reason} for name, reason in check.failures]
    held = [{"part": name, "what": what} for name, what in check.held]
    return code, {"verdict": VERDICTS[code], "exit": code, "failures": failures, "held": held}

class Parser(argparse.ArgumentParser):
    """Exit 2 has a meaning here, so wrong usage leaves with 3."""
    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(3, f"{message}\n")

def main(arguments=None):
    parser = Parser(description="Check an evidence bundle of 清鉴 Qingjian.")
    parser.add_argument("bundle")
    trusted = parser.add_mutually_exclusive_group()
    trusted.add_argument("--policy", help="C2SP tlog-policy file with the keys you trust")
    trusted.add_argument("--fingerprint", action="append", default=[], help="SHA-256 of a key you trust")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        text = options.policy and Path(options.policy).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        parser.error(f"--policy: {error}")
    code, report = verify(options.bundle, text, [item.lower() for item in options.fingerprint])
    lines = [f"[有效 ok] {item['part']}: {item['what']}" for item in report["held"]]
    failed = [f"[失败 FAILED] {item['file']}: {item['reason']}" for item in report["failures"]]
    lines += [*failed, f"结论 / verdict: {report['verdict']}"]
    sys.stdout.reconfigure(errors="backslashreplace")  # a code page may lack Chinese
    sys.stdout.write((json.dumps(report) if options.json else "\n".join(lines)) + "\n")
    return code

if __name__ == "__main__":
    sys.exit(main())

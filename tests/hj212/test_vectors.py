"""Every vector of the collection."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.hj212.building import stretches

from qingjian.hj212 import checksum, records
from qingjian.hj212.decoder import decode_frame
from qingjian.hj212.message import Message
from qingjian.hj212.policy import Policy

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "hj212" / "hj212_vectors.json").read_text(encoding="utf-8")
)
REFUSED = {
    "v-48d8ee59": "check_wrong",
    "v-6b3e34d5": "check_wrong",
    "v-8c799b1b": "check_wrong",
    "v-e5b01a99": "check_wrong",
    "v-f697b97d": "check_wrong",
    "v-b20debe9": "check_wrong",
    "v-f9470ae6": "length_wrong",
    "v-4fb6840a": "length_three_digits",
    "v-5471b91f": "cp_delimiter",
    "v-7add2333": "cp_delimiter",
    "v-0afec79a": "check_modbus",
}
DEVIATING = {
    "v-14aaaa10": "header_after_cp",
    "v-1a35d0fa": "text_gb18030",
    "v-71e0a320": "check_lower_case",
    "v-bec0227e": "datatime_invalid",
    "v-d1293d53": "value_not_numeric",
    "v-b11ae416": "sm4_text_form",
    "v-cf12f1e7": "separator_trailing",
    "v-3dfd4059": "mark_before_value",
    "v-e3c33275": "separator_mixed",
    "v-0d92644c": "qn_form",
    "v-33bd90ae": "cn_unknown",
    "v-b6b5a5ae": "header_order",
    "v-3299d78c": "header_separator",
}


def raw_of(vector: dict[str, Any]) -> bytes:
    return vector["frame"].encode() if "frame" in vector else bytes.fromhex(vector["frame_hex"])


def policy_of(vector: dict[str, Any], edition: str = "auto") -> Policy:
    key = vector.get("sm4_key_hex")
    return Policy(edition=edition, sm4_key=bytes.fromhex(key) if key else None)


def name_of(vector: dict[str, Any]) -> str:
    return str(vector["id"])


def test_the_collection_is_whole() -> None:
    assert len(VECTORS) == 171
    assert sum(vector["well_formed"] for vector in VECTORS) == 153
    known = {vector["id"] for vector in VECTORS}
    assert set(REFUSED) <= known
    assert set(DEVIATING) <= known


@pytest.mark.parametrize("vector", VECTORS, ids=name_of)
def test_vector(vector: dict[str, Any]) -> None:
    raw = raw_of(vector)
    found = stretches(raw, policy_of(vector))
    assert b"".join(stretch.raw for stretch in found) == raw
    if vector["id"] in REFUSED:
        (stretch,) = found
        assert stretch.refusal is not None
        assert stretch.refusal.code == REFUSED[vector["id"]]
        return
    messages = [stretch.message for stretch in found if stretch.message is not None]
    (message,) = messages
    assert message.cn == vector["cn"]
    assert message.edition == vector["edition"][:4]
    if vector["well_formed"]:
        assert len(found) == 1
    if vector["id"] in DEVIATING:
        assert DEVIATING[vector["id"]] in {deviation.code for deviation in message.deviations}
    if "plaintext" in vector:
        assert message.encrypted in ("raw", "text")
        assert message.cp.decode() == vector["plaintext"].split("CP=&&")[1][:-2]


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if vector["well_formed"]], ids=name_of)
def test_check_of_vector_by_definition(vector: dict[str, Any]) -> None:
    body = vector["plaintext"].encode() if "plaintext" in vector else raw_of(vector)[6:].rstrip(b"\r\n")[:-4]
    assert b"%04X" % checksum.check_by_definition(body) == raw_of(vector).rstrip(b"\r\n")[-4:].upper()


@pytest.mark.parametrize("vector", VECTORS, ids=name_of)
@pytest.mark.parametrize("own_edition", [False, True])
def test_what_is_ok_encodes_to_the_same_bytes(vector: dict[str, Any], own_edition: bool) -> None:
    raw = raw_of(vector)
    policy = policy_of(vector, vector["edition"][:4] if own_edition else "auto")
    at = 0
    for record in records.decode_lines(raw, policy):
        assert record["offset"] == at
        at += record["length"]
        if record["status"] == "ok":
            again = json.loads(json.dumps(record))
            assert records.encode_record(again, policy.sm4_key) == raw[record["offset"] : at]
    assert at == len(raw)


def test_most_standard_segments_are_canonical() -> None:
    """What deviates among the standards' own segments is spaces, misprints and factors outside the tables."""
    tolerated = {
        "spaces", "header_separator", "separator_trailing", "separator_mixed", "item_duplicate", "factor_unknown",
    }  # fmt: skip
    for vector in VECTORS:
        if vector["kind"] in ("standard segment", "official", "2025 segment"):
            result = decode_frame(raw_of(vector), policy_of(vector, vector["edition"][:4]))
            assert isinstance(result, Message)
            assert {deviation.code for deviation in result.deviations} <= tolerated, vector["id"]

"""Registry rows of the demo county: what `simulator.demo` describes, as proposals of `network`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from qingjian.apps.network.services import Proposal
from qingjian.simulator.demo import sampled

OPENING = date(2024, 1, 1)
"""The day from which the demo's posts and region tree hold."""
POINT_KINDS = {
    "air": "air_city",
    "surface_water": "water_station",
    "waste_water": "outlet_water",
    "flue_gas": "outlet_gas",
    "noise": "noise_zone",
    "radiation": "radiation",
    "synthetic": "synthetic",
}
LISTS = {
    "水环境重点排污单位": "key_water",
    "大气环境重点排污单位": "key_air",
    "土壤污染重点监管单位": "key_soil",
    "噪声重点排污单位": "key_noise",
    "环境风险重点管控单位": "key_risk",
}
DUTIES = {"monitors": "monitor", "assesses": "assess", "protects": "protect", "maintains": "maintain"}
CONCENTRATION_UNITS = {"gas": "mg/m³", "water": "mg/L"}
PH_CODE, DIMENSIONLESS = "w01001", "无量纲"


def places(document: dict[str, Any]) -> list[Proposal]:
    """Regions, where they lie, and organisations, each entered as installed."""
    regions = document["regions"]
    return [
        *(Proposal("region", {name: row[name] for name in ("code", "name", "level")}) for row in regions),
        *(
            Proposal(
                "placement",
                {"region": row["code"], "parent": row["parent"], "valid_from": OPENING.isoformat()},
            )
            for row in regions
            if row["parent"]
        ),
        *(
            Proposal("organisation", {name: row[name] for name in ("code", "name", "kind", "region")})
            for row in document["organisations"]
        ),
    ]


def joined(notices: list[str]) -> str:
    """One notice in two lines, Chinese above English, out of several; what several say stands once.

    Each comes in two lines, parts joined by strokes, or as one part with a stroke between the languages.
    """
    halves = [(one if "\n" in one else one.replace(" / ", "\n", 1)).split("\n") for one in notices]
    if not halves:
        return ""
    chinese = dict.fromkeys(part for one in halves for part in one[0].split(" ｜ "))
    english = dict.fromkeys(part for one in halves for part in one[-1].split(" | "))
    return "\n".join((" ｜ ".join(chinese), " | ".join(english)))


def registry(document: dict[str, Any]) -> Iterator[Proposal]:
    """Yield factors, sources, points, duties, devices, series, and what is sampled by hand, each behind what it names."""
    for row in document["factors"]:
        yield Proposal(
            "factor",
            {
                "code": f"{row['medium']}.{row['code']}",
                "medium": row["medium"],
                "wire_code": row["code"],
                **{name: row[name] for name in ("name_zh", "name_en", "unit", "decimals")},
            },
        )
    for row in document["sources"]:
        yield from _source(row)
    notices: dict[str, list[str]] = {}
    for row in document["series"]:
        if row["notice"] not in notices.setdefault(row["point"], []):
            notices[row["point"]].append(row["notice"])
    for row in document["points"]:
        yield Proposal(
            "point",
            {
                **{
                    name: row[name]
                    for name in (
                        "code",
                        "name",
                        "level",
                        "region",
                        "organisation",
                        "longitude",
                        "latitude",
                        "valid_from",
                    )
                },
                "kind": POINT_KINDS[row["medium"]],
                "outlet": f"{row['source']}-{row['outlet']}" if row["outlet"] else None,
                "attributes": row["attributes"]
                | ({"target_class": row["target_class"]} if row["target_class"] else {}),
                "notice": joined(notices.get(row["code"], [])),
            },
        )
    for row in document["duties"]:
        yield Proposal(
            "duty",
            {
                "point": row["point"],
                "kind": DUTIES[row["role"]],
                "organisation": row["organisation"],
                "valid_from": row["valid_from"],
            },
        )
    yield from _devices(document)
    yield from _sampled({row["code"] for row in _factor_rows(document)}, document["valid_from"])


def _sampled(known: set[str], valid_from: str) -> Iterator[Proposal]:
    """Yield what is sampled or measured by hand; factors that devices report as well are registered once."""
    document = sampled()
    for row in document["factors"]:
        if row["code"] not in known:
            yield Proposal("factor", row)
    for row in document["points"]:
        fields = {name: value for name, value in row.items() if name != "name_en"}
        yield Proposal("point", {**fields, "valid_from": valid_from})
        for kind, organisation in (
            ("monitor", row["organisation"]),
            ("assess", "99DEMO0000BUREAU001"),
            ("protect", "99DEMO0GOVERNMENT01"),
        ):
            yield Proposal(
                "duty",
                {
                    "point": row["code"],
                    "kind": kind,
                    "organisation": organisation,
                    "valid_from": valid_from,
                },
            )
    for row in document["series"]:
        fields = {name: value for name, value in row.items() if name != "name_zh"}
        # Years of ecology reach further back than the county's devices.
        yield Proposal("series", {**fields, "position": 1, "averaging": "arithmetic"})


def _factor_rows(document: dict[str, Any]) -> Iterator[dict[str, str]]:
    for row in document["factors"]:
        yield {"code": f"{row['medium']}.{row['code']}"}


def _source(row: dict[str, Any]) -> Iterator[Proposal]:
    code = row["code"]
    yield Proposal(
        "source",
        {
            name: row[name]
            for name in ("code", "name", "organisation", "region", "industry", "longitude", "latitude")
        },
    )
    for one in row["lists"]:
        yield Proposal(
            "membership",
            {
                "source": code,
                "name": LISTS[one["name"]],
                "valid_from": one["valid_from"],
                "valid_to": one["valid_to"],
            },
        )
    permit = row["permit"]
    yield Proposal(
        "permit",
        {
            "number": permit["number"],
            "source": code,
            "valid_from": permit["valid_from"],
            "valid_to": permit["valid_to"],
        },
    )
    media: dict[str, str] = {}
    for one in row["outlets"]:
        media[one["code"]] = "water" if one["kind"] == "water" else "gas"
        yield Proposal(
            "outlet",
            {
                "code": f"{code}-{one['code']}",
                "source": code,
                "name": one["name"],
                "medium": media[one["code"]],
                "height_m": one.get("height_m"),
                "receiving_water": one.get("into", ""),
            },
        )
    for number, one in enumerate(row["facilities"], start=1):
        capacity = f" {one['capacity']}" if one["capacity"] else ""
        yield Proposal(
            "facility",
            {
                "code": f"{code}-F{number}",
                "source": code,
                "name": one["name"],
                "kind": "treatment",
                "process": one["name"] + capacity,
            },
        )
    factor_media = {"water": "waste_water", "gas": "flue_gas"}
    for one in row["limits"]:
        medium = media[one["outlet"]]
        bounds = (
            dict(zip(("lower", "upper"), one["limit"].split(".."), strict=True))
            if one["operator"] == "range"
            else {"upper": one["limit"]}
        )
        yield Proposal(
            "limit",
            {
                "outlet": f"{code}-{one['outlet']}",
                "permit": permit["number"],
                "factor": f"{factor_media[medium]}.{one['factor']}",
                "averaging": one["statistic"],
                **bounds,
                "unit": DIMENSIONLESS if one["factor"] == PH_CODE else CONCENTRATION_UNITS[medium],
                "converted": one["converted"],
                "basis": one["basis"],
                "valid_from": permit["valid_from"],
            },
        )
    for one in permit["amounts"]:
        outlet = row["outlets"][0]["code"]
        yield Proposal(
            "limit",
            {
                "outlet": f"{code}-{outlet}",
                "permit": permit["number"],
                "factor": f"{factor_media[media[outlet]]}.{one['factor']}",
                "averaging": "year",
                "yearly_amount_t": one["amount"],
                "unit": one["unit"],
                "basis": permit["number"],
                "valid_from": permit["valid_from"],
            },
        )


def _devices(document: dict[str, Any]) -> Iterator[Proposal]:
    codes = {row["mn"]: row["code"] for row in document["devices"]}
    for row in document["devices"]:
        names = (
            "code",
            "mn",
            "password",
            "name",
            "point",
            "system_code",
            "edition",
            "policy",
            "sm4_key_hex",
            "addresses",
            "silence_seconds",
            "clock_tolerance_seconds",
            "synthetic",
            "valid_from",
            "valid_to",
        )
        yield Proposal("device", {name: row[name] for name in names})
    for row in document["instruments"]:
        yield Proposal(
            "instrument",
            {
                "code": row["code"],
                "point": row["point"],
                "name": row["name"],
                "manufacturer": row["maker"],
                "model": row["model"],
                "serial_number": row["serial"],
                "factors": ", ".join(one.split(".")[1] for one in row["series"])[:200],
                "valid_from": row["valid_from"],
            },
        )
    # A series may name the flow series of its outlet, which therefore comes first.
    for row in sorted(document["series"], key=lambda one: bool(one["flow_series"])):
        names = (
            "code",
            "point",
            "origin",
            "position",
            "unit",
            "decimals",
            "medium",
            "averaging",
            "flow_series",
            "expected",
            "notice",
            "valid_from",
        )
        factor = f"{row['medium']}.{row['factor']}"
        yield Proposal(
            "series",
            {**{name: row[name] for name in names}, "factor": factor, "device": codes.get(row["device"])},
        )
    for row in document["routes"]:
        yield Proposal(
            "route",
            {
                "device": codes[row["mn"]],
                **{name: row[name] for name in ("wire_factor", "series", "scale", "valid_from", "valid_to")},
            },
        )
    series = {row["code"] for row in document["series"]}
    for row in document["settings"]:
        subject = "series" if row["subject"] in series else "device"
        yield Proposal(
            "setting",
            {
                subject: row["subject"],
                **{name: row[name] for name in ("name", "value", "unit", "valid_from", "valid_to")},
                "origin": row["source"],
            },
        )

"""Names of factors that physical tests must recognise, and which factor is part of which."""

from __future__ import annotations

import re
from typing import Final

# Part and whole, in the field's own order: fine particles in coarse, ammonia nitrogen in total nitrogen …
PART_AND_WHOLE: Final = (
    ("pm25", "pm10"),
    ("pm10", "tsp"),
    ("pm1", "pm25"),
    ("nh3n", "tn"),
    ("po4p", "tp"),
    ("codmn", "cod"),
    ("bod5", "cod"),
    ("no", "nox"),
    ("no2", "nox"),
)
PARTICLES: Final = ("pm25", "pm10")

# Other spellings, among them the factor codes of HJ 212 / HJ 525.
SPELLINGS: Final = {
    "a34004": "pm25",
    "a34002": "pm10",
    "a34001": "tsp",
    "a34005": "pm1",
    "w21003": "nh3n",
    "nh4n": "nh3n",
    "氨氮": "nh3n",
    "w21001": "tn",
    "总氮": "tn",
    "w21011": "tp",
    "总磷": "tp",
    "w01018": "cod",
    "codcr": "cod",
    "化学需氧量": "cod",
    "w01019": "codmn",
    "高锰酸盐指数": "codmn",
    "w01017": "bod5",
    "a21002": "nox",
    "a21003": "no",
    "a21004": "no2",
    "a21026": "so2",
    "二氧化硫": "so2",
    "w01001": "ph",
    "a19001": "o2",
    "含氧量": "o2",
    "a00000": "flow",
    "w00000": "flow",
    "流量": "flow",
    "a01012": "gas_temperature",
    "烟气温度": "gas_temperature",
    "a01014": "moisture",
    "烟气湿度": "moisture",
    "a01002": "humidity",
    "rh": "humidity",
    "gx0501": "load",
    "tey": "load",
    "负荷": "load",
    "airflow": "air_flow",
    "曝气量": "air_flow",
}


def common_name(code: str) -> str:
    """Lower-case name without signs, other spellings replaced: PM2.5, a34004 and air.a34004 all become pm25."""
    plain = _plain(code)
    tail = _plain(code.rpartition(".")[2])
    return SPELLINGS.get(plain, SPELLINGS.get(tail, plain))


def _plain(code: str) -> str:
    return re.sub(r"[\s._\-/()（）]", "", code).lower()

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
}


def common_name(code: str) -> str:
    """Lower-case name without signs, other spellings replaced: PM2.5 and a34004 both become pm25."""
    plain = re.sub(r"[\s._\-/()（）]", "", code).lower()
    return SPELLINGS.get(plain, plain)

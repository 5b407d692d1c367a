"""From HJ 212 factor codes to the items of the standards.

Only the name: the unit belongs to the series (HJ 212 lists other units than the standards use) and goes along as
`Quantity`.
"""

from __future__ import annotations

from types import MappingProxyType

AIR = MappingProxyType(
    {
        "a21026": "SO2",
        "a21004": "NO2",
        "a21005": "CO",
        "a05024": "O3",
        "a34002": "PM10",
        "a34004": "PM2.5",
        "a34001": "TSP",
        "a21002": "NOx",
    }
)
SURFACE_WATER = MappingProxyType(
    {
        "w01001": "pH",
        "w01009": "DO",
        "w01010": "T",
        "w01017": "BOD5",
        "w01018": "COD",
        "w01019": "CODMn",
        "w02003": "FC",
        "w19002": "LAS",
        "w20111": "Hg",
        "w20115": "Cd",
        "w20117": "Cr(VI)",
        "w20119": "As",
        "w20120": "Pb",
        "w20122": "Cu",
        "w20123": "Zn",
        "w20128": "Se",
        "w21001": "TN",
        "w21003": "NH3-N",
        "w21011": "TP",
        "w21016": "CN-",
        "w21017": "F-",
        "w21019": "S2-",
        "w22001": "Oils",
        "w23002": "VP",
    }
)
WASTE_WATER = MappingProxyType(
    {code: item for code, item in SURFACE_WATER.items() if item not in ("DO", "T", "CODMn")}
    | {
        "w01012": "SS",
        "w20116": "Cr",
        "w20121": "Ni",
        "w20124": "Mn",
        "w20126": "Ag",
        "w20127": "Be",
        "w25043": "BaP",
    }
)
FLUE_GAS = MappingProxyType(
    {
        "a34013": "PM",
        "a21026": "SO2",
        "a21002": "NOx",
        "a21005": "CO",
        "a20057": "Hg",
        "a21001": "NH3",
        "a21018": "F",
        "a21024": "HCl",
        "a21028": "H2S",
        "a24088": "NMHC",
    }
)

"""Kinds of monitoring points and the element each belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class PointKind:
    """A kind of point, its element, and whether it watches a source."""

    code: str
    element: str
    name: Promise
    icon: str = "map-pin"


ELEMENTS = {
    "air": _("Ambient air"),
    "water": _("Surface water"),
    "groundwater": _("Groundwater"),
    "drinking": _("Drinking-water sources"),
    "soil": _("Soil and farmland"),
    "ecology": _("Ecology"),
    "noise": _("Noise"),
    "radiation": _("Radiation"),
    "rural": _("Rural environment"),
    "gas_source": _("Air pollution sources"),
    "water_source": _("Water pollution sources"),
    "area": _("Area and mobile sources"),
    "system": _("System"),
}

KINDS = {
    kind.code: kind
    for kind in (
        PointKind("air_city", "air", _("City air station"), "wind"),
        PointKind("air_township", "air", _("Township air station"), "wind"),
        PointKind("air_vocs", "air", _("VOCs station"), "flask"),
        PointKind("greenhouse_gas", "air", _("Greenhouse gas station"), "cloud"),
        PointKind("straw_burning", "air", _("Straw-burning infrared point"), "flame"),
        PointKind("water_section", "water", _("Surface-water section"), "ripple"),
        PointKind("water_inbound", "water", _("Inbound or outbound section"), "ripple"),
        PointKind("water_station", "water", _("Automatic water station"), "ripple"),
        PointKind("reservoir", "water", _("Key reservoir"), "droplet"),
        PointKind("river_outfall", "water", _("River outfall"), "droplet-down"),
        PointKind("groundwater", "groundwater", _("Groundwater well"), "droplet-half"),
        PointKind("drinking_city", "drinking", _("City drinking-water source"), "glass-full"),
        PointKind("drinking_county", "drinking", _("County drinking-water source"), "glass-full"),
        PointKind("drinking_township", "drinking", _("Township source for over 10,000 people"), "glass-full"),
        PointKind("soil", "soil", _("Soil point"), "shovel"),
        PointKind("farmland", "soil", _("Farmland point"), "plant-2"),
        PointKind("forest", "ecology", _("Forest plot"), "trees"),
        PointKind("wetland", "ecology", _("Wetland plot"), "plant"),
        PointKind("ecology", "ecology", _("Ecology plot"), "leaf"),
        PointKind("noise_area", "noise", _("Area noise point"), "volume"),
        PointKind("noise_road", "noise", _("Road noise point"), "road"),
        PointKind("noise_zone", "noise", _("Functional-zone noise station"), "volume-2"),
        PointKind("radiation", "radiation", _("Radiation station"), "radioactive"),
        PointKind("rural_environment", "rural", _("Rural environment point"), "home"),
        PointKind("rural_sewage", "rural", _("Rural sewage plant effluent"), "droplet-bolt"),
        PointKind("outlet_gas", "gas_source", _("Stack outlet"), "building-factory"),
        PointKind("outlet_water", "water_source", _("Waste-water outlet"), "building-factory-2"),
        PointKind("heavy_metal", "water_source", _("Heavy-metal online monitor"), "atom"),
        PointKind("industrial_park", "area", _("Industrial park or development zone"), "building-warehouse"),
        PointKind("area_source", "area", _("Area source"), "polygon"),
        PointKind("petrol_station", "area", _("Petrol-station vapour"), "gas-station"),
        PointKind("vehicle_exhaust", "area", _("Vehicle exhaust"), "car"),
        PointKind("synthetic", "system", _("Synthetic device (alert heartbeat)"), "heartbeat"),
    )
}

POINT_KIND_CHOICES = [(kind.code, kind.name) for kind in KINDS.values()]


def kinds_of(element: str) -> list[str]:
    """Return the kind codes of an element."""
    return [kind.code for kind in KINDS.values() if kind.element == element]

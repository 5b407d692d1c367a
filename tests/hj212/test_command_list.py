"""The packaged command tables row by row against the command list of the standards (`command_list.csv`).

The list states, in our own words, which numbers HJ/T 212-2005 and HJ 212-2017 define (V: read in the text) and which open
code gives for HJ 212-2025 (S, U), the kind of dialogue and the fields of the data area that the texts name; `-` means an
empty data area, a missing entry that the list says nothing. `test_dialogue` plays every row of the packaged tables.
"""

import csv
from pathlib import Path

import pytest
from tests.hj212.test_dialogue import DOWN, UP

from qingjian.hj212 import profiles

EDITIONS = ("2005", "2017", "2025")
LIST = list(csv.DictReader((Path(__file__).parent / "command_list.csv").read_text("utf-8").splitlines()))
ROWS = [(edition, row) for row in LIST for edition in row["editions"].split(";")]
FLOWS = {
    "request": {"execute", "read", "history", "start"},
    "notify": {"notify"},
    "upload": {"upload", "answer"},
    "upload/notify": {"notify"},
    "notify/request": {"notify"},
    "notify/interaction": {"notify"},
    "interaction": {"interaction"},
}


def name_of(value: object) -> str:
    return f"{value['cn']}-{value['direction']}" if isinstance(value, dict) else str(value)


def wanted_fields(edition: str, text: str) -> set[str] | None:
    """Fields the list names for an edition; None where it says nothing."""
    if "=" in text:
        parts = dict(part.split("=") for part in text.split())
        text = parts.get(edition, "").replace(",", " ")
    return None if not text else set() if text == "-" else set(text.split())


def packaged_fields(parameters: str) -> set[str]:
    return {
        name.replace("*-", "") for name in parameters.replace(",", ";").split(";") if name not in ("", "*")
    }


@pytest.mark.parametrize(("edition", "row"), ROWS, ids=name_of)
def test_every_row_of_the_list_is_packaged_with_its_dialogue_fields_and_confidence(
    edition: str, row: dict[str, str]
) -> None:
    known = profiles.profile(edition).commands[row["cn"], row["direction"]]
    assert known.flow in FLOWS[row["kind"]]
    assert known.confidence == (
        row["confidence_2025"] or row["confidence"] if edition == "2025" else row["confidence"]
    )
    assert bool(known.feature) == (row["switched_off"] == "yes")
    wanted = wanted_fields(edition, row["fields"])
    if wanted is not None:
        assert packaged_fields(known.parameters) == wanted


def test_nothing_is_packaged_that_the_list_does_not_name() -> None:
    listed = {(edition, row["cn"], row["direction"]) for edition, row in ROWS}
    assert len(listed) == len(ROWS), "a number has one meaning per edition and direction"
    assert len(LIST) == 76
    for edition in EDITIONS:
        packaged = {(edition, *key) for key in profiles.profile(edition).commands}
        assert packaged == {key for key in listed if key[0] == edition}


def test_the_dialogues_of_both_roles_play_every_row_of_the_list() -> None:
    down = {(edition, row["cn"]) for edition, row in ROWS if row["direction"] == "down"}
    assert set(DOWN) == down
    played = {
        (edition, row["cn"])
        for edition, row in ROWS
        if row["direction"] == "up" and row["kind"] != "interaction" and not row["switched_off"]
    }
    of_their_own = {key for key in played if profiles.profile(key[0]).commands[key[1], "up"].flow != "answer"}
    assert (
        of_their_own <= set(UP) <= {(edition, row["cn"]) for edition, row in ROWS if row["direction"] == "up"}
    )

"""Names for positions, so that no field number stands in mapping code: `PID.patient_name` is 5, `CX.id_number` is 1.

Every segment and data type of message/names.txt is a class here, made when it is first asked for; names.pyi tells
mypy what each has. A segment that mypy does not know yet is added to BILLING in tools/hl7_names.py. They are plain
classes: a name is looked up hundreds of times a message, and a hook for unknown ones would cost each of them.
"""

from __future__ import annotations

from hub_hl7_adt.message.lookup import is_table, names_of


def __getattr__(name: str) -> type:
    if not is_table(name):
        raise AttributeError(f"HL7 has no segment or data type {name!r}")
    made = type(name, (), {"__doc__": f"Positions in {name}.", "__slots__": (), **names_of(name)})
    globals()[name] = made
    return made

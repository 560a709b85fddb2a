"""The 835 as records, declared once: which segment fills which field of a remittance, in the guide's order."""

from __future__ import annotations

from hub.flow.codes_seen import code
from hub.model.claim import Adjustment
from hub.model.institutional import Inpatient, Outpatient
from hub.model.remit import (
    ClaimGroup,
    ClaimPayment,
    Counted,
    DayTold,
    Named,
    PaymentContact,
    ProviderAdjustment,
    RemitParty,
    Remittance,
    ServicePayment,
    Told,
)
from hub.x12.shapes import Kind, each, many, one, row, shape, values

_CODE = Kind(name="code", read=code, write=str, reads_nothing=True)
_WORD = Kind(name="word", read=str, write=str, reads_nothing=True)
_CREDIT = Kind(
    name="credit",
    read=lambda text: text != "D",
    write=lambda credit: "C" if credit else "D",
    reads_nothing=True,
)
_ENDS = ("CLP", "LX", "PLB", "SE", "ST", "GE", "GS", "IEA", "ISA")
_OF_RENDERING = "0B,1A,1B,1C,1D,1G,1H,1J,D3,G2"

_TOLD = "01=kind 02=value 03=words"
_CONTACT = "01=kind 02=name 03-8=ways"
_COUNTED = "01=kind 02=value:noted"
_ADJUSTED = each(
    "CAS",
    "adjustments",
    Adjustment,
    "01=group:code!",
    "02=reason:code! 03=amount:money! 04=quantity:number",
    times=6,
    breaks="breaks",
    few=True,
)


def _named(field: str) -> str:
    """The columns of NM1 for an inner record."""
    steps = "02=kind 03=last 04=first 05=middle 07=suffix 08=id_kind 09=id"
    return steps.replace("=", f"={field}.")


def _payer_ids(origin: str, payer: RemitParty | None) -> tuple[str, ...]:
    """Every way the file names its payer: TRN03, N104, and REF 2U, EO, HI or NF of 1000A."""
    told = [origin]
    if payer is not None:
        told.append(payer.id)
        told += [ref.value for ref in payer.references if ref.kind in {"2U", "EO", "HI", "NF"}]
    return tuple(dict.fromkeys(told))


def tax_id_of(payee: RemitParty | None) -> str:
    """The tax id of a payee: N104 where N103 is FI, else REF*TJ."""
    if payee is None:
        return ""
    if payee.id_kind == "FI":
        return payee.id
    return next((ref.value for ref in payee.references if ref.kind == "TJ"), "")


def npi_of(payee: RemitParty | None) -> str:
    """The NPI of a payee: N104 where N103 is XX."""
    return payee.id if payee is not None and payee.id_kind == "XX" else ""


def _remarks(inpatient: Inpatient | None, outpatient: Outpatient | None) -> tuple[str, ...]:
    """RARCs of the claim: MIA05, MIA20 to MIA23, MOA03 to MOA07."""
    told: tuple[str, ...] = ()
    if inpatient is not None:
        told += (inpatient.remark, *inpatient.remarks)
    if outpatient is not None:
        told += outpatient.remarks
    return tuple([code(one) for one in told if one])


def _crossover(payer: Named | None) -> str:
    """The id or name of the payer that the claim was forwarded to (NM1*TT)."""
    return "" if payer is None else payer.id or payer.last or "unnamed"


def _is_there(record: object) -> bool:
    return record is not None


SERVICE = shape(
    ServicePayment,
    "2110",
    row(
        "SVC",
        "01.1=code_kind 01.2=hcpcs 01.3-6=modifiers 01.7=description 02=charge:money! 03=paid:money! 04=revenue "
        "05=units:number/units_told 06.1=original_kind 06.2=original_hcpcs 06.3-6=original_modifiers "
        "06.7=original_description 07=original_units:number",
        usual=5,
        few=True,
    ),
    row("DTM 472,150", "01=dated_as 02=service_date:told", few=True),
    row("DTM 151", "02=service_to:told", few=True),
    each("DTM", "dates", DayTold, "01=kind 02=on:told", few=True),
    _ADJUSTED,
    each("REF", "references", Told, _TOLD),
    row("REF 6R", "02=control_number"),
    each(f"REF {_OF_RENDERING},HPI,SY,TJ", "provider_ids", Told, _TOLD),
    values("REF 0K", "policies", "02"),
    each("AMT", "amounts", Counted, _COUNTED, few=True),
    each("QTY", "quantities", Counted, _COUNTED, few=True),
    values("LQ HE", "remarks", "02:code!", few=True),
    each("LQ", "other_remarks", Told, "01=kind 02=value"),
    kinds=[_CODE],
    often=(
        "modifiers",
        "units",
        "service_date",
        "control_number",
        "adjustments",
        "remarks",
        "code_kind",
        "amounts",
    ),
)

CLAIM = shape(
    ClaimPayment,
    "2100",
    row(
        "CLP",
        "01=patient_control_number 02=status:code! 03=charge:money! 04=paid:money! 05=patient_responsibility:money "
        "06=filing 07=payer_control_number 08=facility 09=frequency 10=patient_status 11=drg 12=drg_weight:noted "
        "13=discharge_share:noted",
        usual=9,
    ),
    _ADJUSTED,
    row("NM1 QC", _named("patient")),
    row("NM1 IL", _named("insured")),
    row("NM1 74", _named("corrected")),
    row("NM1 82", _named("rendering"), few=True),
    row("NM1 TT", _named("crossover_payer"), few=True),
    row("NM1 PR", _named("priority_payer"), few=True),
    row("NM1 GB", _named("other_subscriber")),
    row(
        "MIA",
        "01=inpatient.covered_days:noted 02=inpatient.outlier:noted 03=inpatient.psychiatric_days:noted "
        "04=inpatient.drg:noted 05=inpatient.remark 06=inpatient.share:noted 07=inpatient.pass_through:noted "
        "08=inpatient.capital:noted 09=inpatient.capital_federal:noted 10=inpatient.capital_hospital:noted "
        "11=inpatient.capital_share:noted 12=inpatient.old_capital:noted 13=inpatient.education:noted "
        "14=inpatient.operating_hospital:noted 15=inpatient.report_days:noted 16=inpatient.operating_federal:noted "
        "17=inpatient.capital_outlier:noted 18=inpatient.teaching:noted 19=inpatient.professional:noted "
        "20-23=inpatient.remarks 24=inpatient.capital_exception:noted",
    ),
    row(
        "MOA",
        "01=outpatient.rate:noted 02=outpatient.payable:noted 03-7=outpatient.remarks 08=outpatient.renal:noted "
        "09=outpatient.professional:noted",
    ),
    each("REF", "references", Told, _TOLD),
    each(f"REF {_OF_RENDERING},LU", "provider_ids", Told, _TOLD),
    row("DTM 232", "02=statement_from:told", few=True),
    row("DTM 233", "02=statement_to:told", few=True),
    row("DTM 036", "02=coverage_ends:told", few=True),
    row("DTM 050", "02=received_on:told", few=True),
    each("DTM", "dates", DayTold, "01=kind 02=on:told", few=True),
    each("PER", "contacts", PaymentContact, _CONTACT, few=True),
    each("AMT", "amounts", Counted, _COUNTED, few=True),
    row("AMT I", "02=interest:money"),
    each("QTY", "quantities", Counted, _COUNTED, few=True),
    many("SVC", "lines", SERVICE),
    given=("position", "opens"),
    derive={
        "remarks": (_remarks, "inpatient", "outpatient"),
        "crossover": (_crossover, "crossover_payer"),
        "corrected_patient": (_is_there, "corrected"),
    },
    ends=_ENDS,
    kinds=[_CODE],
    often=(
        "patient_responsibility",
        "filing",
        "payer_control_number",
        "rendering",
        "lines",
        "received_on",
        "position",
        "facility",
        "frequency",
        "patient",
        "statement_from",
        "statement_to",
    ),
)

GROUP = shape(
    ClaimGroup,
    "2000",
    row("LX", "01=number"),
    row(
        "TS3",
        "01=totals.provider 02=totals.facility 03=totals.year_end:told 04=totals.claims:noted 05=totals.charge:noted "
        "06-24~totals.sums",
    ),
    row("TS2", "01-19~inpatient"),
    ends=(*_ENDS, "CLP"),
)

_PAYER = shape(
    RemitParty,
    "1000A",
    row("N1 PR", "02=name 03=id_kind 04=id"),
    row("N3", "01=address.line1 02=address.line2"),
    row(
        "N4",
        "01=address.city 02=address.state 03=address.zip 04=address.country:text 07=address.subdivision",
    ),
    each("REF", "references", Told, _TOLD),
    each("PER", "contacts", PaymentContact, _CONTACT),
)

PAYEE = shape(
    RemitParty,
    "1000B",
    row("N1 PE", "02=name 03=id_kind 04=id"),
    *_PAYER.rows[1:],
    row("RDM", "01=delivery.kind 02=delivery.name 03=delivery.address"),
)


def _bank(field: str, first: int) -> str:
    """The four columns of one side of a transfer."""
    steps = enumerate(("id_kind", "id", "account_kind", "account"), first)
    return " ".join([f"{at:02}={field}.{step}" for at, step in steps])


HEADER = shape(
    Remittance,
    "",
    row("ST", "01#835 02=control_number 03=version"),
    row(
        "BPR",
        f"01=handling 02=amount:money! 03=credit:credit! 04=method:code! 05=format {_bank('from_bank', 6)} "
        f"10=sender 11=sender_division {_bank('to_bank', 12)} 16=payment_date:day!",
    ),
    row("TRN", "01#1 02=trace:word! 03=origin 04=origin_division"),
    row("CUR PR", "02=currency 03=exchange_rate:number"),
    row("REF EV", "02=receiver"),
    row("REF F2", "02=system"),
    row("DTM 405", "02=production_date:told"),
    one("N1 PR", "payer", _PAYER),
    one("N1 PE", "payee", PAYEE),
    values("CLP", "runs", "01:count"),
    each(
        "PLB",
        "provider_adjustments",
        ProviderAdjustment,
        "01=npi 02=fiscal_period:day",
        "03.1=reason:code! 03.2=reference 04=amount:money!",
        times=6,
    ),
    derive={
        "payer_name": (lambda payer: payer.name if payer is not None else "", "payer"),
        "payer_ids": (_payer_ids, "origin", "payer"),
        "payee_npi": (npi_of, "payee"),
        "payee_tax_id": (tax_id_of, "payee"),
    },
    ends=("SE", "ST", "GE", "GS", "IEA", "ISA"),
    kinds=[_CODE, _CREDIT, _WORD],
)

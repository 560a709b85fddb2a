"""The guide of the 835, the remittance: 005010X221A1."""

from __future__ import annotations

from hub.x12.grammar import guide, loop, seg
from hub.x12.guides.patterns import ADJUSTMENT, address, numbers, procedure, spread

# why a provider adjustment moves money that belongs to no claim
_PROVIDER_REASONS = (
    "50,51,72,90,AH,AM,AP,B2,B3,BD,BN,C5,CR,CS,CT,CV,CW,DM,E3,FB,FC,GO,HM,IP,IR,IS,J1,L3,L6,LE,LS,"
    "OA,OB,PI,PL,RA,RE,SL,TL,WO,WU"
)
_REASON_AND_AMOUNT = "{0:02}{need} {0:02}.1!={reasons} {0:02}.2 {1:02}{need}"
_BANK = "{0}=01,04 {1} {2}={kinds} {3}"
# a contact has up to three numbers; the last of the business's and of a claim's is an extension
_CONTACT = "01!=CX 02 03{need}=EM,FX,TE 04{need} 05=EM,EX,FX,TE 06 07=EX 08"
_CODE_SETS = "AD,ER,HC,HP,IV,N4,N6,NU,UI,WK"
_PAYER_IDS = "08!=AD,FI,NI,PI,PP,XV 09!"
_MEMBER_IDS = "34,HN,II,MI,MR"
_PROVIDER_IDS = "BD,BS,FI,MC,PC,SL,UP,XX"
_RENDERING = "0B,1A,1B,1C,1D,1G,1H,1J,D3,G2"
_COVERAGES = "12,13,14,15,16,17,AM,CH,DS,HM,LM,MA,MB,MC,OF,TV,VA,WC,ZZ"
_GROUPS = "CO,OA,PI,PR"
_FREQUENCIES = spread("0-9 A-K M-Q X-Z")
_EXTRA = "ZK,ZL,ZM,ZN,ZO"

_SERVICE = loop(
    "2110 S 999",
    "Service",
    seg(
        "SVC R 1",
        "Service line",
        f"01! 01.1!={_CODE_SETS} 01.2! 01.3-6 02! 03! 04 05 {procedure(6, _CODE_SETS, need='')} 07",
    ),
    seg("DTM S 2", "Day of service", "01!=150,151,472 02!"),
    seg("CAS S 99", "Adjustment of the line", f"01!={_GROUPS} {ADJUSTMENT}"),
    numbers("S 8", "Number for the line", "1S,APC,BB,E9,G1,G3,LU,RB"),
    numbers("S 1", "Line item control number", "6R"),
    numbers("S 10", "Number of the rendering provider", f"{_RENDERING},HPI,SY,TJ"),
    numbers("S 5", "Payment policy", "0K"),
    seg("AMT S 9", "Amount for the line", f"01!=B6,KH,T,T2,{_EXTRA} 02!"),
    seg("QTY S 6", "Quantity for the line", f"01!={_EXTRA} 02!"),
    seg("LQ S 99", "Remark", "01!=HE,RX 02!"),
)

_CLAIM = loop(
    "2100 R >1",
    "Claim",
    seg(
        "CLP R 1",
        "Claim payment",
        f"01! 02!=1,2,3,4,19,20,21,22,23,25 03! 04! 05 06!={_COVERAGES} 07! 08=@facility 09={_FREQUENCIES} 11 12 13",
    ),
    seg("CAS S 99", "Adjustment of the claim", f"01!={_GROUPS} {ADJUSTMENT}"),
    seg("NM1 R 1", "Patient", f"01!=QC 02!=1 03-05 07 08={_MEMBER_IDS} 09"),
    seg("NM1 S 1", "Insured", "01!=IL 02!=1,2 03-05 07 08!=FI,II,MI 09!"),
    seg("NM1 S 1", "Corrected patient or insured", "01!=74 02!=1,2 03-05 07 08=C 09"),
    seg("NM1 S 1", "Rendering provider", f"01!=82 02!=1,2 03-05 07 08!={_PROVIDER_IDS} 09!"),
    seg("NM1 S 1", "Crossover carrier", f"01!=TT 02!=2 03! {_PAYER_IDS}"),
    seg("NM1 S 1", "Corrected priority payer", f"01!=PR 02!=2 03! {_PAYER_IDS}"),
    seg("NM1 S 1", "Other subscriber", "01!=GB 02!=1,2 03-05 07 08=FI,II,MI 09"),
    seg("MIA S 1", "Inpatient adjudication", "01! 02-24"),
    seg("MOA S 1", "Outpatient adjudication", "01-09"),
    numbers("S 5", "Number for the claim", "1L,1W,28,6P,9A,9C,BB,CE,EA,F8,G1,G3,IG,SY"),
    numbers("S 10", "Number of the rendering provider", f"{_RENDERING},LU"),
    seg("DTM S 2", "Statement period", "01!=232,233 02!"),
    seg("DTM S 1", "Coverage expiration", "01!=036 02!"),
    seg("DTM S 1", "Claim received", "01!=050 02!"),
    seg("PER S 2", "Claim contact", _CONTACT.format(need="!")),
    seg("AMT S 13", "Amount for the claim", f"01!=AU,D8,DY,F5,I,NL,T,T2,{_EXTRA} 02!"),
    seg("QTY S 14", "Quantity for the claim", f"01!=CA,CD,LA,LE,NE,NR,OU,PS,VS,{_EXTRA} 02!"),
    _SERVICE,
)

REMITTANCE_835 = guide(
    "835",
    "Remittance",
    "005010X221A1",
    seg(
        "BPR R 1",
        "Payment",
        " ".join(
            (
                "01!=C,D,H,I,P,U,X 02! 03!=C,D 04!=ACH,BOP,CHK,FWT,NON 05=CCP,CTX",
                _BANK.format("06", "07", "08", "09", kinds="DA"),
                "10 11",
                _BANK.format("12", "13", "14", "15", kinds="DA,SG"),
                "16!",
            )
        ),
    ),
    seg("TRN R 1", "Trace number", "01!=1 02! 03! 04"),
    seg("CUR S 1", "Currency", "01!=PR 02!=@currency"),
    numbers("S 1", "Number of the receiver", "EV"),
    numbers("S 1", "Version of the payer's system", "F2"),
    seg("DTM S 1", "Production date", "01!=405 02!"),
    loop(
        "1000A R 1",
        "Payer",
        seg("N1 R 1", "Payer", "01!=PR 02! 03=XV 04"),
        *address(),
        numbers("S 4", "Number of the payer", "2U,EO,HI,NF"),
        seg("PER S 1", "Business contact", _CONTACT.format(need="")),
        seg("PER R >1", "Technical contact", "01!=BL 02 03=EM,TE,UR 04 05=EM,EX,FX,TE,UR 06 07=EM,EX,FX,UR 08"),
        seg("PER S 1", "Web site", "01!=IC 03!=UR 04!"),
    ),
    loop(
        "1000B R 1",
        "Payee",
        seg("N1 R 1", "Payee", "01!=PE 02! 03!=FI,XV,XX 04!"),
        *address("S"),
        numbers("S >1", "Number of the payee", "0B,D3,PQ"),
        numbers("S >1", "Tax number of the payee", "TJ", "02!=@tax"),
        seg("RDM S 1", "Delivery of the remittance", "01!=BM,EM,FT,OL 02 03"),
    ),
    loop(
        "2000 S >1",
        "Group of claims",
        seg("LX R 1", "Number of the group", "01!"),
        seg("TS3 S 1", "Totals of a provider", "01! 02!=@facility 03! 04! 05! 13 15 17 18 20-24"),
        seg("TS2 S 1", "Inpatient totals of a provider", "01-19"),
        _CLAIM,
    ),
    seg(
        "PLB S >1",
        "Provider adjustment",
        " ".join(
            (
                "01! 02!",
                *(
                    _REASON_AND_AMOUNT.format(at, at + 1, need="!" * (at == 3), reasons=_PROVIDER_REASONS)
                    for at in range(3, 15, 2)
                ),
            )
        ),
    ),
    group="HP",
    transaction="835",
    units=("2100",),
    accepts=("005010X221",),
    payer_made=True,
    names_itself=False,
)

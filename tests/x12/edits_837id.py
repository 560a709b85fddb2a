"""The single faults of institutional and dental claims, rule by rule: the edit of a good file, and what is found."""

from __future__ import annotations

from tests.x12.mutations import Edit

# fmt: off
INSTITUTIONAL: tuple[Edit, ...] = (
    # 3: the charge is the sum of its lines
    Edit("claim", "CLM*PCN301*1500.5*", "CLM*PCN301*1500*", ("clm.total 2300 CLM02",)),
    Edit("line", "*300.5*UN", "*301*UN", ("clm.total 2300 CLM02",)),
    # 2: required segments and elements
    Edit("statement days", "DTP*434*RD8*20260102-20260106~\n", "", ("segment.missing 2300 DTP",)),
    Edit("codes of the stay", "CL1*1*1*01~\n", "", ("segment.missing 2300 CL1",)),
    Edit("principal diagnosis", "HI*ABK:J189:::::::Y~\n", "", ("segment.missing 2300 HI",)),
    Edit("service", "SV2*0120**1200*DA*4~\n", "", ("segment.missing 2400 SV2",)),
    Edit("units", "*DA*4", "*DA", ("element.missing 2400 SV205",)),
    Edit("revenue code", "SV2*0120*", "SV2**", ("element.missing 2400 SV201",)),
    Edit("value", "HI*BE:80:::4", "HI*BE:80", ("element.missing 2300 HI01-5",)),
    Edit(
        "day of an occurrence",
        "HI*BH:11:D8:20260101",
        "HI*BH:11",
        ("element.missing 2300 HI01-3", "element.missing 2300 HI01-4"),
    ),
    Edit("status", "CL1*1*1*01", "CL1*1*1", ("element.missing 2300 CL103",)),
    Edit("signature", "**A*Y*Y~\nDTP*096", "*Y*A*Y*Y~\nDTP*096", ("element.not_used 2300 CLM06",)),
    # 2: codes
    Edit("kind of bill", "11:A:1", "11:B:1", ("element.code 2300 CLM05-2",)),
    Edit("present on admission", "J189:::::::Y", "J189:::::::X", ("element.code 2300 HI01-9",)),
    Edit("unit", "*DA*4", "*MJ*4", ("element.code 2400 SV204",)),
    Edit("frequency", "11:A:1", "11:A:L", ("element.code 2300 CLM05-3",)),
    # 2: the principal diagnosis stands once, as ABK
    Edit("ICD-9", "HI*ABK:J189:::::::Y", "HI*BK:4860:::::::Y", ("hi.icd9 2300 HI01-1",)),
    Edit(
        "two principal",
        "HI*ABK:J189:::::::Y",
        "HI*ABK:J189:::::::Y*ABK:J188",
        ("element.not_used 2300 HI02",),
    ),
    Edit("twice", "HI*ABJ:R0902~", "HI*ABJ:R0902~\nHI*ABJ:R0902~", ("segment.repeats 2300 HI",)),
    # 3: coordination of benefits
    Edit("paid line", "SVD*FIR01*70", "SVD*FIR01*71", ("cob.line_balance 2430 SVD02",)),
    Edit("paid", "AMT*D*70", "AMT*D*71", ("cob.paid_sum 2320 AMT02",)),
    Edit("both levels", "AMT*D*70~", "CAS*PR*2*10~\nAMT*D*60~", ("cob.both_levels 2320 CAS03",)),
    Edit("paid amount", "AMT*D*70~\n", "", ("cob.paid_missing 2320 AMT",)),
    Edit("zero", "CAS*CO*45*20~", "CAS*CO*45*20~\nCAS*OA*94*0~", ("cas.zero 2430 CAS03",)),
    # 4: a stay
    Edit("admission", "DTP*435*DT*202601020815~\n", "", ("clm.admission_date 2300 DTP",)),
    Edit("admitting diagnosis", "HI*ABJ:R0902~\n", "", ("hi.admitting_missing 2300 HI",)),
    Edit("kind of admission", "CL1*1*1*01", "CL1**1*01", ("cl1.admission 2300 CL101",)),
    Edit("hour of discharge", "DTP*096*TM*1130~\n", "", ("clm.discharge_hour 2300 DTP",)),
    Edit("claim number of the payer", "REF*F8*ICN0001~\n", "", ("clm.original_missing 2300 REF",)),
    # 4: nothing happens after the file was made
    Edit("end of the statement", "20260102-20260106", "20260102-20260126", ("dtp.future 2300 DTP03",)),
    Edit("service", "DTP*472*D8*20260105", "DTP*472*D8*20260125", ("dtp.future 2400 DTP03",)),
    # 1: dates and times
    Edit("statement turned round", "20260102-20260106", "20260106-20260102", ("element.date 2300 DTP03",)),
    Edit("hour", "202601020815", "202601022515", ("element.date 2300 DTP03",)),
    Edit("discharge", "*TM*1130", "*TM*2530", ("element.date 2300 DTP03",)),
    Edit("day of an occurrence", "D8:20260101", "D8:20260132", ("element.date 2300 HI01-4",)),
    Edit("statement of one day", "RD8*20260105-20260105", "D8*20260105", ("element.code 2300 DTP02",)),
    # 5: forms
    Edit("type of bill", "11:A:1", "1:A:1", ("element.bill 2300 CLM05-1",)),
    Edit("revenue code", "SV2*0120*", "SV2*120*", ("element.revenue 2400 SV201",)),
    Edit("procedure", "HC:G0380:25", "HC:G038:25", ("sv2.code 2400 SV202-2",)),
    Edit("ICD-10-PCS", "BBR:0BJ08ZZ", "BBR:0BJ08Z", ("hi.icd10_pcs 2300 HI01-2",)),
    Edit("letter O in ICD-10-PCS", "BBR:0BJ08ZZ", "BBR:OBJ08ZZ", ("hi.icd10_pcs 2300 HI01-2",)),
    Edit("occurrence", "BH:11", "BH:1", ("hi.bill_code 2300 HI01-2",)),
    Edit("condition", "BG:C1", "BG:C11", ("hi.bill_code 2300 HI01-2",)),
    Edit("value", "BE:80", "BE:8", ("hi.bill_code 2300 HI01-2",)),
    Edit("patient status", "CL1*1*1*01", "CL1*1*1*1", ("cl1.status 2300 CL103",)),
    Edit("attending NPI", "ANN****XX*1999999984", "ANN****XX*1999999985", ("element.npi 2310A NM109",)),
    Edit("diagnosis", "ABF:E119:", "ABF:E11.9:", ("hi.icd10 2300 HI01-2",)),
    Edit("admitting diagnosis", "ABJ:R0902", "ABJ:R09.02", ("hi.icd10 2300 HI01-2",)),
    Edit("attending specialty", "207R00000X", "207R00000", ("prv.taxonomy 2310A PRV03",)),
    Edit("NDC", "99999000101", "9999900010", ("lin.ndc 2410 LIN03",)),
    # 2: the billing address is a street, with the ZIP of nine digits
    Edit("box", "N3*1 MAIN ST", "N3*PO BOX 1", ("n3.box 2010AA N301",)),
    Edit("ZIP", "627011234", "62701", ("n4.zip4 2010AA N403",)),
    # 7: numbers used twice
    Edit("claim number", "CLM*PCN303", "CLM*PCN302", ("clm.duplicate 2300 CLM01",)),
)
DENTAL: tuple[Edit, ...] = (
    # 3: the charge is the sum of its lines
    Edit("claim", "CLM*PCN401*260*", "CLM*PCN401*261*", ("clm.total 2300 CLM02",)),
    Edit("line", "AD:D0001*100*", "AD:D0001*101*", ("clm.total 2300 CLM02",)),
    # 2: required segments and elements
    Edit("service", "SV3*AD:D0000*160**10**1*****1:2~\n", "", ("segment.missing 2400 SV3",)),
    Edit("procedure code", "AD:D0001*", "AD*", ("element.missing 2400 SV301-2",)),
    Edit("tooth code list", "TOO*JP*A", "TOO**A", ("element.missing 2400 TOO01",)),
    Edit("status of a tooth", "DN2*4*M", "DN2*4*", ("element.missing 2300 DN202",)),
    # 2: codes
    Edit("code list of a procedure", "AD:D0001", "HC:D0001", ("element.code 2400 SV301-1",)),
    Edit("surface", "*JP*8*M:O", "*JP*8*M:X", ("element.code 2400 TOO03-2",)),
    Edit("status", "DN2*4*M", "DN2*4*X", ("element.code 2300 DN202",)),
    Edit(
        "assignment",
        "CLM*PCN401*260***11:B:1*Y*A",
        "CLM*PCN401*260***11:B:1*Y*B",
        ("element.code 2300 CLM07",),
    ),
    Edit("treatment", "*1*****1:2", "*1**X***1:2", ("element.not_used 2400 SV308",)),
    # 4: a day for whatever was done
    Edit("claim without any", "DTP*472*D8*20260105~\n", "", ("dtp.service_missing 2400 DTP",)),
    Edit("line without any", "DTP*472*D8*20260106~\n", "", ("dtp.service_missing 2400 DTP",)),
    Edit("day after creation", "DTP*472*D8*20260106", "DTP*472*D8*20260126", ("dtp.future 2400 DTP03",)),
    Edit(
        "claim's day after creation",
        "DTP*472*D8*20260105",
        "DTP*472*D8*20260126",
        ("dtp.future 2300 DTP03",),
    ),
    # 4: accidents, corrections, pointers
    Edit("accident without date", "DTP*439*D8*20260102~\n", "", ("clm.accident_date 2300 DTP",)),
    Edit("automobile without state", "**OA~", "**AA~", ("clm.accident_state 2300 CLM11-4",)),
    Edit("void without number", "REF*F8*ICN0001~\n", "", ("clm.original_missing 2300 REF",)),
    Edit("pointer beyond", "*****1:2", "*****1:3", ("sv3.pointer 2400 SV311-2",)),
    # 5: forms
    Edit("tooth 33", "*JP*8*", "*JP*33*", ("too.tooth 2400 TOO02",)),
    Edit("tooth U", "TOO*JP*A", "TOO*JP*U", ("too.tooth 2400 TOO02",)),
    Edit("missing tooth", "DN2*4*", "DN2*99*", ("dn2.tooth 2300 DN201",)),
    Edit("part of the mouth", "*160**10**", "*160**11**", ("sv3.oral_cavity 2400 SV304-1",)),
    Edit("procedure", "AD:D0001", "AD:D001", ("sv3.code 2400 SV301-2",)),
    Edit("diagnosis", "ABK:K0252", "ABK:K02.52", ("hi.icd10 2300 HI01-2",)),
    Edit("rendering NPI", "1999999984", "1999999985", ("element.npi 2310B NM109",)),
    Edit("specialty", "1223G0001X", "1223G0001", ("prv.taxonomy 2310B PRV03",)),
    Edit("place", "CLM*PCN402*300***11", "CLM*PCN402*300***00", ("element.pos 2300 CLM05-1",)),
    Edit("tax id", "EI*123456789", "EI*12345678", ("ref.tax_id 2010AA REF02",)),
    # 4: who is the patient
    Edit(
        "said, yet another follows",
        "SBR*P********CI",
        "SBR*P*18*******CI",
        ("sbr.self_with_patient 2000B SBR02",),
    ),
    # 1: levels and lines
    Edit("children denied", "HL*2*1*22*1", "HL*2*1*22*0", ("hl.children 2000B HL04",)),
    Edit("line gap", "LX*2", "LX*3", ("lx.sequence 2400 LX01",)),
    # 2: the billing address is a street, with the ZIP of nine digits
    Edit("box", "N3*1 MAIN ST", "N3*PO BOX 1", ("n3.box 2010AA N301",)),
    Edit("ZIP", "627011234", "62701", ("n4.zip4 2010AA N403",)),
    # 4: pointers name diagnoses that are there
    Edit(
        "pointers without diagnoses",
        "HI*ABK:K0252*ABF:S025XXA~\n",
        "",
        ("sv3.pointer 2400 SV311-1", "sv3.pointer 2400 SV311-2"),
    ),
    Edit("a pointer too many", "HI*ABK:K0252*ABF:S025XXA", "HI*ABK:K0252", ("sv3.pointer 2400 SV311-2",)),
)
# fmt: on

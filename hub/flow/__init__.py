"""The main corridor; its rooms read in the order in which money moves.

    ingest      raw message -> facts
    visits      facts -> patients, Encounter and Charges
    coding      codes, modifiers, prices
    claims      Charges -> Claim, and the first ledger entries
    scrub       what would be rejected is held here
    claim_837   837 <-> Claim
    batch       claims -> a frozen file with registered control numbers
    dispatch    frozen files out, waiting files in, with a journal between the phases
    acks        TA1, 999, 277CA -> submissions and claims
    remit_835   835 <-> Remittance, balanced at its three levels
    remit_shapes  which segment of the 835 is which field
    posting     Remittance -> ledger
    denials     what was not paid -> work
    secondary   what the next payer is asked
    statements  what the patient owes, through the may-bill-patient gate
    printing    statements -> print vendor, and what became of them
    payments    money that patients paid
    sweep       expectations that are overdue

Each step pulls what waits for it, stores the result of one item in one transaction, sets aside what it
cannot finish as a work item, and is safe to run twice.
"""

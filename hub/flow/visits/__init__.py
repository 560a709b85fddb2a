"""Facts -> patients, Encounters and Charges: what ingest marked is put together anew, as its facts tell it now.

assemble                     the step: a page of visits at a time
assembly                     facts -> one Encounter, its diagnoses, coverages and charges, purely
persons, joining             who the patients are; a person's word that two are one
appointing                   facts -> appointments
asking                       work about visits of which the rest does not come
storing, renumbered          a page as it is to be stored; visits that are one under two numbers
alike, ranking               one service that was told in two ways; who pays first, and whether anybody knows
taking_back, differing       a claim that has not left, and whose visit is in question again or told otherwise
rediagnosing, retold, renaming, payer_changes, refreshing
a visit that was billed is told otherwise now: its diagnoses, who treated, its patient, who pays
foresight                    what a visit would come to, from these facts and no others; nothing is stored
"""

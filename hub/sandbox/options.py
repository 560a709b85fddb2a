"""How the simulated partners behave: their seed-driven mix, and each fault that a test may ask for."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class SandboxOptions(msgspec.Struct, frozen=True, kw_only=True):
    """All off by default but for the ordinary mix of denials, rejections, reversals and interest.

    `plain`: everything is accepted and paid, nothing reversed. `check`: judge each 837 by the 5010 rules.
    `outcomes` steers single claims, by patient control number or member id: `pay`, `co16`, `co197`, `co29`,
    `pr27`, `oa18`, `line16`, `line197`, `unknown`, `reverse`, `reject` (clearinghouse), `reject-payer`.
    `reject_per_mille` is refused by the clearinghouse and as much again by the payers; `reject_every` n
    refuses each n-th claim, `reject_set` n the n-th transaction set of a file with several. `ta1_every` n puts a
    TA1 in front of each n-th 999. Kinds for `silent` and `truncate` (the first one) are `TA1`, `999`, `277CA`, `835`.
    `unbalance` adds a dollar to BPR02 of the first payment; `twice` delivers each 835 under two names;
    `share_zero_pay` splits the first zero-pay 835 in two with one trace number; `silent_crossover` loses what
    Medicare handed on; `text_reports` lays a text beside each 999; `refuse_logins` refuses every password and key.
    """

    plain: bool = False
    check: bool = True
    outcomes: Mapping[str, str] = {}
    reject_per_mille: int = 15
    reject_every: int = 0
    reject_set: int = 0
    ta1_every: int = 3
    silent: frozenset[str] = frozenset()
    truncate: frozenset[str] = frozenset()
    unbalance: bool = False
    twice: bool = False
    share_zero_pay: bool = False
    silent_crossover: bool = False
    text_reports: bool = False
    refuse_logins: bool = False
    print_exceptions_per_mille: int = 40

    def steered(self, *keys: str) -> str:
        """What `outcomes` says for the first of these keys that it knows, or ""."""
        if not self.outcomes:
            return ""
        return next((self.outcomes[key] for key in keys if key in self.outcomes), "")

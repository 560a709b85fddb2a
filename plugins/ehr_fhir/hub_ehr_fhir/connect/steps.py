"""`hub connector test`: the way to a FHIR server step by step, and what to change where it ends.

Nothing is written at the server, and no value that it sends is shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from hub.plugin.api import Context, HubError, Misconfigured, Step
from hub.plugin.api.ports import Secrets
from hub_ehr_fhir.connect import addresses, discovery, judging, keys, token, trust
from hub_ehr_fhir.connect.grants import NEEDED
from hub_ehr_fhir.connect.http import Answer, Server
from hub_ehr_fhir.connect.reach import Way, failed
from hub_ehr_fhir.settings import FhirSettings
from hub_ehr_fhir.settings_server import REFERENCE, ServerSettings

_OFF_SECONDS = 5
_SLICE_SECONDS, _SLICES = 40.0, 5
_READ = ("Patient", "Encounter")
_TRIED = (200, 400, 401, 403, 404, 405, 422, 501)
_LATER_STEPS = ("discovery", "token", "metadata", *(f"read {name}" for name in _READ), "billing")


class Steps:
    """One test of one server. `each` gives the steps up to the one that stops the rest, and what was not tried."""

    def __init__(self, settings: FhirSettings, own: ServerSettings, server: Server, context: Context) -> None:
        self._all, self._settings, self._server, self._context = settings, own, server, context
        self._secrets, self._clock = context.secrets, context.clock

    def each(self) -> Iterator[Step]:
        """Every step, with the connector's own name in what is to do."""
        for step in self._steps():
            fix = step.fix.replace("NAME", self._context.instance)
            yield Step(name=step.name, ok=step.ok, said=step.said, fix=fix)

    def _steps(self) -> Iterator[Step]:
        """Every step. After one that failed, only those that do not need it."""
        for step in (*self._prepared(),):
            yield step
            if not step.ok:
                yield _skipped(("name", "connect", "tls", *_LATER_STEPS))
                return
        for step in Way(self._settings.url, self._settings, self._secrets).steps(self._clock.now()):
            yield step
            if not step.ok:
                yield _skipped(_LATER_STEPS)
                return
        yield from self._spoken()

    def _prepared(self) -> Iterator[Step]:
        """What stands on our side: secrets, keys, certificates."""
        try:
            said = _checked(self._settings, self._secrets)
        except HubError as error:
            yield failed("settings", error)
            return
        yield Step(name="settings", ok=True, said=said)

    def _spoken(self) -> Iterator[Step]:
        good = True
        for nth, step in enumerate((self._discovery, self._token, self._metadata)):
            try:
                said = step()
            except HubError as error:
                wrong = failed(_LATER_STEPS[nth], error)
                yield wrong if _LATER_STEPS[nth] == "token" else self._in_clear(wrong)
                good = _LATER_STEPS[nth] == "metadata" and good
            else:
                if said:
                    yield Step(name=_LATER_STEPS[nth], ok=True, said=said)
            if not good:
                yield _skipped(_LATER_STEPS[nth + 1 :])
                return
            if nth == 1:
                yield from self._clocks()
        for name in _READ:
            yield self._read(name)
        yield from billing(self._all, self._server, self._context)

    def _in_clear(self, step: Step) -> Step:
        """A port that wants TLS hangs up on http, or says 400: the address is looked at before all else."""
        if not self._settings.url.startswith("http:"):
            return step
        fix = f"if the server wants TLS, write https:// in `url`; else {step.fix}"
        return Step(name=step.name, ok=False, said=step.said, fix=fix)

    def _discovery(self) -> str:
        found = self._server.discovery(anew=True)
        if self._settings.auth in {"smart", "secret"}:
            where = discovery.token_url(found)
            host = addresses.origin(where)[1]
            return f"tokens are given at {host} (from {found.source}); {'; '.join(found.told)}"
        return f"signing in needs none (auth = {self._settings.auth}); {'; '.join(found.told)}"

    def _token(self) -> str:
        signing = self._server.sign_in
        if not isinstance(signing, token.Granted):
            signing.authorization()
            return "the token of the settings is used" if self._settings.auth == "bearer" else "none is needed"
        got = signing.token()
        lasts = max(got.ends - self._clock.now().timestamp(), 0)
        granted = _granted(got.scope) if got.scope else "it does not say what may be read"
        older = _OLDER if signing.by_older_key else ""
        return f"the server gave one for {lasts:.0f} seconds; {granted}{older}"

    def _clocks(self) -> Iterator[Step]:
        skew = self._server.skew_seconds
        if abs(skew) < _OFF_SECONDS:
            return
        said = f"your clock is {abs(skew):.0f} seconds {'behind' if skew > 0 else 'ahead of'} the server's"
        yield Step(
            name="clock",
            ok=True,
            said=f"{said}; signing in allows for it, yet set this machine's clock right (NTP)",
        )

    def _metadata(self) -> str:
        try:
            told = json.loads(self._server.metadata(anew=True))
            version, kind = str(told.get("fhirVersion", "")), told.get("resourceType")
        except (ValueError, AttributeError, RecursionError):
            version, kind, told = "", None, {}
        if kind not in {"CapabilityStatement", "Conformance"}:
            raise _wrong_base()
        if not version.startswith(("4.0", "4.3")):
            raise _wrong_release(version)
        return f"a FHIR server of release {_digits(version)}"

    def _read(self, name: str) -> Step:
        """One search of a type; how many came is said, nothing of what they hold."""
        try:
            answer = self._server.get(name, {"_count": "1"}, expect=_TRIED)
        except HubError as error:
            return failed(f"read {name}", error)
        return _judged(name, answer)


def _checked(settings: ServerSettings, secrets: Secrets) -> str:
    """What is set, after every secret and file of it was opened."""
    trust.tls(settings, secrets)
    trust.proxy_of(settings, secrets)
    for value in (
        settings.client_secret,
        settings.token,
        *settings.headers.values(),
        *settings.search_parameters.values(),
    ):
        if REFERENCE.fullmatch(value):
            secrets.get(value)
    if settings.auth != "smart":
        return f"auth = {settings.auth}"
    known = keys.of(settings, secrets)
    if not settings.client_id:
        raise Misconfigured("client_id is empty", fix=token.NO_ID_FIX)
    older = f", and {len(known) - 1} before it" if known[1:] else ""
    return f"auth = smart with a key for {known[0].algorithm}, kid {known[0].kid}{older}"


def billing(settings: FhirSettings, server: Server, context: Context) -> Iterator[Step]:
    """What the server offers for billing, how it will be asked, and what will be missing."""
    from hub_ehr_fhir.discover.probe import learn
    from hub_ehr_fhir.discover.strategy import choose

    try:
        known = learn(server, None, clock=context.clock, stop=context.stop, seconds=_SLICE_SECONDS)
        for _ in range(_SLICES):
            if known.complete or context.stop.is_set():
                break
            yield Step(name="billing", ok=True, said=f"{len(known.waiting)} types are still to be tried")
            known = learn(server, known, clock=context.clock, stop=context.stop, seconds=_SLICE_SECONDS)
        strategy = choose(known, settings, follows=tuple(getattr(context, "follows", ())))
    except HubError as error:
        yield failed("billing", error)
        return
    offered = ", ".join(strategy.searches) or "nothing"
    fix = "ask who runs the server to let our client read Patient and Encounter at least"
    yield Step(name="billing", ok="Encounter" in strategy.searches, said=f"can be had: {offered}", fix=fix)
    yield Step(name="strategy", ok=True, said=f"{strategy.kind}: {' '.join(strategy.why)}")
    for gap in strategy.gaps:
        hard = gap.severity == "error"
        name = "missing" if hard else "to know"
        yield Step(name=name, ok=not hard, said=gap.why if hard else f"{gap.why}; {gap.fix}", fix=gap.fix)


def _judged(name: str, answer: Answer) -> Step:
    step, codes = f"read {name}", ", ".join(judging.codes(answer.body))
    told = f"HTTP {answer.status}" + (f" ({codes})" if codes else "")
    if answer.status == 200:
        return Step(name=step, ok=True, said=f"the server let us search {name}{_came(answer.body)}")
    if answer.status in (401, 403):
        fix = (
            f"ask who runs the server to let our client read {name} (system/{name}.read or .rs), and see `scopes`"
        )
        if answer.status == 401:
            fix = (
                "the server does not accept its own token: check that `url` and the token address belong together"
            )
        return Step(name=step, ok=False, said=f"the server does not let us read {name}: {told}", fix=fix)
    if answer.status in (404, 410):
        fix = "check `url`: it must end where the FHIR interface begins, often with /r4 or /R4"
        return Step(name=step, ok=False, said=f"the server knows no {name} at this address: {told}", fix=fix)
    if answer.status in (400, 422):
        return Step(
            name=step, ok=True, said=f"the server answers, and wants more than a count to search by: {told}"
        )
    return Step(name=step, ok=False, said=f"the server does not search {name}: {told}", fix=_NO_SEARCH)


_OLDER = "; it knows only the key before the newest one yet: let it take over the JWKS"
_NO_SEARCH = "ask who runs the server whether it offers this type to backend clients"


def _came(body: bytes) -> str:
    try:
        told = json.loads(body)
        came = [one for one in told.get("entry", ()) if one.get("search", {}).get("mode", "match") == "match"]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return ", but its answer is no Bundle"
    return "" if came else ", and none came: is anything there, and is our client allowed to see it?"


def _granted(scope: str) -> str:
    """Which of the types that billing needs the token may read; only their names are said."""
    given = {one.partition("/")[2].partition(".")[0] for one in scope.split() if one.startswith("system/")}
    if "*" in given:
        return "it may read everything"
    missing = [name for name in NEEDED[:6] if name not in given]
    may = f"it may read {sum(name in given for name in NEEDED)} of the types that billing reads"
    return f"{may}, but not {', '.join(missing)}: ask for them at the server" if missing else may


def _wrong_base() -> HubError:
    return Misconfigured(
        "what answers to /metadata is no FHIR server",
        fix="check `url`: it must end where the FHIR interface begins, often with /r4 or /R4",
    )


def _wrong_release(version: str) -> HubError:
    return Misconfigured(
        f"the server speaks another release of FHIR ({_digits(version) or 'not said'}), not R4",
        fix="ask who runs the server for its R4 address, and write it in `url`",
    )


def _digits(version: str) -> str:
    return "".join(one for one in version if one.isdigit() or one == ".")[:12]


def _skipped(names: tuple[str, ...]) -> Step:
    return Step(
        name="skipped",
        ok=False,
        said=f"not tried: {', '.join(names)}",
        fix="mend the step before, and test again",
    )

"""Web addresses: whose they are, what they may be joined to, and how they are said without what they tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from hub.plugin.api import Misconfigured
from hub_ehr_fhir.settings_server import is_here

_PORTS = {"https": 443, "http": 80}
_NAMES = (
    "Account AllergyIntolerance Appointment Basic Binary Bundle CapabilityStatement CarePlan CareTeam ChargeItem "
    "Claim ClaimResponse Condition Coverage CoverageEligibilityRequest CoverageEligibilityResponse Device "
    "DiagnosticReport DocumentReference Encounter Endpoint EpisodeOfCare ExplanationOfBenefit Goal Group "
    "Immunization InsurancePlan Invoice List Location Measure Medication MedicationAdministration MedicationDispense "
    "MedicationRequest MedicationStatement Observation OperationDefinition Organization Patient PaymentNotice "
    "PaymentReconciliation Person Practitioner PractitionerRole Procedure Provenance Questionnaire RelatedPerson "
    "Schedule ServiceRequest Slot Specimen StructureDefinition Subscription Task"
)
_TYPES = frozenset(_NAMES.split())
_WORD = re.compile(r"\$[a-z][a-z-]{1,40}|_history|_search")

Params = Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]]


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: to whom an address belongs (RFC 6454)."""
    parts = urlsplit(url)
    return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme.lower(), 0)


def shown(url: str) -> str:
    """To whom an address belongs, for a person: `https://fhir.example.org`, nothing else of it, no odd letters."""
    scheme, host, port = origin(url)
    plain = "".join(letter if letter.isalnum() or letter in ".-:" else "?" for letter in host[:100])
    return f"{scheme}://{plain}" + ("" if port == _PORTS.get(scheme) else f":{port}")


def joined(base: str, given: str) -> str:
    """The whole address of what a caller or the server named. A path belongs under the base; where the server names
    itself without TLS (as many do behind a proxy of their own), its TLS address is meant.
    """
    if not given.lower().startswith(("http://", "https://")):
        if "://" in given.partition("?")[0]:
            return given
        return f"{base.rstrip('/')}/{given.lstrip('/')}" if given else base
    ours, theirs = origin(base), origin(given)
    if ours[0] == "https" and theirs[0] == "http" and ours[1] == theirs[1] and theirs[2] in (80, ours[2]):
        return urlunsplit(("https", urlsplit(base).netloc, *urlsplit(given)[2:]))
    return given


def is_search(given: str) -> bool:
    """Whether a path asks for resources of a type (`Encounter?...`): no read, no link of the server's."""
    return given.partition("?")[0].strip("/") in _TYPES


def redirected(base: str, url: str, location: str) -> str:
    """Where an answer points to. Raises `Misconfigured` where that would leave TLS or the web."""
    try:
        to = joined(base, urljoin(url, location))
        scheme, host, _ = origin(to)
    except ValueError:
        scheme, host, to = "", "", ""
    if scheme not in _PORTS or not host:
        raise Misconfigured("the server points to an address that is none", fix="ask who runs the server")
    if scheme == "http" and origin(url)[0] == "https":
        raise Misconfigured(
            f"the server points from https to http ({host}): that is not followed",
            fix="ask who runs the server to point to its https address, or write the right address in `url`",
        )
    return to


def leads_to(link: str, asked: str, base: str, *, given: bool) -> str:
    """The address of the next page. `link` is relative to what was `asked`. On another host name it is asked of the
    configured base instead (most servers behind a proxy do not know their own name), unless `given` says to go where
    it leads: the token then stays behind, but for `trusted_origins`.
    """
    address = urljoin(asked, link)
    if given or origin(address) == origin(base):
        return address
    parts, ours = urlsplit(address), urlsplit(base)
    query = f"?{parts.query}" if parts.query else ""
    if parts.path == ours.path or parts.path.startswith(ours.path.rstrip("/") + "/"):
        return f"{ours.scheme}://{ours.netloc}{parts.path}{query}"
    last = parts.path.rstrip("/").rpartition("/")[2]
    tail = f"/{last}" if last[:1].isupper() and last.isalpha() else ""
    return f"{base.rstrip('/')}{tail}{query}"


def checked(url: str, *, allow_http: bool, here: bool = True) -> str:
    """The address, unless it leads outside without TLS; to this machine itself only where the settings do (`here`):
    a server elsewhere has nothing to point to there.
    """
    try:
        scheme, host, _ = origin(url)
    except ValueError:
        scheme, host = "", ""
    if scheme == "https" and host:
        return url
    if scheme == "http" and (allow_http or (here and is_here(host))):
        return url
    raise Misconfigured(
        f"the address {host or 'that the server names'} is not https",
        fix="ask who runs the server for its https address, or set allow_http = true in a network of your own",
    )


def with_params(url: str, params: Params | None) -> str:
    """The address with search parameters; of a mapping a value may be several."""
    pairs = list(params.items() if isinstance(params, Mapping) else params or ())
    if not pairs:
        return url
    text = urlencode(pairs, doseq=True, safe=":/|,$*")
    return f"{url}{'&' if '?' in url else '?'}{text}"


def said(method: str, url: str, base: str) -> str:
    """The call in words without id, query or token: `GET Encounter`, `GET $export`, `GET of files.example.org`."""
    if not url.startswith(base.rstrip("/") + "/"):
        return f"{method} of {urlsplit(url).hostname or 'an address'}"
    path = urlsplit(url[len(base.rstrip("/")) :]).path
    first, *rest = path.lstrip("/").split("/")
    if first in {"metadata", ".well-known"}:
        return f"{method} {first}"
    words = [first] if first in _TYPES else []
    words += [one for one in (first, *rest) if _WORD.fullmatch(one)]
    return f"{method} {'/'.join(words[:3])}" if words else f"{method} of {urlsplit(url).hostname or 'the server'}"

"""Loading: what pluggy does not check, every fault at once, and hooks that cannot harm each other."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, field_validator

from hub.errors import Misconfigured, Problem
from hub.model.event import Event
from hub.plugin.api import Clearinghouse, Context, ScrubFinding, hookimpl
from hub.plugin.host import ConnectorSpec, Options, PluginFault, PluginHost, contexts
from hub.plugin.host.host import MOST_HANGING
from hub.testing import fakes
from hub.testing.fakes import FakeClearinghouse, FakeContext, FakeSecrets, MemoryPartner

CANARY = "ZZCANARY"
EVENT = Event(
    id="e1", at=datetime(2026, 3, 2, tzinfo=UTC), practice="p", kind="k", aggregate="a", aggregate_id="1"
)


def plugin(name: str = "made", **members: Any) -> ModuleType:
    """A plugin module as an author writes it."""
    module = ModuleType(name)
    vars(module).update({"HUB_API": 0, **members})
    return module


def offer(hook: str, answer: Any) -> Callable[[], Any]:
    """A marked hook that answers `answer`."""

    def implementation() -> Any:
        return answer

    implementation.__name__ = hook
    return hookimpl(implementation)


def load(
    connectors: Mapping[str, ConnectorSpec],
    *,
    told: list[PluginFault] | None = None,
    also: tuple[str, ...] = (),
    **modules: ModuleType,
) -> tuple[PluginHost, tuple[Problem, ...]]:
    """The host with stand-in modules."""
    clock = FakeContext().clock
    maker = contexts(clock=clock, secrets=FakeSecrets({}), load=lambda _instance, _key: None)
    heard = told.append if told is not None else None
    options = Options(modules=modules, on_fault=heard, deadline_seconds=5.0, also=also)
    return PluginHost.load(connectors, context_for=maker, options=options)


def made(**members: Any) -> tuple[PluginHost, tuple[Problem, ...]]:
    """The host with one plugin of these members, named by one connector."""
    return load({"acme": ConnectorSpec(plugin="made", kind="x")}, made=plugin(**members))


def memory(**settings: Any) -> ConnectorSpec:
    """A connector to the fake clearinghouse."""
    return ConnectorSpec(plugin="fake", kind="memory", settings={"partner": MemoryPartner(), **settings})


def test_only_named_plugins_are_loaded() -> None:
    """What no connector names is not even imported."""
    before = set(sys.modules)
    host, faults = load({"acme": memory()}, fake=fakes)
    assert faults == ()
    assert [(it.name, it.plugin, it.kind, it.port) for it in host.instances()] == [
        ("acme", "fake", "memory", "Clearinghouse")
    ]
    assert not {name for name in set(sys.modules) - before if name.startswith("hub_")}


def test_one_object_for_each_instance() -> None:
    """Two connectors of one kind are two objects with their own settings, context and state."""
    first, second = MemoryPartner(), MemoryPartner()
    host, _ = load({"a": memory(partner=first), "b": memory(partner=second)}, fake=fakes)
    first.offer("x.835", b"1")
    assert [len(host.clearinghouse(name).list("").refs) for name in ("a", "b")] == [1, 0]
    assert host.state("a") is not host.state("b")
    assert host.names("Clearinghouse") == ("a", "b")


def test_misspelt_hook_is_refused() -> None:
    """Pluggy lets a hook that no specification knows pass in silence; the host names it."""
    _, (fault,) = made(hub_clearinghose=offer("hub_clearinghose", {}))
    assert fault.code == "plugin.hook"
    assert "hub_clearinghose" in fault.why
    assert fault.where == "connectors.acme.plugin"


def test_wrong_arguments_are_refused() -> None:
    """A hook that asks for an argument that its specification lacks is named."""

    @hookimpl
    def hub_event(happening: Event) -> None:
        """Ask for what is not given."""

    _, (fault,) = made(hub_event=hub_event)
    assert fault.code == "plugin.hook"
    assert "happening" in fault.why


def test_unmarked_hook_is_refused() -> None:
    """A function with a hook's name that was not marked would never be called; it is named."""

    def hub_clearinghouses() -> dict[str, type]:
        return {}

    _, (fault,) = made(hub_clearinghouses=hub_clearinghouses)
    assert fault.code == "plugin.unmarked"
    assert "hub_clearinghouses" in fault.why


def test_wrapper_is_refused() -> None:
    """Hooks are called one by one, so a wrapper would never run: it is refused, not forgotten."""

    @hookimpl(wrapper=True)
    def hub_event(event: Event) -> Iterator[None]:
        yield

    _, (fault,) = made(hub_event=hub_event)
    assert fault.code == "plugin.wrapper"


@pytest.mark.parametrize("version", [1, None, "0"])
def test_other_api_versions_are_refused(version: object) -> None:
    """A plugin made for another version of the door, or that does not say, is refused."""
    _, (fault,) = made(HUB_API=version)
    assert fault.code == "plugin.version"


def test_duplicate_kinds_are_refused_to_both() -> None:
    """Two plugins that offer one name through one hook: neither wins by the order of loading."""
    other = plugin("other", hub_clearinghouses=offer("hub_clearinghouses", {"memory": FakeClearinghouse}))
    host, faults = load(
        {"a": memory(), "b": ConnectorSpec(plugin="other", kind="memory")}, fake=fakes, other=other
    )
    assert host.instances() == ()
    assert [fault.why for fault in faults if fault.code == "plugin.double"] == [
        "fake and other both offer it through hub_clearinghouses"
    ]


def test_duplicate_entry_points_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two installed distributions with one entry point name are both named, and neither is loaded."""
    for name in ("one", "two"):
        info = tmp_path / f"{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dist-{name}\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[hub]\nzz_same = zz_no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    _, (fault,) = load({"acme": ConnectorSpec(plugin="zz_same")})
    assert fault.code == "plugin.double"
    assert "dist-one and dist-two" in fault.why


@pytest.mark.parametrize(
    "body", ["import zz_no_such_module", f"raise ValueError('{CANARY}')", "import sys; sys.exit(3)"]
)
def test_failing_import_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A plugin that cannot be imported is named, without its message, and the hub goes on."""
    info = tmp_path / "broken-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[hub]\nzz_broken = zz_broken_plugin\n")
    (tmp_path / "zz_broken_plugin.py").write_text(body)
    monkeypatch.syspath_prepend(tmp_path)
    _, (fault,) = load({"acme": ConnectorSpec(plugin="zz_broken")})
    assert fault.code == "plugin.import"
    assert "zz_broken_plugin.py:1" in fault.why
    assert CANARY not in fault.why


class _Half:
    Settings = fakes.MemorySettings

    def check(self, deep: bool) -> None:
        """Take an argument that the port does not give."""

    def list(self) -> None:
        """Take no cursor."""


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"x": _Half}, "list does not take cursor"),
        ({"x": _Half}, "publish is missing"),
        ({"x": _Half}, "check does not take no arguments"),
        (
            {"x": FakeClearinghouse(fakes.MemorySettings(partner=MemoryPartner()), FakeContext())},
            "it is not a class",
        ),
        ({"x": type("Bare", (FakeClearinghouse,), {"Settings": dict})}, "Settings is no pydantic model"),
        ([FakeClearinghouse], "a mapping of names"),
        (None, "a mapping of names"),
    ],
)
def test_offers_are_checked(answer: Any, said: str) -> None:
    """What is offered must fit its port, method by method."""
    _, faults = made(hub_clearinghouses=offer("hub_clearinghouses", answer))
    assert any(said in fault.why for fault in faults)


def test_one_raising_offer_leaves_the_others() -> None:
    """Pluggy stops at the first plugin that raises; the host calls each by itself."""

    @hookimpl
    def hub_clearinghouses() -> dict[str, type[Clearinghouse]]:
        raise ValueError(CANARY)

    bad = plugin("bad", hub_clearinghouses=hub_clearinghouses)
    host, faults = load({"a": memory(), "b": ConnectorSpec(plugin="bad", kind="x")}, fake=fakes, bad=bad)
    assert [it.name for it in host.instances()] == ["a"]
    assert {fault.code for fault in faults} == {"plugin.fault", "plugin.kind"}
    assert CANARY not in repr(faults)


class StrictSettings(BaseModel):
    """Settings with a key of each sort."""

    host: str
    port: int
    password: str = ""

    @field_validator("password")
    @classmethod
    def reference(cls, value: str) -> str:
        """Refuse, and quote, what is no reference."""
        if value and not value.startswith("env:"):
            raise ValueError(f"{value} is no secret reference")
        return value


class Strict(FakeClearinghouse):
    """A clearinghouse with checked settings."""

    Settings = StrictSettings

    def __init__(self, settings: StrictSettings, context: Context) -> None:
        self.settings = settings


def _strict(**settings: object) -> ConnectorSpec:
    return ConnectorSpec(plugin="made", kind="x", settings=settings)


def test_all_bad_keys_of_all_instances_at_once() -> None:
    """Every bad key of every instance is reported in one go, each with its file and line, and without values."""
    strict = plugin(hub_clearinghouses=offer("hub_clearinghouses", {"x": Strict}))
    connectors = {
        "good": _strict(host="h", port=22),
        "acme": _strict(host="h", port="twenty-two", hots="h"),
        "apex": _strict(port=22, password="hunter2"),
    }
    lines = {"port": 7, "hots": 8, "host": 11, "password": 13}
    clock = FakeContext().clock
    host, faults = PluginHost.load(
        connectors,
        context_for=contexts(clock=clock, secrets=FakeSecrets({}), load=lambda _instance, _key: None),
        locate=lambda name, key: f"hub.toml:{lines[str(key[0])]} connectors.{name}",
        options=Options(modules={"made": strict}),
    )
    assert [it.name for it in host.instances()] == ["good"]
    assert sorted(fault.where for fault in faults) == [
        "hub.toml:11 connectors.apex",
        "hub.toml:13 connectors.apex",
        "hub.toml:7 connectors.acme",
        "hub.toml:8 connectors.acme",
    ]
    assert "is no secret reference" in repr(faults)
    assert "hunter2" not in repr(faults)
    assert "twenty-two" not in repr(faults)


def test_a_misspelt_setting_is_named_whole() -> None:
    """Who has several connectors is told of which one a setting is not known, in plain words."""
    module = plugin(hub_clearinghouses=offer("hub_clearinghouses", {"x": Strict}))
    _, (fault,) = load({"a": _strict(host="h", port=1, prot=2)}, made=module, fake=fakes)
    assert fault.why == "a.settings.prot: the plugin has no such setting"
    assert 'did you mean "port"?' in fault.fix


def test_a_failing_validator_is_a_fault() -> None:
    """A validator with a bug does not stop the others' settings from being checked, and shows no value."""

    class Buggy(StrictSettings):
        @field_validator("host")
        @classmethod
        def look_up(cls, value: str) -> str:
            raise KeyError(value)

    class Bugged(Strict):
        Settings = Buggy

    module = plugin(hub_clearinghouses=offer("hub_clearinghouses", {"x": Bugged}))
    host, (fault,) = load({"a": _strict(host=CANARY, port=1), "b": memory()}, made=module, fake=fakes)
    assert "KeyError in the plugin" in fault.why
    assert CANARY not in repr(fault)
    assert [it.name for it in host.instances()] == ["b"]


def test_a_model_may_allow_more_keys() -> None:
    """Only a model that says so takes keys it does not know."""

    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")

    class Any_(Strict):  # noqa: N801 - a name of no interest
        Settings = Open  # type: ignore[assignment]

    _, faults = load(
        {"a": _strict(other=1)}, made=plugin(hub_clearinghouses=offer("hub_clearinghouses", {"x": Any_}))
    )
    assert faults == ()


def test_kind_may_be_left_out_where_there_is_one() -> None:
    """A plugin with one offer needs no kind; with several, the fault lists them."""
    one = plugin(hub_clearinghouses=offer("hub_clearinghouses", {"x": Strict}))
    host, faults = load({"a": ConnectorSpec(plugin="made", settings={"host": "h", "port": 1})}, made=one)
    assert (faults, host.instances()[0].kind) == ((), "x")
    _, (fault,) = load({"a": ConnectorSpec(plugin="fake")}, fake=fakes)
    assert fault.code == "plugin.kind"
    assert "memory, memory-board, memory-feed, memory-print" in fault.why


def test_failing_constructor_is_a_fault() -> None:
    """An object that cannot be made is named, without its message; the others are made."""

    class Fails(Strict):
        def __init__(self, settings: StrictSettings, context: Context) -> None:
            raise ValueError(CANARY)

    bad = plugin(hub_clearinghouses=offer("hub_clearinghouses", {"x": Fails}))
    host, (fault,) = load({"a": _strict(host="h", port=1), "b": memory()}, made=bad, fake=fakes)
    assert fault.code == "plugin.make"
    assert CANARY not in repr(fault)
    assert [it.name for it in host.instances()] == ["b"]


def test_unknown_instances_are_misconfigured() -> None:
    """Asking for an instance that is not there, or is of another port, says which there are."""
    host, _ = load({"acme": memory()}, fake=fakes)
    with pytest.raises(Misconfigured, match="there are: acme"):
        host.clearinghouse("apex")
    with pytest.raises(Misconfigured, match="there are: none"):
        host.printer("acme")


def test_held_instance_can_be_made_anew() -> None:
    """After a person has looked, a held instance gets a new object and works again."""
    freed = threading.Event()
    hang = [True]

    class Hangs(FakeClearinghouse):
        def list(self, cursor: str) -> Any:
            return freed.wait() if hang else super().list(cursor)

    module = plugin(hub_clearinghouses=offer("hub_clearinghouses", {"x": Hangs}))
    spec = ConnectorSpec(plugin="made", kind="x", settings={"partner": MemoryPartner()})
    maker = contexts(clock=FakeContext().clock, secrets=FakeSecrets({}), load=lambda _instance, _key: None)
    host, _ = PluginHost.load({"a": spec}, context_for=maker, options=Options(modules={"made": module}))
    with pytest.raises(PluginFault):
        _hurried(host).list("")
    assert host.instances()[0].held
    hang.clear()
    host.remake("a")
    assert host.clearinghouse("a").list("").refs == ()
    freed.set()
    assert host.close() == ()


def _hanging(freed: threading.Event, hang: list[bool]) -> PluginHost:
    """A host with one clearinghouse whose `list` hangs while `hang` holds something."""

    class Hangs(FakeClearinghouse):
        def list(self, cursor: str) -> Any:
            return freed.wait() if hang else super().list(cursor)

    module = plugin(hub_clearinghouses=offer("hub_clearinghouses", {"x": Hangs}))
    spec = ConnectorSpec(plugin="made", kind="x", settings={"partner": MemoryPartner()})
    maker = contexts(clock=FakeContext().clock, secrets=FakeSecrets({}), load=lambda _instance, _key: None)
    return PluginHost.load({"a": spec}, context_for=maker, options=Options(modules={"made": module}))[0]


def _hurried(host: PluginHost) -> Any:
    """The clearinghouse as it stands, which is soon given up: one made anew has time, however busy the machine."""
    found = host.clearinghouse("a")
    found._guard.deadline_seconds = 0.05  # type: ignore[attr-defined]
    return found


def test_only_what_hung_is_mended() -> None:
    """Mending makes an instance anew where a call of it hung; one that works, and a name of none, is left."""
    freed, hang = threading.Event(), [True]
    host = _hanging(freed, hang)
    before = host.clearinghouse("a")
    assert not host.mend("a")
    assert not host.mend("hub.watch")
    assert host.clearinghouse("a") is before
    with pytest.raises(PluginFault):
        _hurried(host).list("")
    hang.clear()
    assert host.mend("a")
    assert host.clearinghouse("a").list("").refs == ()
    freed.set()


def test_hung_calls_do_not_pile_up_without_end() -> None:
    """A thread cannot be killed: an instance of which many calls hang at once stays held until they end."""
    freed, hang = threading.Event(), [True]
    host = _hanging(freed, hang)

    def hung_and_mended() -> bool:
        with pytest.raises(PluginFault):
            _hurried(host).list("")
        return host.mend("a")

    assert [hung_and_mended() for _ in range(MOST_HANGING)] == [True] * MOST_HANGING
    assert not hung_and_mended()
    freed.set()
    hang.clear()
    for guard in host._hanging["a"]:
        guard._given_up._thread.join(60)  # type: ignore[union-attr]
    assert host.mend("a")
    assert host.clearinghouse("a").list("").refs == ()


def _hooks(told: list[PluginFault] | None = None, **plugins: Any) -> PluginHost:
    modules = {name: plugin(name, **members) for name, members in plugins.items()}
    host, faults = load({"acme": memory()}, told=told, also=tuple(plugins), fake=fakes, **modules)
    assert faults == ()
    return host


def _deciding(hook: str, answer: Any) -> Any:
    if hook == "hub_route_claim":

        @hookimpl
        def hub_route_claim(claim: Any) -> Any:
            return answer() if callable(answer) else answer

        return {hook: hub_route_claim}

    @hookimpl
    def hub_classify_file(name: str, head: bytes) -> Any:
        return answer() if callable(answer) else answer

    return {hook: hub_classify_file}


def _raises() -> None:
    raise ValueError(CANARY)


def test_first_opinion_routes_a_claim() -> None:
    """The first plugin with a usable opinion decides; failing, silent and wrong ones are passed over."""
    told: list[PluginFault] = []
    hook = "hub_route_claim"
    answers = {"a": None, "b": _raises, "c": "no-such-instance", "d": 7, "e": "acme"}
    host = _hooks(told, **{name: _deciding(hook, answer) for name, answer in answers.items()})
    claim: Any = object()
    assert host.route_claim(claim) == "acme"
    assert {fault.instance for fault in told} <= {"b", "c", "d"}
    assert _hooks(**{n: _deciding(hook, a) for n, a in answers.items() if n != "e"}).route_claim(claim) is None


def test_first_opinion_classifies_a_file() -> None:
    """The kinds of file are a closed list; anything else is a fault and passed over."""
    hook = "hub_classify_file"
    assert _hooks(a=_deciding(hook, "835"), b=_deciding(hook, None)).classify_file("x", b"") == "835"
    told: list[PluginFault] = []
    assert _hooks(told, a=_deciding(hook, "836")).classify_file("x", b"") is None
    assert told[0].cause == "returned what is not a kind of file, or None"


def test_listeners_are_isolated() -> None:
    """Every listener is told, whatever the others do, and a fault shows no value."""
    heard: list[str] = []
    told: list[PluginFault] = []

    @hookimpl
    def hub_event(event: Event) -> None:
        heard.append(event.id)

    def fail() -> Any:
        @hookimpl
        def hub_event(event: Event) -> None:
            raise ValueError(CANARY)

        return hub_event

    host = _hooks(told, a={"hub_event": hub_event}, b={"hub_event": fail()}, c={"hub_event": hub_event})
    assert host.emit(EVENT) == 1
    assert heard == ["e1", "e1"]
    assert [(fault.instance, fault.method, fault.cause) for fault in told] == [("b", "hub_event", "ValueError")]
    assert CANARY not in repr(told)


def test_scrub_rules_are_guarded() -> None:
    """A rule gives findings or a fault; what it returns is checked."""
    finding = ScrubFinding(rule="r", where="claim", why="w", fix="f")
    rules = {
        "good": lambda _claim: (finding,),
        "bad": lambda _claim: [CANARY],
        "raises": lambda _claim: _raises(),
    }
    host = _hooks(a={"hub_scrub_rules": offer("hub_scrub_rules", rules)})
    claim: Any = object()
    offered = host.scrub_rules()
    assert offered["good"](claim) == (finding,)
    for name in ("bad", "raises"):
        with pytest.raises(PluginFault, match=f"rule {name}") as caught:
            offered[name](claim)
        assert CANARY not in str(caught.value)


def test_close_closes_every_instance() -> None:
    """One instance that fails to close does not keep the others open; closing twice is harmless."""
    closed: list[str] = []

    class Fails(FakeClearinghouse):
        def close(self) -> None:
            closed.append(self.context.instance)
            if self.context.instance == "a":
                raise ValueError(CANARY)

    module = plugin(hub_clearinghouses=offer("hub_clearinghouses", {"x": Fails}))
    spec = ConnectorSpec(plugin="made", kind="x", settings={"partner": MemoryPartner()})
    host, _ = load({"a": spec, "b": spec}, made=module)
    assert [fault.instance for fault in host.close()] == ["a"]
    assert closed == ["a", "b"]
    host.close()


def test_counts_name_instances_and_plugins() -> None:
    """Every call is counted by who was called, and nothing else is kept of it."""
    host, _ = load({"acme": memory()}, fake=fakes)
    host.clearinghouse("acme").list("")
    counts = {(count.instance, count.method): count.calls for count in host.counts()}
    assert counts["acme", "list"] == 1
    assert counts["fake", "hub_clearinghouses"] == 1

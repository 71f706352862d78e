"""The dashboard's widget through its real handler, over moto: what it shows, what it refuses, which calls it makes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from xml.etree import ElementTree as ET

import boto3
import pytest

from lambdas.dashboard.handler import handler
from leeward.aws.widgets import DEFAULT_RUNS
from leeward.aws.wiring import account, watched
from leeward.contract import ENV_DAGS_BUCKET, ENV_DATA_BUCKET, ENV_TABLE
from leeward.core.dag import Dag, RetryPolicy
from leeward.core.facts import Deferred, Failed, Outcome, Skipped, Succeeded
from leeward.core.run import Entry, Header, Item, RunInfo, RunRef, RunType
from leeward.core.states import RunState, TaskState
from leeward.core.view import Layout
from leeward.engine.ports import Drop, Live, Write
from leeward.engine.see_dags import DAGS_A_PAGE, TASKS_OF_EACH, TASKS_OF_ONE
from leeward.local.bodies import HANDED_OVER
from leeward.local.clock import VirtualClock
from leeward.spec.version import version
from leeward.views.colours import PAGES
from leeward.views.grid import LIMIT_BYTES
from tests.drawing import draw
from tests.ports.stores import BUCKET, TABLE, Stores, stores
from tests.world import World

ARN = "arn:aws:lambda:us-east-1:123456789012:function:Leeward-Dashboard"
NOON = 1_790_000_000.0
READS = {"Query", "GetItem", "BatchGetItem", "GetObject"}
HOSTILE = "<script>alert(1)</script>\"'&"
BOOM = Failed("boom")
Script = Mapping[str, Sequence[Outcome | None]]


@dataclass(frozen=True)
class Context:
    """What Lambda hands over beside the event."""

    invoked_function_arn: str = ARN


@dataclass
class Installation:
    """What is stored, and the calls that the function has made."""

    stored: Stores
    calls: list[str] = field(default_factory=list)

    def live(self, dag: Dag, *, paused: bool = False, due: float | None = None) -> str:
        number = version(dag)
        self.stored.specs.put(number, dag)
        before = self.stored.specs.live(dag.dag_id)
        assert self.stored.specs.put_live(Live(dag.dag_id, number, f"{dag.dag_id}.yml", paused=paused, due=due), before)
        return number

    def run(self, dag: Dag, script: Script | None = None, *, number: int = 1, until: float = 1e12) -> World:
        """A run by the engine, its clock stopped at a moment."""
        name = self.live(dag)
        world = World(dag, script or {}, VirtualClock(NOON + 3600 * number))
        world.info = replace(
            world.info,
            ref=RunRef(dag.dag_id, f"run_{number}", name),
            created=world.clock.now(),
            run_type=RunType.MANUAL,
        )
        world.ports = replace(
            world.ports,
            runs=self.stored.runs,
            attempts=self.stored.attempts,
            xcoms=self.stored.xcoms,
            specs=self.stored.specs,
        )
        world.start()
        while (due := world.queue.next_due()) is not None and due < world.clock.now() + until:
            world.clock.advance_to(due)
            for hint in world.queue.take():
                world.handle(hint)
        return world

    def show(self, **event: Any) -> str:
        """What the handler answers to CloudWatch's event."""
        return handler(an_event(**event), Context())


def an_event(*, theme: str = "light", width: int = 1200, **params: Any) -> dict[str, Any]:
    """As documented: the parameters, and the widget's context beside them."""
    context = {
        "dashboardName": "Leeward-us-east-1",
        "widgetId": "widget-1",
        "accountId": "123456789012",
        "locale": "en",
        "timezone": {"label": "UTC", "offsetISO": "+00:00", "offsetInMinutes": 0},
        "period": 300,
        "isAutoPeriod": True,
        "timeRange": {"mode": "relative", "start": 1627236199729, "end": 1627322599729, "relativeStart": 86400012},
        "theme": theme,
        "linkCharts": True,
        "title": "DAG runs",
        "forms": {"all": {}},
        "params": params,
        "width": width,
        "height": 900,
    }
    return {**params, "widgetContext": context}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    for name, value in {ENV_TABLE: TABLE, ENV_DATA_BUCKET: BUCKET, ENV_DAGS_BUCKET: "my-dags"}.items():
        monkeypatch.setenv(name, value)
    _forget()
    with stores("aws") as stored:
        session = boto3.session.Session("testing", "testing", region_name="us-east-1")
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
        found = Installation(stored)
        session.events.register("before-call", lambda model, **_: found.calls.append(model.name))
        yield found
    _forget()


def _forget() -> None:
    account.cache_clear()
    watched.cache_clear()


def parsed(page: str) -> ET.Element:
    return ET.fromstring(page)  # noqa: S314 - our own page


def titles(page: str) -> list[str]:
    """The tooltips of the squares."""
    return [square.get("title", "") for square in parsed(page).findall("./section/p/i")]


def runs_of(page: str) -> list[str]:
    return [(title.text or "").split(" · ")[0] for title in parsed(page).findall(".//svg/path/title")]


def dags_of(page: str) -> list[str]:
    return [heading.text or "" for heading in parsed(page).findall(".//h3")]


def words(page: str) -> str:
    return " ".join(text for text in parsed(page).itertext() if not text.startswith(".lw"))


def test_describe_documents_the_parameters_and_reads_nothing(here: Installation) -> None:
    page = handler({"describe": True}, Context())
    assert page.startswith("### ")
    assert all(f"`{name}`" in page for name in ("dag", "runs", "page"))
    assert here.calls == []


def test_tasks_and_runs_show_the_states_that_the_engine_stored(here: Installation) -> None:
    dag = draw("extract>load,check>report;skip;wait;retry", retry={"retry": RetryPolicy(1, 5000.0)})
    here.run(dag, {"extract": [Deferred("job", 42.0), Succeeded()]}, number=1)
    here.run(dag, {"extract": [BOOM]}, number=2)
    script: Script = {"skip": [Skipped()], "check": [HANDED_OVER], "wait": [Deferred("job", 900.0)], "retry": [BOOM]}
    here.run(dag, script, number=3, until=60.0)
    page = here.show()
    assert runs_of(page) == ["run_1", "run_2", "run_3"]
    assert titles(page)[:3] == [
        "extract · success · try 1 · 42s",
        "extract · failed · try 1 · 0.0s",
        "extract · success · try 1 · 0.0s",
    ]
    assert {
        "load · upstream_failed",
        "skip · skipped · try 1 · 0.0s",
        "check · running · try 1",
        "wait · deferred · try 1",
        "retry · up_for_retry · try 1 · 0.0s",
        "report · none",
    } <= {title.replace(" · try 0", "") for title in titles(page)}


def test_one_dag_is_shown_alone(here: Installation) -> None:
    here.run(draw("a", dag={"dag_id": "sales"}))
    here.run(draw("b", dag={"dag_id": "stock"}))
    assert dags_of(here.show()) == ["sales", "stock"]
    assert dags_of(here.show(dag="stock")) == ["stock"]


def test_an_unknown_dag_is_answered_with_the_closest_one(here: Installation) -> None:
    here.live(draw("a", dag={"dag_id": "sales"}))
    assert "LW306 there is no DAG 'slaes': did you mean 'sales'?" in words(here.show(dag="slaes"))


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"runs": 0}, "runs is 0: write a whole number from 1 to 25"),
        ({"runs": 26}, "runs is 26"),
        ({"runs": "many"}, "runs is 'many'"),
        ({"runs": "-1"}, "runs is '-1'"),
        ({"runs": "9" * 5000}, "runs is '999"),
        ({"runs": 1.5}, "runs is 1.5"),
        ({"runs": True}, "runs is True"),
        ({"runs": "²"}, "runs is '²'"),
        ({"page": [1]}, "page is [1]"),
        ({"page": HOSTILE}, "page is '<script>"),
        ({"dag": ["sales"]}, "dag is ['sales']: write the id of a DAG"),
        ({"dag": {"a": 1}}, "dag is {'a': 1}"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_told(here: Installation, params: dict[str, Any], said: str) -> None:
    page = here.show(**params)
    assert f"LW311 {said}" in words(page)
    assert len(page) < 10_000
    assert here.calls == []


def test_numbers_may_be_text_and_empty_parameters_are_none(here: Installation) -> None:
    for number in range(4):
        here.run(draw("a"), number=number)
    assert runs_of(here.show(runs="2", page="1", dag="")) == ["run_2", "run_3"]
    assert len(runs_of(here.show(runs=None, page="", dag=None))) == 4


def test_an_event_without_context_is_answered(here: Installation) -> None:
    here.run(draw("a"))
    assert runs_of(handler({}, Context())) == ["run_1"]
    assert runs_of(handler({"widgetContext": {"width": "wide"}}, Context())) == ["run_1"]


def test_as_many_runs_as_asked_for_are_shown(here: Installation) -> None:
    for number in range(DEFAULT_RUNS + 2):
        here.run(draw("a"), number=number)
    assert len(runs_of(here.show())) == DEFAULT_RUNS
    assert len(runs_of(here.show(runs=25))) == DEFAULT_RUNS + 2
    assert runs_of(here.show(runs=1)) == [f"run_{DEFAULT_RUNS + 1}"]


def test_hostile_names_stay_text(here: Installation) -> None:
    here.run(draw(HOSTILE.replace(">", "\u203a"), dag={"dag_id": HOSTILE}), {}, number=1)
    assert here.stored.drops.put(Drop(HOSTILE, "seen", 1.0, errors=(HOSTILE,)), None)
    for page in (here.show(), here.show(dag=HOSTILE), here.show(dag=HOSTILE + "?"), here.show(theme=HOSTILE)):
        assert "<script" not in page.lower()
        assert not {"script", "img"} & {element.tag for element in parsed(page).iter()}
    assert dags_of(here.show()) == [HOSTILE]


def test_the_function_reads_only_and_little(here: Installation) -> None:
    for name in ("a", "b", "c"):
        for number in range(5):
            here.run(draw("x>y", dag={"dag_id": name}), number=number)
    here.show()
    assert set(here.calls) <= READS
    assert sorted(here.calls) == ["BatchGetItem", *["GetObject"] * 3, *["Query"] * 5]
    here.calls.clear()
    here.show(dag="a")
    here.show(dag="no such")
    assert set(here.calls) <= READS
    assert "GetObject" not in here.calls


def wide_run(here: Installation, dag: Dag, number: int) -> None:
    """A run all of whose tasks have failed, written straight into the store."""
    layout, ref = Layout(len(dag.tasks)), RunRef(dag.dag_id, f"run_{number}", here.live(dag))
    info = RunInfo(ref, RunType.MANUAL, None, None, None, "2026-10-01T00:00:00+00:00", NOON + number)
    here.stored.runs.announce(info)
    here.stored.runs.create(info, Item(header=Header(RunState.FAILED, NOON, NOON + 60)), layout)
    failed = Entry(TaskState.FAILED, 1, owner="me", start=NOON, end=NOON + 1)
    for shard in range(layout.shards):
        here.stored.runs.write(ref, Write(shard, put=dict.fromkeys(layout.indexes(shard), failed)))


def test_no_page_is_larger_than_cloudwatch_likes_and_it_says_what_is_left_out(here: Installation) -> None:
    dag = draw(",".join(f"{'n' * 220}_{number}" for number in range(TASKS_OF_ONE + 4)))
    for number in range(3):
        wide_run(here, dag, number)
    page = here.show(dag="drawn", runs=25)
    assert len(page.encode()) <= LIMIT_BYTES
    assert "and 4 more tasks" in words(page)
    assert "instead of 3" in words(page)


def test_of_a_wide_dag_among_others_only_the_first_tasks_are_read_and_shown(here: Installation) -> None:
    wide_run(here, draw(",".join(f"t{number}" for number in range(TASKS_OF_EACH + 5))), 1)
    assert len(titles(here.show())) == TASKS_OF_EACH
    assert "and 5 more tasks" in words(here.show())
    assert len(titles(here.show(dag="drawn"))) == TASKS_OF_EACH + 5


def test_many_dags_are_shown_in_pages(here: Installation) -> None:
    for number in range(2 * DAGS_A_PAGE + 5):
        here.live(draw("a", dag={"dag_id": f"dag_{number:02}"}))
    first, second, behind = here.show(), here.show(page=2, runs=7), here.show(page=99)
    assert dags_of(first) == [f"dag_{number:02}" for number in range(20)]
    assert "DAGs 1 to 20 of 45" in words(first)
    assert "DAGs 21 to 40 of 45" in words(second)
    assert dags_of(behind) == [f"dag_{number:02}" for number in range(40, 45)]
    links = parsed(second).findall(".//cwdb-action")
    assert [json.loads(link.text or "") for link in links] == [{"page": 1, "runs": 7}, {"page": 3, "runs": 7}]
    assert {link.get("endpoint") for link in links} == {ARN}
    assert [link.text for link in parsed(first).findall(".//a")] == ["Next"]
    assert [link.text for link in parsed(behind).findall(".//a")] == ["Previous"]


def test_import_errors_stand_on_top_and_beside_a_dag_only_its_own(here: Installation) -> None:
    here.live(draw("a", dag={"dag_id": "sales"}))
    here.live(draw("a", dag={"dag_id": "stock"}))
    here.stored.drops.put(Drop("sales.yml", "s", 1.0, dags=("sales",), errors=("sales.yml:3:1 LW120 what?",)), None)
    here.stored.drops.put(Drop("stock.yml", "s", 1.0, dags=("stock",)), None)
    assert "3:1 LW120 what?" in words(here.show())
    assert "LW120" in words(here.show(dag="sales"))
    assert "LW120" not in words(here.show(dag="stock"))


def test_a_new_installation_says_where_specs_go(here: Installation) -> None:
    assert "no DAGs: drop a spec into s3://my-dags/dags/" in words(here.show())


def test_a_run_that_was_announced_and_never_started_is_not_shown(here: Installation) -> None:
    world = here.run(draw("a"))
    here.stored.runs.announce(replace(world.info, ref=replace(world.info.ref, run_id="lost"), created=NOON * 2))
    assert runs_of(here.show()) == ["run_1"]


def test_tasks_that_only_older_runs_had_stand_last(here: Installation) -> None:
    here.run(draw("gone>a"), number=1)
    here.run(draw("a>new"), number=2)
    assert titles(here.show()) == [
        "a · success · try 1 · 0.0s",
        "a · success · try 1 · 0.0s",
        "new · none",
        "new · success · try 1 · 0.0s",
        "gone · success · try 1 · 0.0s",
        "gone · none",
    ]


def test_the_head_tells_the_schedule_and_whether_it_is_paused(here: Installation) -> None:
    hourly = {"kind": "cron", "crons": ["0 * * * *"], "timezone": "UTC", "timetable": "CronTriggerTimetable"}
    here.live(draw("a", dag={"dag_id": "on", "schedule": hourly}), due=NOON)
    here.live(draw("a", dag={"dag_id": "off", "schedule": hourly}), paused=True)
    assert "hourly · next 21 Sep 14:13 UTC" in words(here.show(dag="on"))
    assert "hourly · paused" in words(here.show(dag="off"))


def test_the_theme_and_the_width_are_cloudwatchs(here: Installation) -> None:
    for number in range(DEFAULT_RUNS):
        here.run(draw("a"), number=number)
    assert PAGES["dark"].ink in here.show(theme="dark")
    assert PAGES["dark"].ink in here.show(theme="dark", dag="no such")
    assert PAGES["light"].ink in here.show()
    assert len(runs_of(here.show(width=300))) < DEFAULT_RUNS

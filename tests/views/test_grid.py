"""The grid widget: what it says, what it never lets through, and how large it may get."""

from __future__ import annotations

import html
import re
from xml.etree import ElementTree as ET

import pytest

from leeward.core.states import RunState, TaskState
from leeward.views.colours import LOOKS, PAGES, Paint, look, stylesheet
from leeward.views.grid import LIMIT_BYTES, DagGrid, Instance, Run, SpecError, grid

MAY_2ND = 1746144000.0  # 2025-05-02 00:00:00 UTC
HOSTILE = "</style></title><script>alert(1)</script><img src=x onerror='alert(2)'>\"&\x00\u202e\ud800"


def a_run(
    number: int = 0, *, state: str = "success", took: float | None = 60.0, instances: dict[str, Instance] | None = None
) -> Run:
    start = MAY_2ND + number * 3600
    return Run(f"run_{number}", state, start, None if took is None else start + took, instances or {})


def a_dag(*runs: Run, tasks: tuple[str, ...] = ("extract", "load"), more_tasks: int = 0) -> DagGrid:
    return DagGrid("sales", "every hour", tasks, runs, more_tasks)


def installation(*, dags: int, runs: int, tasks: int, state: str = "success") -> list[DagGrid]:
    names = tuple(f"group.a_task_with_a_usual_name_{task}" for task in range(tasks))
    instances = {name: Instance(state, 1, 12.0) for name in names}
    history = tuple(a_run(number, instances=instances) for number in range(runs))
    return [DagGrid(f"dag_{dag}", "every hour", names, history) for dag in range(dags)]


def parsed(page: str) -> ET.Element:
    return ET.fromstring(page)  # noqa: S314 - our own page


def squares(page: str) -> list[ET.Element]:
    return parsed(page).findall("./section/p/i")


def bar_titles(page: str) -> list[str]:
    return [title.text or "" for title in parsed(page).findall(".//svg/path/title")]


def bar_heights(page: str) -> list[int]:
    """In the order of the columns."""
    found = re.findall(r"M(\d+)\.5 57\.5v-(\d+)h15", page)
    return [int(height) for _, height in sorted(found, key=lambda bar: int(bar[0]))]


def words(page: str) -> str:
    return " ".join(text for text in parsed(page).itertext() if not text.startswith(".lw"))


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance ."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def paints(theme: str) -> list[Paint]:
    return [one.dark if theme == "dark" else one.light for one in LOOKS.values()]


def test_a_square_tells_task_state_try_and_duration() -> None:
    page = grid([a_dag(a_run(instances={"extract": Instance("failed", 3, 75.0)}))], [])
    failed, absent = squares(page)
    assert failed.attrib == {"class": "f", "title": "extract · failed · try 3 · 1m 15s"}
    assert absent.attrib == {"class": "n", "title": "load · none"}


def test_a_bar_tells_run_state_start_and_duration() -> None:
    page = grid([a_dag(a_run(3, state="failed", took=3780.0))], [])
    assert bar_titles(page) == ["run_3 · failed · 2025-05-02 03:00:00 UTC · 1h 03m"]


def test_a_bar_is_as_high_as_its_share_of_the_longest_run() -> None:
    page = grid([a_dag(a_run(0, took=100.0), a_run(1, took=50.0), a_run(2, took=0.0))], [])
    assert bar_heights(page) == [42, 21, 3]


def test_a_run_that_is_not_over_has_a_dashed_bar_of_full_height() -> None:
    page = grid([a_dag(a_run(0, took=10.0), a_run(1, state="running", took=None))], [])
    assert bar_heights(page) == [42, 42]
    assert parsed(page).find(".//svg/path[@class='r w']") is not None
    assert bar_titles(page)[1] == "run_1 · running · 2025-05-02 01:00:00 UTC · not over"
    assert "last run: running, since 02 May 01:00 UTC" in words(page)


def test_a_queued_run_has_not_started() -> None:
    page = grid([a_dag(Run("manual", "queued", None, None, {}))], [])
    assert bar_titles(page) == ["manual · queued · not started"]
    assert bar_heights(page) == [3]


def test_a_clock_that_went_back_gives_no_negative_duration() -> None:
    page = grid([a_dag(a_run(took=-5.0))], [])
    assert bar_titles(page) == ["run_0 · success · 2025-05-02 00:00:00 UTC · 0.0s"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.04, "0.0s"),
        (0.42, "0.4s"),
        (9.96, "10s"),
        (59.7, "1m 00s"),
        (252, "4m 12s"),
        (3600, "1h 00m"),
        (187200, "2d 04h"),
    ],
)
def test_durations_show_their_two_largest_units(seconds: float, shown: str) -> None:
    page = grid([a_dag(a_run(instances={"extract": Instance("success", 1, seconds)}))], [])
    assert squares(page)[0].get("title") == f"extract · success · try 1 · {shown}"


def test_only_the_newest_25_runs_are_shown_from_oldest_to_newest() -> None:
    page = grid([a_dag(*(a_run(number) for number in range(40)))], [])
    assert [title.split(" · ")[0] for title in bar_titles(page)] == [f"run_{number}" for number in range(15, 40)]
    assert "To fit" not in page


def test_a_narrow_widget_shows_fewer_runs_and_says_so() -> None:
    page = grid([a_dag(*(a_run(number) for number in range(25)))], [], width=400)
    assert len(bar_titles(page)) == 14
    assert "the last 14 runs instead of 25" in words(page)


@pytest.mark.parametrize("width", [-1, 0, 1, 5000])
def test_any_width_shows_at_least_the_newest_run(width: int) -> None:
    assert "run_1" in grid([a_dag(a_run(0), a_run(1))], [], width=width)


def test_a_dag_without_runs_says_so() -> None:
    assert "no runs yet" in words(grid([a_dag()], []))


def test_a_dag_without_tasks_shows_its_runs() -> None:
    page = grid([a_dag(a_run(), tasks=())], [])
    assert len(bar_titles(page)) == 1
    assert not squares(page)


def test_rows_that_were_cut_off_are_counted() -> None:
    assert "and 7 more tasks" in words(grid([a_dag(a_run(), more_tasks=7)], []))
    assert "and 1 more task" in words(grid([a_dag(a_run(), more_tasks=1)], []))


def test_an_empty_installation_says_where_specs_go() -> None:
    assert "no DAGs: drop a spec into s3://BUCKET/dags/" in words(grid([], []))
    assert "no DAGs: drop a spec into s3://mine/dags/" in words(
        grid([], [], empty="no DAGs: drop a spec into s3://mine/dags/")
    )


def test_import_errors_stand_on_top_with_path_and_message() -> None:
    page = grid([a_dag(a_run())], [SpecError("dags/a.yaml", "line 3: no such operator"), SpecError("dags/b.yaml", "?")])
    first = parsed(page).findall("section")[0]
    assert "".join(first.itertext()) == "2 import errorsdags/a.yamlline 3: no such operatordags/b.yaml?"


def test_many_long_import_errors_are_cut_and_counted() -> None:
    page = grid([], [SpecError("p" * 5000, "&" * 5000)] * 500)
    assert "and 480 more" in words(page)
    assert len(page.encode()) <= LIMIT_BYTES


@pytest.mark.parametrize("details", [True, False], ids=["small page", "large page"])
def test_hostile_names_stay_text(details: bool) -> None:
    instances = {HOSTILE: Instance(HOSTILE, 1, 1.0)}
    dag = DagGrid(HOSTILE, HOSTILE, (HOSTILE,), (Run(HOSTILE, HOSTILE, 0.0, 1.0, instances),))
    others = [] if details else installation(dags=20, runs=12, tasks=30)
    page = grid([dag, *others], [SpecError(HOSTILE, HOSTILE)])
    tree = parsed(page)
    assert not {"script", "img"} & {element.tag for element in tree.iter()}
    assert not [name for element in tree.iter() for name in element.attrib if name.startswith("on")]
    shown = html.unescape(page)
    assert shown.count("<script>alert(1)</script>") == page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 8
    assert not set("\x00\u202e\ud800") & set(page)


def test_a_hostile_sentence_for_the_empty_installation_stays_text() -> None:
    page = grid([], [], empty=HOSTILE)
    assert "<script" not in page
    assert parsed(page).tag == "div"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_has_nothing_that_cloudwatch_strips(theme: str) -> None:
    page = grid([a_dag(a_run(state="failed"), a_run(1))], [SpecError("a", "b")], theme=theme)
    tags = {element.tag for element in parsed(page).iter()}
    assert not {"script", "iframe", "use"} & tags
    assert "url(" not in page
    assert "@import" not in page


def test_all_25_runs_of_20_dags_with_30_tasks_fit() -> None:
    page = grid(installation(dags=20, runs=25, tasks=30), [])
    assert len(page.encode()) <= LIMIT_BYTES
    assert len(squares(page)) == 20 * 25 * 30
    assert "To fit, this shows tooltips only where there is news." in words(page)


def test_a_large_page_keeps_the_tooltips_that_tell_news() -> None:
    dags = installation(dags=19, runs=25, tasks=30)
    news = a_dag(a_run(instances={"extract": Instance("success", 2, 1.0), "load": Instance("failed", 1, 1.0)}))
    titled = [square.get("title") for square in squares(grid([*dags, news], [])) if square.get("title")]
    assert titled == ["extract · success · try 2 · 1.0s", "load · failed · try 1 · 1.0s"]


def test_where_everything_is_news_fewer_runs_are_shown_and_it_says_so() -> None:
    page = grid(installation(dags=20, runs=25, tasks=30, state="failed"), [])
    assert len(page.encode()) <= LIMIT_BYTES
    shown = len(squares(page)) // (20 * 30)
    assert shown >= 3
    assert f"the last {shown} run" in words(page)
    assert "instead of 25" in words(page)


def test_more_dags_than_fit_are_counted() -> None:
    page = grid(installation(dags=200, runs=3, tasks=100, state="failed"), [])
    assert len(page.encode()) <= LIMIT_BYTES
    shown = len(parsed(page).findall(".//header"))
    assert 10 <= shown < 200
    assert f"To fit, this shows {shown} of 200 DAGs, the last 1 run instead of 3" in words(page)


def test_even_one_dag_that_does_not_fit_gives_a_page() -> None:
    page = grid([a_dag(a_run(), tasks=("&" * 200_000,))], [])
    assert len(page.encode()) <= LIMIT_BYTES
    assert "0 of 1 DAGs" in words(page)


def test_every_task_state_has_a_colour_and_a_mark_of_its_own() -> None:
    assert set(LOOKS) == set(TaskState)
    assert all(one.mark.strip() for one in LOOKS.values())
    assert len({one.mark for one in LOOKS.values()}) == len(TaskState)
    assert len({one.letter for one in LOOKS.values()}) == len(TaskState)
    assert len({one.light.fill for one in LOOKS.values()}) == len(TaskState)
    assert len({one.dark.fill for one in LOOKS.values()}) == len(TaskState)


def test_every_run_state_has_a_look() -> None:
    assert set(RunState) <= set(LOOKS)


@pytest.mark.parametrize("state", list(TaskState))
def test_every_state_stands_in_the_legend_with_its_square(state: TaskState) -> None:
    shown = {(span[0].get("class"), span[0].tail) for span in parsed(grid([], [])).findall("footer/span")}
    assert (look(state).letter, str(state)) in shown
    assert f'content:"{look(state).mark}"' in stylesheet("light")


def test_a_state_of_a_later_version_looks_like_none_and_keeps_its_name() -> None:
    page = grid([a_dag(a_run(instances={"extract": Instance("restarting", 1, None)}))], [])
    assert squares(page)[0].attrib == {"class": "n", "title": "extract · restarting · try 1"}


def test_classes_of_states_collide_with_no_other_class() -> None:
    assert not {one.letter for one in LOOKS.values()} & {"e", "l", "m", "w", "z"}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_the_contrast_that_wcag_asks_for(theme: str) -> None:
    page = PAGES[theme]
    for paint in paints(theme):
        assert contrast(paint.ink, paint.fill) >= 4.5, paint
        assert contrast(paint.edge, page.page) >= 3, paint
    for text, ground in ((page.ink, page.page), (page.faint, page.page), (page.error, page.error_page)):
        assert contrast(text, ground) >= 4.5, text


def test_themes_differ_and_an_unknown_theme_is_light() -> None:
    dags = [a_dag(a_run())]
    light, dark = grid(dags, []), grid(dags, [], theme="dark")
    assert light == grid(dags, [], theme="solarized")
    assert PAGES["light"].ink in light
    assert PAGES["dark"].ink in dark
    assert light.split("</style>")[1] == dark.split("</style>")[1]

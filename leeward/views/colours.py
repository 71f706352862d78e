"""How a state looks: Airflow's colour, a mark that tells it without colour, and the style sheet made of both.

The hues are those of Airflow's `STATE_COLORS`. They are adapted where contrast demands (WCAG 2.2): a mark stands out 4.5:1
from its square, and a square, or its edge where Airflow's colour is too pale, 3:1 from the page. The mark of a success
alone is drawn fainter, so that what is not a success is seen first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from leeward.core.states import TaskState


@dataclass(frozen=True, slots=True)
class Paint:
    """The colours of one square: its fill, the mark in it (`ink`) and its outline, each `#rrggbb`."""

    fill: str
    ink: str
    edge: str


@dataclass(frozen=True, slots=True)
class Look:
    """One state: the letter that is its CSS class, its mark, and its colours in each theme."""

    letter: str
    mark: str
    light: Paint
    dark: Paint


@dataclass(frozen=True, slots=True)
class Page:
    """What is not a state: the page that the console draws behind a widget, text, faint text, lines, errors, links."""

    page: str
    ink: str
    faint: str
    line: str
    hover: str
    error: str
    error_page: str
    link: str


# Marks are characters that no system draws as an emoji.
LOOKS: Final[dict[str, Look]] = {
    TaskState.SUCCESS: Look("o", "✓", Paint("#008000", "#ffffff", "#008000"), Paint("#008700", "#ffffff", "#008700")),
    TaskState.RUNNING: Look("r", "►", Paint("#4be34b", "#003a00", "#009000"), Paint("#32e632", "#002b00", "#32e632")),
    TaskState.FAILED: Look("f", "✘", Paint("#dc0000", "#ffffff", "#dc0000"), Paint("#e51a1a", "#ffffff", "#e51a1a")),
    TaskState.UPSTREAM_FAILED: Look(
        "u", "↑", Paint("#ffa500", "#3d2600", "#b87400"), Paint("#ffa500", "#3d2600", "#ffa500")
    ),
    TaskState.SKIPPED: Look("k", "»", Paint("#ff69b4", "#3d0020", "#d6338a"), Paint("#ff69b4", "#3d0020", "#ff69b4")),
    TaskState.UP_FOR_RETRY: Look(
        "t", "↻", Paint("#ffd700", "#3d3300", "#9a7f00"), Paint("#ffd700", "#3d3300", "#ffd700")
    ),
    TaskState.EXPANDED: Look("p", "⋮", Paint("#7be37b", "#003a00", "#008a00"), Paint("#5fd65f", "#002b00", "#5fd65f")),
    TaskState.DEFERRED: Look("d", "…", Paint("#9370db", "#10061f", "#7d57d1"), Paint("#9370db", "#10061f", "#9370db")),
    TaskState.QUEUED: Look("q", "≡", Paint("#737373", "#ffffff", "#737373"), Paint("#737373", "#ffffff", "#737373")),
    TaskState.NONE: Look("n", "·", Paint("#f3f9fb", "#3f7286", "#5b9ab2"), Paint("#1b2a35", "#add8e6", "#5f8fa3")),
    TaskState.REMOVED: Look("x", "∅", Paint("#d3d3d3", "#404040", "#8c8c8c"), Paint("#a8a8a8", "#1c1c1c", "#a8a8a8")),
}

PAGES: Final = {
    "light": Page("#ffffff", "#16191f", "#5f6b7a", "#e4e7ea", "#f2f5f8", "#b3001b", "#fdf2f2", "#0055b8"),
    "dark": Page("#161d26", "#e4e6ea", "#a3adb8", "#2d3945", "#202a35", "#ff8f8f", "#2e1a1f", "#75b5ff"),
}
"""By CloudWatch's name of the theme. The widget paints no page: these are what its contrasts are reckoned against."""

_LAYOUT: Final = """
.lw{font:13px/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;color:var(--ink);
font-variant-numeric:tabular-nums;padding:2px 6px 6px;box-sizing:border-box;text-align:left;
display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,var(--block)),1fr));gap:0 40px;align-items:start}
.lw>.e,.lw>.m,.lw>footer{grid-column:1/-1}
.lw *{box-sizing:border-box}
.lw h3,.lw h4,.lw p,.lw ul{margin:0;padding:0;font:inherit;color:inherit}
.lw section{margin:0 0 26px}
.lw header{display:flex;flex-wrap:wrap;gap:2px 12px;align-items:baseline;
border-bottom:1px solid var(--line);padding:0 0 5px;margin:0 0 4px}
.lw h3{font-size:15px;font-weight:600;min-width:0}
.lw h3,.lw b,.lw em{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.lw em{font-style:normal;font-size:12px;color:var(--faint);min-width:0;margin-left:auto;display:inline-flex;
align-items:center}
.lw em+em{margin:0;flex:0 0 100%;display:block}
.lw em i{margin-right:6px}
.lw p,.lw .z{display:flex;align-items:center;height:19px;border-radius:3px}
.lw p:hover{background:var(--hover)}
.lw .z{height:58px;margin:0 0 4px;align-items:flex-start}
.lw b{flex:none;width:var(--label);padding:0 12px 0 0;font-weight:400}
.lw .z b{color:var(--faint);font-size:11px;text-align:right;line-height:14px;padding-top:6px}
.lw i{flex:none;width:16px;height:16px;margin:0 3px 0 0;border-radius:3px;font:700 11px/16px system-ui,sans-serif;
text-align:center;display:inline-block}
.lw svg{display:block;flex:none;overflow:visible}
.lw path{stroke:transparent;stroke-width:19;fill:none;pointer-events:all}
.lw path:hover{stroke:var(--hover)}
.lw path[class]{stroke-width:1;stroke-linejoin:round;pointer-events:none}
.lw path.w{stroke-dasharray:3 2;fill-opacity:.25}
.lw path.l{stroke:var(--line)}
.lw text{fill:var(--ink);stroke:none;font:700 10px system-ui,sans-serif;text-anchor:middle}
.lw .m{color:var(--faint)}
.lw ul{list-style:none}
.lw .e{color:var(--error);background:var(--error-page);border-left:3px solid var(--error);border-radius:3px;
padding:8px 12px;margin:0 0 20px}
.lw h4{font-weight:600}
.lw li{margin:4px 0 0;white-space:pre-line;overflow-wrap:anywhere}
.lw code{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-weight:600;background:none;color:inherit;
padding:0;display:block}
.lw nav{margin:0 0 14px}
.lw a{margin:0 0 0 14px;color:var(--link);cursor:pointer;text-decoration:underline}
.lw footer{display:flex;flex-wrap:wrap;gap:4px 11px;border-top:1px solid var(--line);padding:8px 0 0;font-size:12px;
color:var(--faint)}
.lw footer span{display:inline-flex;align-items:center}
.lw footer i{margin-right:5px}
"""


def look(state: str) -> Look:
    """The look of a state; a state that this version does not know looks like `none`."""
    return LOOKS.get(state, LOOKS[TaskState.NONE])


def stylesheet(theme: str) -> str:
    """The CSS of a theme; any name but "dark" is the light one."""
    page = PAGES["dark" if theme == "dark" else "light"]
    names = ("page", "ink", "faint", "line", "hover", "error", "error_page", "link")
    colours = ";".join(f"--{name.replace('_', '-')}:{getattr(page, name)}" for name in names)
    states = "\n".join(_rules(one, one.dark if theme == "dark" else one.light) for one in LOOKS.values())
    return f".lw{{{colours}}}{_LAYOUT}{states}\n"


def _rules(one: Look, paint: Paint) -> str:
    fill = f"background:{paint.fill};fill:{paint.fill};stroke:{paint.edge};box-shadow:inset 0 0 0 1px {paint.edge}"
    if one is not LOOKS[TaskState.SUCCESS]:
        return f'.lw .{one.letter}{{{fill};color:{paint.ink}}}.lw i.{one.letter}::before{{content:"{one.mark}"}}'
    # A square without a class is a success: most squares, in the fewest bytes, and with the faintest mark.
    return f'.lw i,.lw .o{{{fill};color:{paint.ink}90}}.lw i::before{{content:"{one.mark}"}}'

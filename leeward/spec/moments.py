"""The moments of a schedule: what comes after and before a given one, in time zones with clocks that are set.

Airflow's reading of a clock change, exactly: an expression is read on the clock on the wall. A time that comes twice is its
second occurrence, one that doesn't exist is moved forward by the gap. But one that fires in every hour counts real hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from leeward.spec.aws_cron import parse_aws_cron

NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""What comes after the last moment."""

BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)
"""What was before the first."""


class Moments(Protocol):
    """The moments of a schedule. Dates are aware, in UTC."""

    def after(self, moment: datetime) -> datetime:
        """The first one after a moment, or NEVER."""

    def before(self, moment: datetime) -> datetime:
        """The last one before a moment, or BEFORE_ALL."""

    def aligned_next(self, moment: datetime) -> datetime:
        """The moment itself if it is one, else the next."""

    def aligned_prev(self, moment: datetime) -> datetime:
        """The moment itself if it is one, else the one before."""


class Clockwork(Protocol):
    """An expression on a clock on the wall: times have no zone."""

    @property
    def every_hour(self) -> bool:
        """Whether it fires in every hour of its days."""

    def after(self, moment: datetime) -> datetime | None:
        """The first time after one; None if there is none."""

    def before(self, moment: datetime) -> datetime | None:
        """The last time before one; None if there is none."""


@dataclass(frozen=True, slots=True)
class FiveFields:
    """An expression as croniter reads it."""

    cron: str

    @property
    def every_hour(self) -> bool:
        """See `Clockwork.every_hour`."""
        return bool(_parsed(self.cron).expanded[1] == ["*"])

    def after(self, moment: datetime) -> datetime | None:
        """See `Clockwork.after`."""
        return self._step(moment, forward=True)

    def before(self, moment: datetime) -> datetime | None:
        """See `Clockwork.before`."""
        return self._step(moment, forward=False)

    def _step(self, moment: datetime, *, forward: bool) -> datetime | None:
        from croniter import CroniterBadDateError

        if moment in (datetime.max, datetime.min):  # noqa: DTZ901 - an expression without a year ends nowhere
            return None
        found = copy(_parsed(self.cron))
        found.set_current(moment, force=True)
        try:
            step: datetime = found.get_next(datetime) if forward else found.get_prev(datetime)
        except CroniterBadDateError:  # such as the 31st of February
            return None
        return step


@lru_cache(maxsize=64)
def _parsed(cron: str) -> Any:
    """An expression, read once: that takes longer than a step. It keeps where it stands, so that each step has a copy."""
    from croniter import croniter

    return croniter(cron)


@dataclass(frozen=True, slots=True)
class CronMoments:
    """The moments of an expression in a time zone."""

    clockwork: Clockwork
    zone: tzinfo

    def after(self, moment: datetime) -> datetime:
        """See `Moments.after`."""
        local = self._local(moment)
        found = self.clockwork.after(local)
        return NEVER if found is None else self._aware(moment, local, found)

    def before(self, moment: datetime) -> datetime:
        """See `Moments.before`."""
        local = self._local(moment)
        found = self.clockwork.before(local)
        return BEFORE_ALL if found is None else self._aware(moment, local, found)

    def aligned_next(self, moment: datetime) -> datetime:
        """See `Moments.aligned_next`."""
        following = self.after(moment)
        return moment if self.before(following) == moment else following

    def aligned_prev(self, moment: datetime) -> datetime:
        """See `Moments.aligned_prev`."""
        previous = self.before(moment)
        return moment if self.after(previous) == moment else previous

    def _local(self, moment: datetime) -> datetime:
        bound = moment in (NEVER, BEFORE_ALL)
        return (moment if bound else moment.astimezone(self.zone)).replace(tzinfo=None)

    def _aware(self, moment: datetime, local: datetime, found: datetime) -> datetime:
        real_hours = self.clockwork.every_hour and moment not in (NEVER, BEFORE_ALL)
        return moment + (found - local) if real_hours else on_the_wall(found, self.zone)


def on_the_wall(time: datetime, zone: tzinfo) -> datetime:
    """When a clock shows that time: the second time if it does so twice; moved on by the gap if it never does."""
    first, second = time.replace(tzinfo=zone, fold=0), time.replace(tzinfo=zone, fold=1)
    missing = (first.utcoffset() or timedelta()) < (second.utcoffset() or timedelta())
    return (first if missing else second).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class DeltaMoments:
    """Moments a fixed time apart; they have no origin of their own, so that every moment is one of them."""

    seconds: float
    months: int

    def after(self, moment: datetime) -> datetime:
        """See `Moments.after`."""
        return self._shifted(moment, 1)

    def before(self, moment: datetime) -> datetime:
        """See `Moments.before`."""
        return self._shifted(moment, -1)

    def aligned_next(self, moment: datetime) -> datetime:
        """See `Moments.aligned_next`."""
        return moment

    def aligned_prev(self, moment: datetime) -> datetime:
        """See `Moments.aligned_prev`."""
        return moment

    def floor(self, moment: datetime, anchor: datetime) -> datetime:
        """The last moment up to one: of a grid over all time, or, where months are of different lengths, from the anchor."""
        if self.months:
            while (following := self.after(anchor)) <= moment:
                anchor = following
            return anchor
        return datetime.fromtimestamp(moment.timestamp() // self.seconds * self.seconds, UTC)

    def _shifted(self, moment: datetime, times: int) -> datetime:
        from dateutil.relativedelta import relativedelta

        shifted: datetime = moment + relativedelta(months=times * self.months) + times * timedelta(seconds=self.seconds)
        return shifted


def moments_of(schedule: Mapping[str, Any]) -> tuple[Moments, ...]:
    """The moments of each expression of a normalised schedule (see `leeward.spec.schedule`); none of one without any."""
    kind = schedule["kind"]
    if kind == "cron":
        return tuple(CronMoments(FiveFields(cron), zone_of(schedule["timezone"])) for cron in schedule["crons"])
    if kind == "aws_cron":
        return (CronMoments(parse_aws_cron(schedule["cron"]), zone_of(schedule["timezone"])),)
    if kind == "delta":
        return (DeltaMoments(float(schedule["seconds"]), int(schedule.get("months", 0))),)
    return ()


def zone_of(name: str) -> tzinfo:
    """The time zone of an IANA name, or of an offset such as +05:30."""
    if name[0] in "+-":
        return datetime.strptime(name, "%z").tzinfo or UTC
    return ZoneInfo(name)

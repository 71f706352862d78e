"""Random cron expressions of every form, by seed."""

from __future__ import annotations

from random import Random

MONTHS = ("jan", "FEB", "Mar", "APR", "may", "JUN", "JUL", "aug", "SEP", "OCT", "nov", "DEC")
WEEK = ("sun", "MON", "Tue", "WED", "thu", "FRI", "SAT")
PRESETS = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@quarterly", "@yearly", "@annually")


class Expressions:
    """A source of expressions. Parts about days are drawn from a pool, so that comparing all days of years stays cheap."""

    def __init__(self, seed: int, pool: int) -> None:
        self.random = Random(seed)
        self.days = [self._airflow_days() for _ in range(pool)]
        self.aws_days = [self._aws_days() for _ in range(pool)]

    def airflow(self) -> str:
        """Five fields, six with a 0 at the end, or a preset."""
        if self.random.random() < 0.03:
            return self.random.choice(PRESETS)
        day, month, week = self.random.choice(self.days)
        text = f"{self._field(0, 59)} {self._field(0, 23)} {day} {month} {week}"
        return f"{text} 0" if "?" not in text and self.random.random() < 0.05 else text

    def aws(self) -> str:
        """Six fields with a `?`, as AWS writes them."""
        day, month, week, year = self.random.choice(self.aws_days)
        text = f"{self._field(0, 59, wrap=False)} {self._field(0, 23, wrap=False)} {day} {month} {week} {year}"
        return f"cron({text})" if self.random.random() < 0.5 else text

    def _airflow_days(self) -> tuple[str, str, str]:
        day = self.random.choice(
            ["*", "*", "?", self._field(1, 31), self._field(1, 31), "L", "1,L", "15W", "w31", "13"]
        )
        week = self.random.choice(
            ["*", "*", "*", self._field(0, 7), self._names(WEEK), "L5", "0#1,3#2", "FRI#5", "1-5"]
        )
        month = self.random.choice(["*", "*", "*", self._field(1, 12), self._names(MONTHS)])
        return day, month, week

    def _aws_days(self) -> tuple[str, str, str, str]:
        month = self.random.choice(["*", "*", self._field(1, 12, wrap=False), self._names(MONTHS)])
        year = self.random.choice(["*", "*", "*", "2025-2031", "2026/3", "2024,2029"])
        if self.random.random() < 0.5:
            day = self.random.choice(["*", self._field(1, 31, wrap=False), "L", f"{self.random.randint(1, 31)}W"])
            return day, month, "?", year
        number = self.random.randint(1, 7)
        week = [
            "*",
            "2-6",
            "MON-FRI",
            "1,7",
            self._names(WEEK),
            "L",
            f"{number}L",
            f"{number}#{self.random.randint(1, 5)}",
        ]
        return "?", month, self.random.choice(week), year

    def _names(self, names: tuple[str, ...]) -> str:
        first, last = sorted(self.random.sample(range(len(names)), 2))
        return self.random.choice([names[first], f"{names[first]},{names[last]}", f"{names[first]}-{names[last]}"])

    def _field(self, low: int, high: int, *, wrap: bool = True) -> str:
        """A field of numbers; `wrap` allows ranges that go on from the end to the beginning."""
        first, last = self.random.randint(low, high), self.random.randint(low, high)
        if not wrap:
            first, last = sorted((first, last))
        step = self.random.choice([2, 3, 5, 7, 11, 13, 90]) if wrap else self.random.choice([2, 3, 5, 7, 11, 13])
        numbers = sorted(self.random.sample(range(low, high + 1), self.random.randint(2, 5)))
        forms = ["*", str(first), str(first), ",".join(map(str, numbers)), f"{first}-{last}", f"*/{step}"]
        forms += [f"{first}/{step}", f"{min(first, last)}-{max(first, last)}/{step}"]
        return self.random.choice(forms)

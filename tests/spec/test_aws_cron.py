"""AWS's six fields: what is none of them is told. What they mean is held against another reading in `tests/schedules`."""

from __future__ import annotations

from datetime import datetime

import pytest

from leeward.spec.aws_cron import parse_aws_cron


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        (
            f"{','.join(map(str, range(60)))} {','.join(map(str, range(24)))} {','.join(map(str, range(1, 32)))} * ? *",
            "longer than",
        ),
        ("0 0 * * * *", "one of day of month and day of week"),
        ("0 0 ? * ? *", "one of day of month and day of week"),
        ("60 0 * * ? *", "'60' is out of range for minutes"),
        ("0 24 * * ? *", "out of range for hours"),
        ("0 0 0 * ? *", "out of range for day of month"),
        ("0 0 32W * ? *", "a W stands behind one day"),
        ("0 0 1,5W * ? *", "a W stands behind one day"),
        ("0 0 LW * ? *", "a W stands behind one day"),
        ("0 0 L-3 * ? *", "out of range for day of month"),
        ("0 0 ? 13 MON *", "out of range for month"),
        ("0 0 ? MAI MON *", "'MAI' is out of range for month"),
        ("0 0 ? * 0 *", "out of range for day of week"),
        ("0 0 ? * 2/2 *", "have no steps"),
        ("0 0 ? * 2#6 *", "a # stands behind one day"),
        ("0 0 ? * 2#1,3#1 *", "a # stands behind one day"),
        ("0 0 ? * 2-4L *", "# and L stand behind one day"),
        ("0 0 ? * FRI-MON *", "'FRI-MON' holds no day of week"),
        ("*/0 0 ? * MON *", "'\\*/0' holds no minutes"),
        ("5, 0 ? * MON *", "'' is no minutes"),
        ("0 0 ? * MON 1969", "out of range for year"),
    ],
)
def test_what_aws_does_not_document_is_refused_with_a_reason(cron: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_aws_cron(cron)


@pytest.mark.parametrize(
    ("cron", "after", "before"),
    [
        ("0 0 1W * ? *", "2026-09-01", "2026-08-03"),
        ("0 0 31W * ? *", "2026-10-30", "2026-08-31"),
        ("0 0 30W 8 ? *", "2027-08-30", "2026-08-31"),
        ("0 0 ? * L *", "2026-09-05", "2026-08-29"),
        ("0 0 ? * FRIL *", "2026-09-25", "2026-08-28"),
        ("0 0 ? * TUE#5 *", "2026-09-29", "2026-06-30"),
        ("0 0 29 2 ? 2020/4", "2028-02-29", "2024-02-29"),
    ],
)
def test_days_come_one_after_the_other_in_both_directions(cron: str, after: str, before: str) -> None:
    found, now = parse_aws_cron(cron), datetime(2026, 8, 31, 12)
    assert found.after(now) == datetime.fromisoformat(after)
    assert found.before(now) == datetime.fromisoformat(before)


def test_years_begin_and_end() -> None:
    found = parse_aws_cron("0 12 1 1 ? 2026")
    assert found.before(datetime(2026, 1, 1, 12)) is None
    assert found.after(datetime(2026, 1, 1, 12)) is None
    assert not found.every_hour

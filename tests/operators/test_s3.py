"""S3 rows: what the recorded cases do not show."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from tests.operators.driving import Driven, answer, drive, refusal

EXISTS = answer("s3", "HeadBucket")
MISSING = refusal("s3", "HeadBucket", "404", 404)
PUT = answer("s3", "PutObject")


def _page(*keys: str, **more: Any) -> Any:
    objects = [{"Key": key, "LastModified": {"$date": f"2024-01-{10 + i}T00:00:00Z"}} for i, key in enumerate(keys)]
    return answer("s3", "ListObjectsV2", Contents=objects, **more)


def _create(*answers: Any, **arguments: Any) -> Driven:
    return drive("S3CreateObjectOperator", {"s3_bucket": "b", "s3_key": "k", "data": "text", **arguments}, *answers)


def test_bucket_that_is_there_is_left_as_it_is() -> None:
    driven = drive("S3CreateBucketOperator", {"bucket_name": "b"}, EXISTS)
    assert (driven.state, driven.aws.operations()) == ("success", ["HeadBucket"])


@pytest.mark.parametrize(
    ("region", "constraint"), [("eu-west-1", {"LocationConstraint": "eu-west-1"}), ("us-east-1", None), ("", None)]
)
def test_bucket_is_made_in_the_region_of_the_worker(
    region: str, constraint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    arguments = {"bucket_name": "b", "bucket_namespace": "account-regional"}
    sent = drive("S3CreateBucketOperator", arguments, MISSING, answer("s3", "CreateBucket")).aws.request("CreateBucket")
    assert (sent.get("CreateBucketConfiguration"), sent["BucketNamespace"]) == (constraint, "account-regional")


def test_refused_look_at_a_bucket_counts_as_no_unless_it_is_no_answer_of_s3() -> None:
    denied = drive("S3DeleteBucketOperator", {"bucket_name": "b"}, refusal("s3", "HeadBucket", "403", 403))
    assert (denied.state, denied.aws.operations()) == ("success", ["HeadBucket"])
    assert "AwsNotScripted" in drive("S3DeleteBucketOperator", {"bucket_name": "b"}).error


def test_bucket_that_fills_while_it_is_emptied_is_emptied_five_times_without_a_sleep() -> None:
    deleted, gone = answer("s3", "DeleteObjects"), answer("s3", "DeleteBucket")
    driven = drive(
        "S3DeleteBucketOperator", {"bucket_name": "b", "force_delete": True}, EXISTS, _page("k"), deleted, gone
    )
    assert driven.waits == [500.0] * 4
    assert driven.aws.operations().count("DeleteObjects") == 5
    assert driven.aws.operations()[-1] == "DeleteBucket"


def test_full_bucket_is_deleted_only_by_force() -> None:
    full = refusal("s3", "DeleteBucket", "BucketNotEmpty", 409)
    driven = drive("S3DeleteBucketOperator", {"bucket_name": "b"}, EXISTS, full)
    assert "An error occurred (BucketNotEmpty) when calling the DeleteBucket operation" in driven.error
    assert driven.aws.operations() == ["HeadBucket", "DeleteBucket"]


def test_object_that_is_there_is_not_replaced_unasked() -> None:
    there = _create(answer("s3", "HeadObject"), PUT)
    assert (there.error, there.aws.operations()) == ("The key k already exists.", ["HeadObject"])
    assert _create(refusal("s3", "HeadObject", "404", 404), PUT).aws.operations() == ["HeadObject", "PutObject"]
    assert "(403)" in _create(refusal("s3", "HeadObject", "403", 403), PUT).error


def test_object_is_encrypted_encoded_and_compressed_as_asked() -> None:
    asked = {"replace": True, "encrypt": True, "acl_policy": "private", "encoding": "latin-1", "compression": "gzip"}
    sent = _create(PUT, data="é", **asked).aws.request("PutObject")
    assert (sent["ServerSideEncryption"], sent["ACL"]) == ("AES256", "private")
    assert gzip.decompress(sent["Body"]) == b"\xe9"
    assert _create(PUT, data=b"\x00\xff", replace=True).aws.request("PutObject")["Body"] == b"\x00\xff"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"data": 5}, "data is text or bytes, not int"),
        ({"compression": "zip"}, "Received zip compression type"),
        ({"encoding": "nope"}, "LookupError"),
        ({"data": "é", "encoding": "ascii"}, "UnicodeEncodeError"),
        ({"s3_key": "s3://b/k"}, "If `dest_bucket` is provided, dest_key should be a relative path"),
        ({"s3_bucket": None}, "Please provide a bucket name"),
        ({"s3_bucket": None, "s3_key": "s3:///k"}, "Please provide a bucket name"),
        ({"s3_bucket": None, "s3_key": "https://host/k"}, "Please provide a bucket name"),
        ({"s3_key": "//[k"}, "is no S3 key"),
    ],
)
def test_object_that_can_never_be_stored_is_not_tried_again(arguments: Any, told: str) -> None:
    driven = _create(PUT, replace=True, **arguments)
    assert told in driven.error
    assert not driven.retryable


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("s3://bucket/a/b", "a/b"),
        ("S3a://bucket/a/b", "a/b"),
        ("https://bucket.s3.eu-west-1.amazonaws.com/a/b", "a/b"),
        ("https://s3.eu-west-1.amazonaws.com/bucket/a/b", "a/b"),
        ("s3://bucket/a#1", "a#1"),
    ],
)
def test_urls_of_an_object_are_read_as_in_airflow(url: str, key: str) -> None:
    sent = _create(PUT, s3_bucket=None, s3_key=url, replace=True).aws.request("PutObject")
    assert (sent["Bucket"], sent["Key"]) == ("bucket", key)


def test_key_that_a_native_template_made_a_number_is_text_again() -> None:
    arguments = {"s3_bucket": "b", "s3_key": "{{ ds_nodash }}", "data": "x", "replace": True}
    assert drive("S3CreateObjectOperator", arguments, PUT, native=True).aws.request("PutObject")["Key"] == "20240115"


def test_list_goes_through_all_pages_and_knows_one_wildcard() -> None:
    first = _page("in/a.csv", "in/b.txt", IsTruncated=True, NextContinuationToken="n")
    arguments = {"bucket": "b", "prefix": "in/*.csv", "apply_wildcard": True}
    driven = drive("S3ListOperator", arguments, first, _page("in/c.csv"))
    assert driven.xcoms == {"return_value": ["in/a.csv", "in/c.csv"]}
    assert [sent["Prefix"] for _, _, sent in driven.aws.asked] == ["in/", "in/"]
    assert driven.aws.request("ListObjectsV2")["ContinuationToken"] == "n"
    assert drive("S3ListOperator", {"bucket": "b"}, answer("s3", "ListObjectsV2")).xcoms == {"return_value": []}


def _delete(*answers: Any, **arguments: Any) -> Driven:
    return drive("S3DeleteObjectsOperator", {"bucket": "b", **arguments}, *answers, answer("s3", "DeleteObjects"))


def _deleted(driven: Driven) -> list[str]:
    return [
        one["Key"] for _, name, sent in driven.aws.asked if name == "DeleteObjects" for one in sent["Delete"]["Objects"]
    ]


def test_objects_are_chosen_by_the_time_of_their_change() -> None:
    days = {"__type__": "datetime.datetime", "__args__": [2024, 1, 12]}
    page = _page("a", "b", "c", "d")
    assert _deleted(_delete(page, from_datetime="2024-01-10", to_datetime=days)) == ["b", "c"]
    assert _deleted(_delete(page, prefix="x", to_datetime="2024-01-11T00:00:00")) == ["a", "b"]
    aware = {**days, "tzinfo": "UTC"}
    assert _deleted(_delete(page, from_datetime=aware)) == ["d"]
    assert _deleted(_delete(answer("s3", "ListObjectsV2", Contents=[{"Key": "a"}]), from_datetime=aware)) == []


def test_keys_are_deleted_by_the_thousand_and_no_key_is_no_request() -> None:
    many = [str(i) for i in range(1001)]
    driven = _delete(keys=many)
    assert (_deleted(driven), len(driven.aws.asked)) == (many, 2)
    assert _deleted(_delete(keys="one")) == ["one"]
    for none in (_delete(keys=[]), _delete(keys="")):
        assert (none.state, none.aws.asked) == ("success", [])


@pytest.mark.parametrize("arguments", [{}, {"keys": ["a"], "prefix": "b"}])
def test_objects_are_named_either_by_keys_or_by_what_they_share(arguments: Any) -> None:
    assert "Either keys or at least one of prefix" in _delete(**arguments).error


def test_text_that_is_no_date_is_told() -> None:
    assert "ParserError" in _delete(from_datetime="soon").error


def test_sensor_matches_by_regular_expression_from_the_start_and_stops_at_the_first_match() -> None:
    arguments = {"bucket_name": "b", "bucket_key": r"in/\d+\.csv", "use_regex": True}
    first = _page("x/in/1.csv", "in/12.csv", IsTruncated=True, NextContinuationToken="n")
    driven = drive("S3KeySensor", arguments, first)
    assert (driven.state, driven.aws.operations()) == ("success", ["ListObjectsV2"])
    assert "is no regular expression" in drive("S3KeySensor", {**arguments, "bucket_key": "("}, first).error
    assert drive("S3KeySensor", arguments, _page("x/in/1.csv"), _page("in/1.csv")).waits == [60.0]


def test_answer_that_lacks_a_key_fails_the_task() -> None:
    odd = answer("s3", "ListObjectsV2", Contents=[{}])
    assert drive("S3ListOperator", {"bucket": "b"}, odd).error == "KeyError: 'Key'"

"""S3 of Airflow's Amazon provider: buckets, objects, lists of keys, and the sensor for keys."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from leeward.core.dag import Json
from leeward.core.facts import Deferred, Outcome, Succeeded
from leeward.operators.amazon import OperatorError, Work, argument, at, given, inert, row, sensor
from leeward.operators.s3_requests import (
    bucket_exists,
    delete_keys,
    keys_under,
    listed,
    location,
    object_exists,
    objects_under,
    put_object,
)
from leeward.spec.catalogue import Parameter

_ROUNDS: Final = 5
_ROUND_SECONDS: Final = 500.0
"""A bucket that filled again while it was emptied is emptied up to five times, 500 s apart, as in Airflow."""

_WILD: Final = re.compile(r"[\[*?]")
_MOMENT: Final[Mapping[str, Json]] = {"type": ["string", "object", "null"]}


def _create_bucket(work: Work) -> Outcome:
    bucket = work.get("bucket_name")
    if bucket_exists(work, bucket):
        work.log(f"Bucket with name: {bucket} already exists")
        return Succeeded()
    # The request names its client's region, and this variable is where botocore finds that; Lambda sets it.
    region = work.get("region_name") or os.environ.get("AWS_DEFAULT_REGION")
    elsewhere = None if region in (None, "", "us-east-1") else {"LocationConstraint": region}
    namespace = work.get("bucket_namespace") or None
    request = given(Bucket=bucket, CreateBucketConfiguration=elsewhere, BucketNamespace=namespace)
    work.call("s3", "CreateBucket", request)
    work.log(f"Created bucket with name: {bucket}")
    return Succeeded()


def _delete_bucket(work: Work) -> Outcome:
    bucket = work.get("bucket_name")
    if not bucket_exists(work, bucket):
        work.log(f"Bucket with name: {bucket} doesn't exist")
        return Succeeded()
    return _emptied_and_deleted(work, {"rounds": 0})


def _emptied_and_deleted(work: Work, job: Mapping[str, Any]) -> Outcome:
    bucket, rounds = work.get("bucket_name"), int(job["rounds"])
    keys = keys_under(work, bucket) if work.get("force_delete") else []
    if keys:
        delete_keys(work, bucket, keys)
        if rounds + 1 < _ROUNDS and keys_under(work, bucket):
            return Deferred({"rounds": rounds + 1}, _ROUND_SECONDS)
    work.call("s3", "DeleteBucket", {"Bucket": bucket})
    work.log(f"Deleted bucket with name: {bucket}")
    return Succeeded()


def _create_object(work: Work) -> Outcome:
    bucket, key = location(work.text("s3_bucket"), str(work.get("s3_key")), "dest_bucket", "dest_key")
    encryption = "AES256" if work.get("encrypt") else None
    more = given(ServerSideEncryption=encryption, ACL=work.get("acl_policy") or None)
    put_object(work, bucket, key, _body(work), replace=bool(work.get("replace")), **more)
    return Succeeded()


def _body(work: Work) -> bytes:
    data, compression = work.get("data"), work.get("compression")
    if isinstance(data, bytes):
        return data
    if not isinstance(data, str):
        raise OperatorError(f"data is text or bytes, not {type(data).__name__}", retryable=False)
    if compression not in (None, "gzip"):
        told = f"Received {compression} compression type. String can currently be compressed in ['gzip'] only."
        raise OperatorError(told, retryable=False)
    try:
        encoded = data.encode(work.get("encoding") or "utf-8")
    except (LookupError, UnicodeEncodeError) as error:
        raise OperatorError(f"{type(error).__name__}: {error}", retryable=False) from error
    if compression is None:
        return encoded
    import gzip

    return gzip.compress(encoded, mtime=0)


def _list(work: Work) -> Outcome:
    prefix = str(work.get("prefix", ""))
    wild = bool(work.get("apply_wildcard")) and "*" in prefix
    under = prefix.split("*", 1)[0] if wild else prefix
    keys = keys_under(work, work.get("bucket"), under, work.get("delimiter", ""))
    return Succeeded({"return_value": [key for key in keys if not wild or fnmatchcase(key, prefix)]})


def _delete_objects(work: Work) -> Outcome:
    bucket, by_list = work.get("bucket"), work.get("keys") is None
    if by_list == all(work.get(name) is None for name in ("prefix", "from_datetime", "to_datetime")):
        told = "Either keys or at least one of prefix, from_datetime, to_datetime should be set."
        raise OperatorError(told, retryable=False)
    if by_list:
        after, until = _moment(work.get("from_datetime")), _moment(work.get("to_datetime"))
        found = objects_under(work, bucket, work.get("prefix", ""))
        chosen = [at(one, "Key") for one in found if _inside(_moment(one.get("LastModified")), after, until)]
    else:
        chosen = [] if work.get("keys") == "" else work.several("keys")
    delete_keys(work, bucket, chosen)
    return Succeeded()


def _moment(value: Any) -> datetime | None:
    """A date as UTC, which is what Airflow takes one for that is written as text."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    from dateutil.parser import ParserError, parse

    try:
        return parse(str(value)).replace(tzinfo=UTC)
    except (ParserError, OverflowError) as error:
        raise OperatorError(f"{type(error).__name__}: {error}", retryable=False) from error


def _inside(changed: datetime | None, after: datetime | None, until: datetime | None) -> bool:
    if changed is None:
        return False
    return (after is None or changed > after) and (until is None or changed <= until)


def _keys_exist(work: Work) -> Mapping[str, Json] | None:
    return {} if all(_key_exists(work, str(key)) for key in work.several("bucket_key")) else None


def _key_exists(work: Work, written: str) -> bool:
    bucket, key = location(work.text("bucket_name"), written, "bucket_name", "bucket_key")
    work.log(f"Poking for key : s3://{bucket}/{key}")
    if work.get("wildcard_match"):
        return any(fnmatchcase(found, key) for found in _under(work, bucket, _WILD.split(key, maxsplit=1)[0]))
    if work.get("use_regex"):
        return any(map(_pattern(key).match, _under(work, bucket, "")))
    return object_exists(work, bucket, key)


def _under(work: Work, bucket: str, prefix: str) -> Iterable[str]:
    return (at(found, "Key") for found in listed(work, {"Bucket": bucket, "Prefix": prefix}))


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise OperatorError(f"{text!r} is no regular expression: {error}", retryable=False) from error


_BUCKET: Final = argument("string", "The bucket.", required=True, templated=True)

ROWS: Final = (
    row(
        ("operators.s3.S3CreateBucketOperator", "operators.s3_bucket.S3CreateBucketOperator"),
        {
            "bucket_name": _BUCKET,
            "bucket_namespace": argument(
                "string", "The namespace, `account-regional` or the global one.", templated=True
            ),
        },
        _create_bucket,
        note="Creates a bucket; one that is there is left as it is.",
    ),
    row(
        ("operators.s3.S3DeleteBucketOperator", "operators.s3_bucket.S3DeleteBucketOperator"),
        {"bucket_name": _BUCKET, "force_delete": argument("boolean", "Whether its objects are deleted first.")},
        _delete_bucket,
        _emptied_and_deleted,
        note="Deletes a bucket; one that is not there is no mistake.",
    ),
    row(
        ("operators.s3.S3CreateObjectOperator",),
        {
            "s3_bucket": argument("string", "The bucket, unless `s3_key` is a URL.", templated=True),
            "s3_key": argument("string", "The key, or an s3:// URL.", required=True, templated=True),
            "data": argument("string", "What the object holds.", required=True, templated=True),
            "replace": argument("boolean", "Whether an object of that key is replaced; by default it fails the task."),
            "encrypt": argument("boolean", "Whether S3 encrypts it with its own key."),
            "acl_policy": argument("string", "A canned ACL."),
            "encoding": argument("string", "The encoding of the text, utf-8 by default."),
            "compression": Parameter({"enum": ["gzip", None]}, note="`gzip`, or none."),
        },
        _create_object,
        note="Stores a text as an object, in one request.",
    ),
    row(
        (
            "operators.s3.S3ListOperator",
            "operators.s3_list.S3ListOperator",
            "airflow.contrib.operators.s3_list_operator.S3ListOperator",
        ),
        {
            "bucket": _BUCKET,
            "prefix": argument("string", "What the keys begin with.", templated=True),
            "delimiter": argument("string", "Keys that hold it after the prefix are left out.", templated=True),
            "apply_wildcard": argument("boolean", "Whether `*` in the prefix stands for any text."),
        },
        _list,
        note="Lists keys. The XCom is the list.",
    ),
    row(
        (
            "operators.s3.S3DeleteObjectsOperator",
            "operators.s3_delete_objects.S3DeleteObjectsOperator",
            "airflow.contrib.operators.s3_delete_objects_operator.S3DeleteObjectsOperator",
        ),
        {
            "bucket": _BUCKET,
            "keys": Parameter({"type": ["string", "array", "null"]}, templated=True, note="The key or keys."),
            "prefix": argument("string", "Or what the keys begin with.", templated=True),
            "from_datetime": Parameter(_MOMENT, templated=True, note="Only objects changed after this moment."),
            "to_datetime": Parameter(_MOMENT, templated=True, note="Only objects changed up to this moment."),
        },
        _delete_objects,
        note="Deletes objects, by their keys or by prefix and time of change.",
    ),
    sensor(
        ("sensors.s3.S3KeySensor", "sensors.s3_key.S3KeySensor", "airflow.sensors.s3_key_sensor.S3KeySensor"),
        {
            "bucket_key": Parameter(
                {"type": ["string", "array"]},
                required=True,
                templated=True,
                note="The key or keys, or their s3:// URLs.",
            ),
            "bucket_name": argument("string", "The bucket, unless the keys are URLs.", templated=True),
            "wildcard_match": argument("boolean", "Whether `*`, `?` and `[]` in a key stand for any text."),
            "use_regex": argument("boolean", "Whether a key is a regular expression, matched from a key's start."),
            "metadata_keys": inert("array", "it says what `check_fn` is given, which is not supported"),
        },
        _keys_exist,
        note="Waits until all the keys are there.",
    ),
)

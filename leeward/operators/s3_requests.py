"""What the operators of S3, and others that keep files there, ask of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from leeward.operators.amazon import CallError, OperatorError, Work, at

_BATCH: Final = 1000
"""S3 deletes at most 1,000 objects a request."""


def location(bucket: str | None, key: str, bucket_name: str, key_name: str) -> tuple[str, str]:
    """Bucket and key: the key is an s3:// or https:// URL where there is no bucket beside it, and else none.

    The last two arguments are what the message calls the first two. Raises OperatorError.
    """
    try:
        parts = urlsplit(key, allow_fragments=False)
    except ValueError as error:
        raise OperatorError(f"{key!r} is no S3 key: {error}", retryable=False) from error
    if bucket is None:
        return _parsed(key, parts)
    if parts.scheme or parts.netloc:
        told = f"If `{bucket_name}` is provided, {key_name} should be a relative path, rather than a full s3:// url"
        raise OperatorError(told, retryable=False)
    return bucket, key


def _parsed(url: str, parts: SplitResult) -> tuple[str, str]:
    scheme, _, rest = url.partition("//")
    host, _, path = rest.partition("/")
    if re.fullmatch("s3[na]?:", scheme, re.IGNORECASE) and host:
        return parts.netloc, parts.path.lstrip("/")
    if scheme == "https:" and host.startswith("s3."):
        bucket, _, key = path.partition("/")
        return bucket, key
    if scheme == "https:" and host.split(".")[1:2] == ["s3"]:
        return host.split(".")[0], path
    form = "S3://bucket-name/key-name or https://bucket-name.s3.region-code.amazonaws.com/key-name"
    told = f"Please provide a bucket name using a valid format of the form: {form} but provided: {url!r}"
    raise OperatorError(told, retryable=False)


def object_exists(work: Work, bucket: str, key: str) -> bool:
    """Whether the object is there. What is not a plain no is an error: 403 says that it can't be known."""
    try:
        work.call("s3", "HeadObject", {"Bucket": bucket, "Key": key})
    except CallError as error:
        if error.status == 404:
            return False
        raise
    return True


def listed(work: Work, request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The objects of a list, page by page, no page before it is needed."""
    while True:
        page = work.call("s3", "ListObjectsV2", request)
        yield from page.get("Contents") or ()
        if not page.get("IsTruncated"):
            return
        request = {**request, "ContinuationToken": page.get("NextContinuationToken")}


def put_object(work: Work, bucket: str, key: str, body: bytes, *, replace: bool, **more: str) -> None:
    """Store an object in one request. Raises OperatorError for one that is there and is not to be replaced."""
    if not replace and object_exists(work, bucket, key):
        raise OperatorError(f"The key {key} already exists.")
    request = {"Bucket": bucket, "Key": key, "Body": body, "ChecksumAlgorithm": "CRC32", **more}
    work.call("s3", "PutObject", request)


def bucket_exists(work: Work, bucket: str) -> bool:
    """HeadBucket answers nothing but a status. Airflow reads every refusal as no, 403 too."""
    try:
        work.call("s3", "HeadBucket", {"Bucket": bucket})
    except CallError as error:
        if not error.code.isdigit():
            raise
        work.log(f'Bucket "{bucket}": {error}')
        return False
    return True


def keys_under(work: Work, bucket: str, prefix: str = "", delimiter: str = "") -> list[str]:
    """The keys that begin with a prefix and do not hold the delimiter after it."""
    return [at(found, "Key") for found in objects_under(work, bucket, prefix, delimiter)]


def objects_under(work: Work, bucket: str, prefix: str, delimiter: str = "") -> Iterator[Mapping[str, Any]]:
    """The same objects, each as S3 lists it (Key, LastModified, Size, ...)."""
    return listed(work, {"Bucket": bucket, "Prefix": prefix, "Delimiter": delimiter, "StartAfter": ""})


def delete_keys(work: Work, bucket: str, keys: Sequence[str]) -> None:
    """Delete objects, by the thousand. Raises OperatorError when S3 could not delete some of them."""
    for start in range(0, len(keys), _BATCH):
        objects = [{"Key": key} for key in keys[start : start + _BATCH]]
        answer = work.call("s3", "DeleteObjects", {"Bucket": bucket, "Delete": {"Objects": objects}})
        work.log(f"Deleted: {[at(one, 'Key') for one in answer.get('Deleted', ())]}")
        if answer.get("Errors"):
            raise OperatorError(f"Errors when deleting: {[at(one, 'Key') for one in answer['Errors']]}")

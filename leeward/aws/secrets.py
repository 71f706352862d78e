"""Variables and connections in Secrets Manager, by the names of Airflow's secrets backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leeward.contract import CONNECTIONS_PREFIX, VARIABLES_PREFIX
from leeward.core.dag import Json
from leeward.operators.base import AwsError
from leeward.operators.connections import connection_of


@dataclass(frozen=True, slots=True)
class SecretsManager:
    """Implements `leeward.operators.base.Secrets`. `aws` makes the calls, with the rights of the tasks."""

    aws: Any

    def variable(self, key: str) -> str | None:
        """See `leeward.operators.base.Secrets.variable`."""
        return self._read(VARIABLES_PREFIX + key)

    def connection(self, conn_id: str) -> Mapping[str, Json] | None:
        """See `leeward.operators.base.Secrets.connection`."""
        text = self._read(CONNECTIONS_PREFIX + conn_id)
        return None if text is None else connection_of(text)

    def _read(self, name: str) -> str | None:
        try:
            found = self.aws.call("secretsmanager", "GetSecretValue", {"SecretId": name})
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise LookupError(f"the secret {name} can't be read: {error}") from error
        return str(found["SecretString"])

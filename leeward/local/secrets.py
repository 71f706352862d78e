"""Variables and connections from the environment, by Airflow's names: AIRFLOW_VAR_KEY and AIRFLOW_CONN_ID."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leeward.core.dag import Json
from leeward.operators.connections import connection_of


@dataclass(frozen=True, slots=True)
class EnvironmentSecrets:
    """Reads a mapping such as `os.environ`; keys are upper case there."""

    environment: Mapping[str, str]

    def variable(self, key: str) -> str | None:
        """See `leeward.operators.base.Secrets.variable`."""
        return self.environment.get(f"AIRFLOW_VAR_{key.upper()}")

    def connection(self, conn_id: str) -> Mapping[str, Json] | None:
        """See `leeward.operators.base.Secrets.connection`. The value is JSON or a URI, as Airflow allows."""
        text = self.environment.get(f"AIRFLOW_CONN_{conn_id.upper()}")
        return None if text is None else connection_of(text)

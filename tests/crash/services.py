"""SQS, Lambda, Glue and CloudWatch over the values of an account: the operations that functions of ours call."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tests.crash.state import State
from tests.ports.wire import Answer, Request, Service, as_json, dynamodb, object_name, s3

POLLS: Final = 2
"""How many looks at a job of Glue's there are: the last one sees that it is done."""


@dataclass(frozen=True)
class Services:
    """What answers. `state` gives the account as it is, `invoke` runs a function and gives its answer, None if it failed."""

    state: Callable[[], State]
    invoke: Callable[[str, str], Mapping[str, Any] | None]

    def by_name(self) -> Mapping[str, Service]:
        """Each service by its name in botocore's events."""
        return {
            "dynamodb": self.dynamodb,
            "s3": self.s3,
            "sqs": self.sqs,
            "lambda": self.functions,
            "glue": self.glue,
            "cloudwatch": self.cloudwatch,
        }

    def dynamodb(self, operation: str, request: Request) -> Answer:
        """The state table."""
        return dynamodb(self.state().table)(operation, request)

    def cloudwatch(self, operation: str, request: Request) -> Answer:
        """Metrics that have seen nothing."""
        return as_json({"Datapoints": []})

    def s3(self, operation: str, request: Request) -> Answer:
        """Objects; `Claim` is the put of an object that must not be there, at a signed address."""
        objects = self.state().objects
        if operation != "Claim":
            return s3(objects)(operation, request)
        if object_name(request.url) in objects:
            return Answer(412)
        objects[object_name(request.url)] = b""
        return Answer()

    def sqs(self, operation: str, request: Request) -> Answer:
        """Queues. A message that is gone can't be made visible."""
        asked = json.loads(request.body)
        queue = asked["QueueUrl"].rpartition("/")[2]
        if operation == "SendMessage":
            return as_json({"MessageId": str(self.state().send(queue, asked["MessageBody"]))})
        if operation == "ChangeMessageVisibility":
            return self._visible(int(asked["ReceiptHandle"]), asked["VisibilityTimeout"])
        if operation != "SendMessageBatch":
            raise NotImplementedError(operation)
        sent = [
            {"Id": entry["Id"], "MessageId": str(self.state().send(queue, entry["MessageBody"], entry["DelaySeconds"]))}
            for entry in asked["Entries"]
        ]
        return as_json({"Successful": sent, "Failed": []})

    def _visible(self, number: int, seconds: float) -> Answer:
        state = self.state()
        found = [message for message in state.messages if message.number == number]
        if not found:
            return as_json({"__type": "MessageNotInflight", "message": "it is gone"}, 400)
        state.put_back(replace(found[0], due=state.now + seconds))
        return as_json({})

    def functions(self, operation: str, request: Request) -> Answer:
        """Invocations: an asynchronous one is accepted, any other one answered."""
        function = request.url.split("/functions/")[1].partition("/")[0]
        payload = bytes(request.body).decode()
        if operation == "InvokeEvent":
            self.state().invoke(function, payload)
            return Answer(202)
        answer = self.invoke(function, payload)
        if answer is None:
            return Answer(200, b'{"errorMessage": "Runtime exited"}', {"X-Amz-Function-Error": "Unhandled"})
        return as_json(answer)

    def glue(self, operation: str, request: Request) -> Answer:
        """One job, whose runs are over at the last look. A run tells in its arguments which try it is the body of."""
        asked, state = json.loads(request.body), self.state()
        if operation == "GetJob":
            return as_json({"Job": {"Name": asked["JobName"]}})
        if operation == "StartJobRun":
            task_id, _, try_number = asked["Arguments"]["--try"].partition(" ")
            key = (task_id, int(try_number))
            state.started[key] = state.started.get(key, 0) + 1
            return as_json({"JobRunId": f"jr_{task_id}_{try_number}"})
        run_id = asked["RunId"]
        state.polled[run_id] = state.polled.get(run_id, 0) + 1
        status = "SUCCEEDED" if state.polled[run_id] >= POLLS else "RUNNING"
        return as_json({"JobRun": {"JobRunState": status}})

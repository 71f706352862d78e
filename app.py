#!/usr/bin/env python3
"""CDK entry: names the stack, nothing else."""

from __future__ import annotations

import aws_cdk as cdk

from infra.settings import settings_of
from infra.stack import LeewardStack

app = cdk.App()
settings = settings_of(app.node.try_get_context)
LeewardStack(app, settings.stack, settings=settings)
app.synth()

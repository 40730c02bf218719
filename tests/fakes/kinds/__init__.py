"""Kinds as they come next, on the fake services beside them: each is one file, and a line in this table."""

from __future__ import annotations

KINDS = {
    "FakeAgent": "fakes.kinds.fake_agent",
    "FakeCredential": "fakes.kinds.fake_credential",
    "FakeEnvironment": "fakes.kinds.fake_environment",
    "FakeRun": "fakes.kinds.fake_run",
    "FakeTrigger": "fakes.kinds.fake_trigger",
    "FakeWebhook": "fakes.kinds.fake_webhook",
}

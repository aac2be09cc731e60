"""Upstreams that fail, each in its own way; calls are counted."""

import json
import socket
import tempfile
import time
from pathlib import Path

import openai

from .asking import ask
from .gateway import Gateway
from .mocks import PROVIDER_KEY
from .waiting import WAIT, eventually, test


def fail_with(world, fault, stream=False, model="model-a"):
    """What a client gets from one model that fails so, and how often that was called."""
    with world.configured() as gateway:
        world.openai.faults = {"model-a": fault, "model-b": fault}
        began = time.monotonic()
        status, headers, answer = gateway.raw("POST", "/v1/chat/completions", json.dumps({**ask("x", stream=stream), "model": model}))
        assert time.monotonic() - began < WAIT
        assert gateway.raw("GET", "/healthz")[0] == 200
        record = gateway.decision(headers) if "x-pointsman-decision" in headers else None
        if record is None and status >= 400:
            record = gateway.json("GET", "/v1/decisions/" + json.loads(answer)["error"]["decision_id"])[1]
        calls = len(world.openai.bodies())
        assert record["outcome"]["status"] != "ok" and record["outcome"]["attempts"] == calls, (record["outcome"], calls)
        assert PROVIDER_KEY.encode() not in answer and PROVIDER_KEY not in gateway.said()
        return status, answer, calls


def falls_back(world, fault, stream=False):
    """When only the first choice fails so, another answers."""
    with world.configured() as gateway:
        first = gateway.json("POST", "/v1/route", ask("x"))[1]["target"]
        world.openai.faults = {first: fault}
        status, headers, answer = gateway.raw("POST", "/v1/chat/completions", json.dumps(ask("x", stream=stream)))
        assert status == 200, answer
        assert headers["x-pointsman-target"] != first and int(headers["x-pointsman-attempts"]) >= 2
        record = gateway.decision(headers)
        assert record["attempts"][0]["error"] and record["outcome"]["status"] == "ok", record


@test
def a_500_is_an_error_with_a_code_and_another_target_answers_in_auto(world):
    status, answer, calls = fail_with(world, 500)
    error = json.loads(answer)["error"]
    assert status >= 500 and error["code"] and error["decision_id"] and 1 <= calls <= 2, (status, answer, calls)
    falls_back(world, 500)
    falls_back(world, 500, stream=True)


@test
def a_429_is_waited_out_as_told_and_another_target_answers_in_auto(world):
    status, answer, calls = fail_with(world, 429)
    assert status == 429 and 1 <= calls <= 2, (status, answer, calls)
    falls_back(world, 429)


@test
def a_reset_connection_is_an_error_and_another_target_answers_in_auto(world):
    status, answer, _ = fail_with(world, "reset")
    assert status >= 500 and json.loads(answer)["error"]["code"], answer
    falls_back(world, "reset")


@test
def a_refused_connection_is_an_error(world):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    env = {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1", "OPENAI_API_KEY": PROVIDER_KEY}
    text = f"providers: {{openai: {{base_url: 'http://127.0.0.1:{port}/v1', models: [gone]}}}}\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(text)
        with Gateway(world.binary, env=env, args=["--config", str(path)]) as gateway:
            status, error = gateway.json("POST", "/v1/chat/completions", ask("x"))
            assert status >= 500 and error["error"]["code"], error


@test
def a_hanging_upstream_ends_at_the_deadline(world):
    status, answer, _ = fail_with(world, "hang")
    assert status in (502, 503, 504), (status, answer)
    falls_back(world, "hang")


@test
def html_and_broken_json_with_status_200_are_errors(world):
    for fault in ("html", "broken_json"):
        status, answer, _ = fail_with(world, fault)
        assert status >= 500 and json.loads(answer)["error"]["code"], (fault, answer)
        falls_back(world, fault)


@test
def client_errors_are_never_asked_again(world):
    for fault in (400, 401, 403):
        status, answer, calls = fail_with(world, fault)
        assert calls == 1, (fault, calls)
        assert status >= 400 and json.loads(answer)["error"]["message"], (fault, answer)


@test
def a_stream_that_breaks_ends_in_an_error_event(world):
    for fault in ("cut", "no_finish"):
        status, answer, calls = fail_with(world, fault, stream=True)
        assert status == 200 and calls == 1, (fault, status, calls)
        assert b"[DONE]" not in answer, (fault, answer)
        last = [line for line in answer.split(b"\n") if line.startswith(b"data: ")][-1]
        assert json.loads(last[6:])["error"]["code"], (fault, answer)


@test
def the_python_client_raises_on_a_broken_stream(world):
    with world.configured() as gateway:
        world.openai.faults = {"model-a": "cut", "model-b": "cut"}
        try:
            list(gateway.client().chat.completions.create(**ask("x"), stream=True))
        except openai.APIError:
            return
        raise AssertionError("a cut stream ended like a whole one")


@test
def a_client_that_leaves_ends_the_call_upstream(world):
    with world.configured() as gateway:
        world.openai.faults = {"model-a": "slow", "model-b": "slow"}
        stream = gateway.client().chat.completions.with_streaming_response.create(**ask("x"), stream=True)
        with stream as answer:
            decision = answer.headers["x-pointsman-decision"]
            next(answer.iter_lines())
        eventually("the upstream sees the client leave", world.openai.left.is_set)
        status = lambda: (gateway.json("GET", f"/v1/decisions/{decision}")[1]["outcome"] or {}).get("status")
        assert eventually("the decision is settled", status) == "aborted"

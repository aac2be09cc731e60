#!/usr/bin/env python3
"""End to end: the release binary on loopback, the official `openai` client before it, mock providers behind it.

    python .ci/e2e.py PATH_TO_BINARY        (needs: pip install openai)

Every wait is bounded. The last line is 'N passed, N failed'; the exit code is 1 where a test failed.
"""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openai
from pydantic import BaseModel

WAIT = 10.0  # seconds any single wait may take
TESTS = []
PROVIDER_KEY = "sk-provider-secret-0123456789"


def test(function):
    TESTS.append(function)
    return function


def eventually(what, holds, within=WAIT):
    """Waits until `holds()` is true and gives its value back."""
    deadline = time.monotonic() + within
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what}")
        time.sleep(0.02)


# ---- mock providers ---------------------------------------------------------------------------------------------


class Upstream(ThreadingHTTPServer):
    """A provider on loopback that keeps what it was sent and fails when told to."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.calls = []  # (path, headers, body) of POSTs
        self.faults = {}  # model -> fault
        self.left = threading.Event()  # a client hung up in the middle of a stream
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def reset(self):
        with self.lock:
            self.calls, self.faults = [], {}
            self.left.clear()

    def bodies(self):
        with self.lock:
            return [body for _, _, body in self.calls]

    def handle_error(self, request, client_address):
        pass  # a client that hung up is part of the tests


class Provider(BaseHTTPRequestHandler):
    """What both mock providers share."""

    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass

    def read_body(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with self.server.lock:
            self.server.calls.append((self.path, dict(self.headers.items()), body))
        return body

    def whole(self, status, body, kind="application/json", headers=()):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def piece(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def end_stream(self):
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def reset_connection(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def fail(self, fault, error):
        """Carries out a fault that comes before any answer; says whether it did."""
        if fault is None or fault in ("cut", "no_finish", "slow"):
            return False
        if isinstance(fault, int):
            headers = [("retry-after", "1")] if fault == 429 else []
            self.whole(fault, error, headers=headers)
        elif fault == "hang":
            time.sleep(4)
            self.reset_connection()
        elif fault == "reset":
            self.reset_connection()
        elif fault == "html":
            self.whole(200, b"<html><body>maintenance</body></html>", kind="text/html")
        elif fault == "broken_json":
            self.whole(200, b'{"id": "x", "choices": [{"index": 0, "mess')
        return True


# Spacing and number spellings that a parse and a print would lose.
ODD = '{ "id":"chatcmpl-1",  "object":"chat.completion" ,"created":1.7e9, "model":%s,\n\t"system_fingerprint":null,' \
      ' "choices":[ {"index":0, "message":{"role":"assistant","content":"caf\\u00e9 \\/ %s","odd": [1.0, 1e2, 0.10]},' \
      '"logprobs":null,  "finish_reason":"stop"}] , "usage":{"prompt_tokens":9,"completion_tokens":2,' \
      '"total_tokens":11 , "x_new_field": {"a": 1.50}} }\n'


class OpenAiMock(Provider):
    MODELS = ["gpt-4o-2024-08-06", "gpt-4o-mini", "gpt-4.5-preview", "text-embedding-3-small"]

    def do_GET(self):
        if self.path == "/v1/models":
            data = [{"id": m, "object": "model", "created": 1, "owned_by": "mock"} for m in self.MODELS]
            self.whole(200, {"object": "list", "data": data})
        else:
            self.whole(404, {"error": {"message": "no such path", "type": "invalid_request_error"}})

    def do_POST(self):
        body = json.loads(self.read_body())
        model = body["model"]
        fault = self.server.faults.get(model)
        error = {"error": {"message": f"mock says no, key {PROVIDER_KEY}", "type": "server_error", "code": "mock_code"}}
        if self.fail(fault, error):
            return
        if self.path == "/v1/embeddings":
            inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
            data = [{"object": "embedding", "index": i, "embedding": [0.5, -0.25, len(t)]} for i, t in enumerate(inputs)]
            usage = {"prompt_tokens": 4, "total_tokens": 4}
            self.whole(200, {"object": "list", "data": data, "model": model, "usage": usage})
            return
        last = body["messages"][-1]["content"]
        if body.get("stream"):
            self.stream(body, model, last, fault)
        elif body.get("tools") and body["messages"][-1]["role"] == "user":
            call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
            self.message(model, {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls")
        elif body.get("response_format", {}).get("type") == "json_schema":
            self.message(model, {"role": "assistant", "content": '{"city": "Oslo", "degrees": 7}'}, "stop")
        elif "odd" in str(last):
            self.whole(200, (ODD % (json.dumps(model), "ok")).encode())
        else:
            self.message(model, {"role": "assistant", "content": f"echo: {last}"}, "stop")

    def message(self, model, message, finish):
        self.whole(200, {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30},
        })

    def stream(self, body, model, last, fault):
        self.begin_stream()
        for piece in stream_pieces(model, last, bool(body.get("tools")), usage=asks_for_usage(body)):
            if fault == "cut" and b"three" in piece:
                self.reset_connection()
                return
            if fault == "no_finish" and b"finish_reason\": \"" in piece:
                self.end_stream()
                return
            if fault == "slow":
                time.sleep(0.25)
                try:
                    self.piece(piece)
                except OSError:
                    self.server.left.set()
                    raise
            else:
                self.piece(piece)
        self.end_stream()


def asks_for_usage(body):
    return bool((body.get("stream_options") or {}).get("include_usage"))


def stream_pieces(model, last, tools, usage):
    """Events of a stream: odd spacing, a comment, a field nobody knows, an event split over two writes."""
    head = '"id":"chatcmpl-2","object":"chat.completion.chunk",  "created":1700000000,"model":%s' % json.dumps(model)

    def event(delta, finish="null"):
        text = 'data: {%s, "x_new": 1.0e0, "choices":[{"index":0,"delta":%s, "finish_reason": %s}]}\n\n'
        return (text % (head, delta, finish)).encode()

    if tools:
        call = '{"index":0,"id":"call_1","type":"function","function":{"name":"weather","arguments":""}}'
        yield event('{"role":"assistant","tool_calls":[%s]}' % call)
        for part in ('{\\"city\\":', ' \\"Oslo\\"}'):
            yield event('{"tool_calls":[{"index":0,"function":{"arguments":"%s"}}]}' % part)
        yield event("{}", '"tool_calls"')
    else:
        yield event('{"role":"assistant","content":""}')
        yield b": keep-alive\n\n"
        for word in ("one", " two \\u00e9", " three", " four"):
            whole = event('{"content":"%s"}' % word)
            yield whole[:30]
            yield whole[30:]
        yield event("{}", '"stop"')
    if usage:
        counts = '"usage":{"prompt_tokens":21,"completion_tokens":11,"total_tokens":32}'
        yield ('data: {%s,"choices":[],%s}\n\n' % (head, counts)).encode()
    yield b"data: [DONE]\n\n"


class AnthropicMock(Provider):
    MODELS = ["claude-3-5-haiku-20241022", "claude-sonnet-4-20250514"]

    def do_GET(self):
        if self.path.startswith("/v1/models"):
            data = [{"type": "model", "id": m, "display_name": m, "created_at": "2025-01-01T00:00:00Z"} for m in self.MODELS]
            self.whole(200, {"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]})
        else:
            self.whole(404, {"type": "error", "error": {"type": "not_found_error", "message": "no such path"}})

    def do_POST(self):
        body = json.loads(self.read_body())
        error = {"type": "error", "error": {"type": "api_error", "message": "mock says no"}}
        if self.fail(self.server.faults.get(body["model"]), error):
            return
        if "max_tokens" not in body or self.headers.get("x-api-key") != PROVIDER_KEY:
            message = "max_tokens and x-api-key are required"
            self.whole(400, {"type": "error", "error": {"type": "invalid_request_error", "message": message}})
            return
        tool = bool(body.get("tools")) and isinstance(body["messages"][-1]["content"], (str, list)) \
            and "tool_result" not in json.dumps(body["messages"][-1])
        text = {"type": "text", "text": "hello from claude"}
        use = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}}
        stop = "tool_use" if tool else "end_turn"
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"],
                   "stop_reason": stop, "stop_sequence": None, "content": [use if tool else text],
                   "usage": {"input_tokens": 12, "output_tokens": 6}}
        if not body.get("stream"):
            self.whole(200, message)
            return
        self.begin_stream()
        start = dict(message, content=[], stop_reason=None, usage={"input_tokens": 12, "output_tokens": 1})
        if tool:
            block = dict(use, input={})
            deltas = [{"type": "input_json_delta", "partial_json": p} for p in ('{"city":', ' "Oslo"}')]
        else:
            block, deltas = {"type": "text", "text": ""}, [{"type": "text_delta", "text": t} for t in ("hello ", "from claude")]
        events = [("message_start", {"message": start}), ("content_block_start", {"index": 0, "content_block": block})]
        events += [("content_block_delta", {"index": 0, "delta": d}) for d in deltas]
        events += [("content_block_stop", {"index": 0}),
                   ("message_delta", {"delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 6}}),
                   ("message_stop", {})]
        for name, data in events:
            self.piece(f"event: {name}\ndata: {json.dumps(dict(data, type=name))}\n\n".encode())
        self.end_stream()


# ---- the gateway ------------------------------------------------------------------------------------------------


class Gateway:
    """One process of the binary, with its own state folder."""

    def __init__(self, binary, env=None, args=(), home=None):
        self.folder = None
        if home is None:
            self.folder = tempfile.TemporaryDirectory(prefix="pointsman-e2e-")
            home = self.folder.name
        self.home = Path(home)
        self.env = clean_env(self.home, env or {})
        self.stderr = tempfile.TemporaryFile()
        command = [binary, "serve", "--listen", "127.0.0.1:0", *args]
        self.process = subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=self.stderr, stdin=subprocess.DEVNULL)
        self.stdout = []
        threading.Thread(target=self._drain, daemon=True).start()
        try:
            self.base = eventually("the gateway says where it listens", self._base)
        except AssertionError:
            self.kill()
            raise AssertionError(f"no base URL; it said:\n{self.said()}") from None
        self.port = int(self.base.rsplit(":", 1)[1])

    def _drain(self):
        for line in self.process.stdout:
            self.stdout.append(line.decode(errors="replace"))

    def _base(self):
        if self.process.poll() is not None:
            raise AssertionError("ended at once")
        found = re.search(r"listens on (http://[0-9.]+:[0-9]+)", "".join(self.stdout))
        return found and found.group(1)

    def said(self):
        self.stderr.seek(0)
        return "".join(self.stdout) + self.stderr.read().decode(errors="replace")

    def client(self, key="unused"):
        return openai.OpenAI(base_url=self.base + "/v1", api_key=key, max_retries=0, timeout=WAIT)

    def raw(self, method, path, body=None, headers=None):
        """(status, headers, body) of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        try:
            connection.request(method, path, body=body, headers={"content-type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def json(self, method, path, body=None, headers=None):
        status, _, answer = self.raw(method, path, body and json.dumps(body), headers)
        return status, json.loads(answer)

    def decision(self, headers):
        status, record = self.json("GET", "/v1/decisions/" + headers["x-pointsman-decision"])
        assert status == 200, record
        return record

    def models(self, at_least):
        """Waits until discovery has brought so many names beside `auto`."""
        def names():
            found = [m["id"] for m in self.json("GET", "/v1/models")[1]["data"]]
            return len(found) > at_least and found
        return eventually(f"{at_least} models are listed", names)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(WAIT)
        finally:
            self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(WAIT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        if self.folder:
            self.folder.cleanup()


def clean_env(home, extra):
    keep = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT")}
    return {**keep, "POINTSMAN_HOME": str(home), "NO_PROXY": "127.0.0.1,localhost", **extra}


class World:
    """The mock providers, and gateways over them."""

    def __init__(self, binary):
        self.binary = binary
        self.openai = Upstream(OpenAiMock)
        self.anthropic = Upstream(AnthropicMock)
        self.openai_env = {"OPENAI_BASE_URL": f"http://127.0.0.1:{self.openai.port}/v1", "OPENAI_API_KEY": PROVIDER_KEY}
        self.anthropic_env = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{self.anthropic.port}", "ANTHROPIC_API_KEY": PROVIDER_KEY}

    @contextlib.contextmanager
    def zero_config(self, env=None, **more):
        self.openai.reset()
        self.anthropic.reset()
        with Gateway(self.binary, env=self.openai_env if env is None else env, **more) as gateway:
            yield gateway

    @contextlib.contextmanager
    def configured(self, extra="", models=("model-a", "model-b")):
        """A gateway over a file: two models of the OpenAI mock, short timeouts, breakers that stay shut."""
        self.openai.reset()
        text = self.config_text(extra, models)
        with tempfile.TemporaryDirectory(prefix="pointsman-e2e-") as folder:
            path = Path(folder) / "config.yaml"
            path.write_text(text)
            with Gateway(self.binary, env={"MOCK_KEY": PROVIDER_KEY}, args=["--config", str(path)]) as gateway:
                gateway.config = path
                yield gateway

    def config_text(self, extra="", models=("model-a", "model-b")):
        targets = "".join(
            f"  - {{id: {m}, provider: mock, price: {{input: {n}, output: {n * 4}}}}}\n" for n, m in enumerate(models, 1)
        )
        return (
            f"providers:\n  mock:\n    kind: openai\n    base_url: http://127.0.0.1:{self.openai.port}/v1\n"
            f"    api_key: env:MOCK_KEY\n    discover: false\n"
            f"targets:\n{targets}"
            f"timeouts: {{connect: 1s, head: 1s, idle: 1s}}\nbreaker: {{failures: 1000}}\n{extra}"
        )

    def run(self, *args, env=None, stdin=None, within=60):
        with tempfile.TemporaryDirectory(prefix="pointsman-e2e-") as home:
            return subprocess.run([self.binary, *args], env=clean_env(home, env or {}), input=stdin, timeout=within,
                                  capture_output=True, text=True)


def ask(text, **more):
    return {"model": "auto", "messages": [{"role": "user", "content": text}], **more}


WEATHER = {"type": "function", "function": {"name": "weather", "description": "Weather of a city", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}


class Weather(BaseModel):
    city: str
    degrees: int


# ---- zero configuration, OpenAI-like ----------------------------------------------------------------------------


@test
def chat_through_auto_without_a_configuration(world):
    with world.zero_config() as gateway:
        answer = gateway.client().chat.completions.with_raw_response.create(**ask("hello there"))
        parsed = answer.parse()
        assert parsed.choices[0].message.content == "echo: hello there"
        sent = json.loads(world.openai.bodies()[-1])["model"]
        assert sent in ("gpt-4o-2024-08-06", "gpt-4o-mini"), sent
        assert parsed.model == sent == answer.headers["x-pointsman-target"]
        for name in ("x-request-id", "x-pointsman-decision", "x-pointsman-overhead-us", "x-pointsman-attempts",
                     "x-pointsman-cost-usd", "x-pointsman-saved-usd"):
            assert name in answer.headers, name
        record = gateway.decision(answer.headers)
        assert record["outcome"]["status"] == "ok" and record["outcome"]["usage"]["output"] == 10, record
        assert record["decision"]["estimates"]["list"], record


@test
def a_streamed_answer_through_auto(world):
    with world.zero_config() as gateway:
        stream = gateway.client().chat.completions.create(**ask("stream please"), stream=True)
        chunks = list(stream)
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert text == "one two \u00e9 three four", text
        assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
        assert all(c.usage is None for c in chunks), "usage that the client did not ask for"


@test
def usage_of_a_stream_comes_when_it_is_asked_for(world):
    with world.zero_config() as gateway:
        stream = gateway.client().chat.completions.create(
            **ask("stream please"), stream=True, stream_options={"include_usage": True})
        assert list(stream)[-1].usage.completion_tokens == 11


@test
def tools_through_auto_whole_and_streamed_and_the_result_stays_with_its_model(world):
    with world.zero_config() as gateway:
        client = gateway.client()
        messages = [{"role": "user", "content": "What is the weather in Oslo?"}]
        answer = client.chat.completions.create(model="auto", messages=messages, tools=[WEATHER])
        call = answer.choices[0].message.tool_calls[0]
        assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Oslo"})
        messages += [answer.choices[0].message.model_dump(exclude_none=True),
                     {"role": "tool", "tool_call_id": call.id, "content": "7 degrees"}]
        second = client.chat.completions.create(model="auto", messages=messages, tools=[WEATHER])
        assert second.choices[0].message.content == "echo: 7 degrees"
        assert second.model == answer.model
        with client.chat.completions.stream(model="auto", messages=messages[:1], tools=[WEATHER]) as stream:
            final = stream.get_final_completion()
        assert json.loads(final.choices[0].message.tool_calls[0].function.arguments) == {"city": "Oslo"}


@test
def structured_output_through_auto(world):
    with world.zero_config() as gateway:
        answer = gateway.client().chat.completions.parse(**ask("weather as JSON"), response_format=Weather)
        assert answer.choices[0].message.parsed == Weather(city="Oslo", degrees=7)


@test
def a_hundred_at_once_each_get_their_own_answer(world):
    with world.zero_config() as gateway:
        gateway.models(at_least=3)
        client = gateway.client()
        one = lambda n: client.chat.completions.create(**ask(f"question number {n}")).choices[0].message.content
        with ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(one, range(100), timeout=60))
        assert answers == [f"echo: question number {n}" for n in range(100)]


@test
def embeddings_by_name(world):
    with world.zero_config() as gateway:
        gateway.models(at_least=3)
        answer = gateway.client().embeddings.create(
            model="text-embedding-3-small", input=["a", "bcd"], encoding_format="float")
        assert [item.embedding for item in answer.data] == [[0.5, -0.25, 1.0], [0.5, -0.25, 3.0]]


@test
def models_list_auto_first_and_dear_ones_are_not_in_auto(world):
    with world.zero_config() as gateway:
        names = gateway.models(at_least=4)
        assert names[0] == "auto" and set(OpenAiMock.MODELS) <= set(names), names
        status, decision = gateway.json("POST", "/v1/route", ask("x"))
        candidates = [c["target"] for c in decision["candidates"]]
        assert status == 200 and "gpt-4.5-preview" not in candidates and "text-embedding-3-small" not in candidates, candidates
        eventually("the console tells what is by name only", lambda: "gpt-4.5-preview" in gateway.said())
        answer = gateway.client().chat.completions.create(model="gpt-4.5-preview", messages=ask("x")["messages"])
        assert answer.model == "gpt-4.5-preview"


@test
def a_dry_run_calls_nobody(world):
    with world.zero_config() as gateway:
        gateway.models(at_least=3)
        status, decision = gateway.json("POST", "/v1/route", ask("prove it", pointsman={"prefer": 0.9}))
        assert status == 200 and decision["prefer"] == 0.9 and decision["target"], decision
        assert world.openai.bodies() == []


@test
def health_readiness_and_metrics(world):
    with world.zero_config() as gateway:
        gateway.client().chat.completions.create(**ask("hi"))
        assert gateway.raw("GET", "/healthz")[0] == 200 and gateway.raw("GET", "/readyz")[0] == 200
        text = gateway.raw("GET", "/metrics")[2].decode()
        assert 'status="ok"' in text and "pointsman_requests_total" in text, text


# ---- Anthropic ---------------------------------------------------------------------------------------------------


@test
def chat_and_stream_with_an_anthropic_upstream(world):
    with world.zero_config(env=world.anthropic_env) as gateway:
        client = gateway.client()
        answer = client.chat.completions.create(**ask("hello"))
        assert answer.choices[0].message.content == "hello from claude" and answer.choices[0].finish_reason == "stop"
        assert answer.usage.prompt_tokens == 12 and answer.usage.completion_tokens == 6
        chunks = list(client.chat.completions.create(**ask("hello again"), stream=True))
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "hello from claude"
        assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
        path, headers, _ = world.anthropic.calls[-1]
        assert path == "/v1/messages" and "anthropic-version" in {k.lower() for k in headers}


@test
def tools_with_an_anthropic_upstream(world):
    with world.zero_config(env=world.anthropic_env) as gateway:
        client = gateway.client()
        messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "Weather in Oslo?"}]
        answer = client.chat.completions.create(model="auto", messages=messages, tools=[WEATHER])
        call = answer.choices[0].message.tool_calls[0]
        assert json.loads(call.function.arguments) == {"city": "Oslo"} and answer.choices[0].finish_reason == "tool_calls"
        messages += [answer.choices[0].message.model_dump(exclude_none=True),
                     {"role": "tool", "tool_call_id": call.id, "content": "7 degrees"}]
        second = client.chat.completions.create(model="auto", messages=messages, tools=[WEATHER])
        assert second.choices[0].message.content == "hello from claude"
        sent = json.loads(world.anthropic.bodies()[-1])
        assert "be brief" in json.dumps(sent["system"]) and "tool_result" in json.dumps(sent["messages"][-1])
        with client.chat.completions.stream(model="auto", messages=messages[:2], tools=[WEATHER]) as stream:
            final = stream.get_final_completion()
        assert json.loads(final.choices[0].message.tool_calls[0].function.arguments) == {"city": "Oslo"}


@test
def fields_a_translation_drops_are_told(world):
    with world.zero_config(env=world.anthropic_env) as gateway:
        status, headers, _ = gateway.raw("POST", "/v1/chat/completions", json.dumps(ask("hi", seed=7, logit_bias={"1": 2})))
        assert status == 200 and "seed" in headers["x-pointsman-lossy"], headers


@test
def two_providers_behind_one_auto(world):
    with world.zero_config(env={**world.openai_env, **world.anthropic_env}) as gateway:
        gateway.models(at_least=6)
        _, decision = gateway.json("POST", "/v1/route", ask("x"))
        candidates = {c["target"] for c in decision["candidates"]}
        assert {"gpt-4o-mini", *AnthropicMock.MODELS} <= candidates, candidates


# ---- bytes kept --------------------------------------------------------------------------------------------------


@test
def a_request_reaches_a_same_format_upstream_byte_for_byte(world):
    body = (b'{ "x_unknown":{"deep":[1.0,1e3]},"model" : "MODEL",\n"messages":[{"role":"user","content":"odd \\u00e9"}],'
            b'\t"temperature":0.70, "seed": 1.0e0 }')
    with world.configured() as gateway:
        for name in ("model-a", "auto"):
            sent = body.replace(b"MODEL", name.encode())
            status, headers, answer = gateway.raw("POST", "/v1/chat/completions", sent)
            target = headers["x-pointsman-target"].encode()
            assert status == 200
            assert world.openai.bodies()[-1] == body.replace(b"MODEL", target), world.openai.bodies()[-1]
            assert answer == (ODD % (json.dumps(target.decode()), "ok")).encode(), answer


@test
def the_preference_is_taken_out_of_the_body_and_nothing_else_changes(world):
    with world.configured() as gateway:
        body = b'{"model":"auto",  "pointsman": {"prefer": 0.2} ,"messages":[{"role":"user","content":"odd"}] }'
        status, headers, _ = gateway.raw("POST", "/v1/chat/completions", body)
        received = world.openai.bodies()[-1]
        assert status == 200 and b"pointsman" not in received and json.loads(received)["messages"]
        assert gateway.decision(headers)["decision"]["goal"]["prefer"] == 0.2


@test
def a_stream_of_a_same_format_upstream_arrives_byte_for_byte(world):
    with world.configured() as gateway:
        body = json.dumps(ask("s", stream=True, stream_options={"include_usage": True}))
        status, headers, answer = gateway.raw("POST", "/v1/chat/completions", body)
        expected = b"".join(stream_pieces(headers["x-pointsman-target"], "s", False, usage=True))
        assert status == 200 and answer == expected, answer
        assert gateway.decision(headers)["outcome"]["usage"]["output"] == 11


@test
def an_answers_model_names_the_target_and_no_other_byte_changes(world):
    extra = ""
    text = world.config_text(extra, models=()).replace(
        "targets:\n", "targets:\n  - {id: public-name, provider: mock, model: model-a, price: {input: 1, output: 2}}\n")
    world.openai.reset()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(text)
        with Gateway(world.binary, env={"MOCK_KEY": PROVIDER_KEY}, args=["--config", str(path)]) as gateway:
            _, _, answer = gateway.raw("POST", "/v1/chat/completions", json.dumps(ask("odd")))
            assert answer == (ODD % ('"public-name"', "ok")).encode(), answer
            assert json.loads(world.openai.bodies()[-1])["model"] == "model-a"


# ---- faults ------------------------------------------------------------------------------------------------------


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


# ---- bad input, keys, life and death ------------------------------------------------------------------------------


@test
def bad_bodies_are_refused_with_their_place_and_the_process_lives(world):
    with world.configured("limits: {body: 64KiB}\n") as gateway:
        cases = {
            "wrong JSON": (b'{"model": "auto",\n "messages": [}', 400, "line 2"),
            "deep": (b'{"model":"auto","messages":' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400, ""),
            "large": (json.dumps(ask("x" * 100_000)).encode(), 413, "65536"),
            "unknown model": (json.dumps({**ask("x"), "model": "gpt-9"}).encode(), 404, "gpt-9"),
            "no model": (b'{"messages": []}', 400, "model"),
            "bad preference": (json.dumps(ask("x", pointsman={"prefer": 7})).encode(), 400, "7"),
        }
        for name, (body, expected, words) in cases.items():
            status, _, answer = gateway.raw("POST", "/v1/chat/completions", body)
            error = json.loads(answer)["error"]
            assert status == expected and error["code"] and words in error["message"], (name, status, answer)
        assert gateway.raw("GET", "/healthz")[0] == 200 and world.openai.bodies() == []


@test
def keys_guard_the_door_and_never_travel_upstream(world):
    with world.configured() as gateway:
        run = lambda *args: subprocess.run([world.binary, "keys", *args], env=gateway.env, capture_output=True, text=True, timeout=WAIT)
        assert gateway.json("POST", "/v1/chat/completions", ask("open"))[0] == 200
        made = run("create", "laptop", "--targets", "model-a")
        assert made.returncode == 0, made.stderr
        secret = made.stdout.strip()
        eventually("the key is known", lambda: gateway.json("POST", "/v1/chat/completions", ask("x"))[0] == 401)
        answer = gateway.client(secret).chat.completions.create(**ask("with a key"))
        assert answer.model == "model-a"
        assert not any(secret in json.dumps(headers) for _, headers, _ in world.openai.calls)
        assert gateway.json("POST", "/v1/chat/completions", {**ask("x"), "model": "model-b"}, {"authorization": f"Bearer {secret}"})[0] in (403, 404)
        assert secret not in run("list").stdout and "laptop" in run("list").stdout
        assert run("revoke", "laptop").returncode == 0
        revoked = lambda: gateway.json("POST", "/v1/chat/completions", ask("x"), {"authorization": f"Bearer {secret}"})[0] == 401
        eventually("a revoked key is refused", revoked, within=2)


@test
def beyond_loopback_it_does_not_start_without_a_key(world):
    ended = world.run("serve", "--listen", "0.0.0.0:0", env=world.openai_env, within=WAIT)
    assert ended.returncode == 1 and "keys create" in ended.stderr, ended


@test
def a_port_in_use_is_said_plainly(world):
    with world.zero_config() as gateway:
        ended = world.run("serve", "--listen", f"127.0.0.1:{gateway.port}", env=world.openai_env, within=WAIT)
        assert ended.returncode == 1 and "in use" in ended.stderr and "--listen" in ended.stderr, ended


@test
def a_request_in_flight_at_a_kill_is_lost_at_the_next_start(world):
    with tempfile.TemporaryDirectory(prefix="pointsman-e2e-") as home:
        with world.zero_config(home=home) as gateway:
            gateway.models(at_least=3)
            world.openai.faults = {"gpt-4o-mini": "hang"}
            body = json.dumps({**ask("x"), "model": "gpt-4o-mini"})
            ask_it = lambda: swallow(lambda: gateway.raw("POST", "/v1/chat/completions", body))
            pending = threading.Thread(target=ask_it, daemon=True)
            pending.start()
            eventually("the upstream was called", lambda: world.openai.bodies())
            time.sleep(0.3)
            gateway.kill()
        with Gateway(world.binary, env=world.openai_env, home=home) as again:
            text = again.raw("GET", "/metrics")[2].decode()
            assert text, "metrics answer"
            eventually("the loss is told", lambda: "lost" in again.said())


def swallow(action):
    try:
        action()
    except Exception:  # noqa: BLE001: the connection is meant to break
        pass


@test
def a_running_stream_ends_well_when_the_gateway_is_told_to_stop(world):
    with world.configured() as gateway:
        world.openai.faults = {"model-a": "slow", "model-b": "slow"}
        got = {}
        def read():
            got["answer"] = gateway.raw("POST", "/v1/chat/completions", json.dumps(ask("x", stream=True)))
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        eventually("the stream has begun", lambda: world.openai.bodies())
        time.sleep(0.3)
        code = gateway.stop()
        reader.join(WAIT)
        assert code == 0 and b"[DONE]" in got["answer"][2], (code, got)


@test
def a_changed_file_is_taken_up_and_a_broken_one_is_not(world):
    with world.configured() as gateway:
        names = lambda: {m["id"] for m in gateway.json("GET", "/v1/models")[1]["data"]}
        assert "model-c" not in names()
        replace(gateway.config, world.config_text(models=("model-a", "model-b", "model-c")))
        eventually("the new model is there", lambda: "model-c" in names())
        replace(gateway.config, world.config_text(models=("model-a",)) + "colour: blue\n")
        eventually("the fault is told", lambda: "colour" in gateway.said())
        assert "model-c" in names(), "the last good configuration stays"


def replace(path, text):
    """As editors do: a new file in the place of the old one."""
    other = path.with_suffix(".new")
    other.write_text(text)
    os.replace(other, path)


# ---- the command line ---------------------------------------------------------------------------------------------


@test
def nothing_to_route_to_says_what_to_set(world):
    ended = world.run("serve", "--listen", "127.0.0.1:0", within=WAIT)
    if ended.returncode is None or "found" in ended.stdout:
        return  # an engine of this machine's own answered
    assert ended.returncode == 2 and "OPENAI_API_KEY" in ended.stderr, ended


@test
def the_demo_runs_without_a_key_and_ends(world):
    began = time.monotonic()
    ended = world.run("demo", "--once")
    assert ended.returncode == 0 and "saved" in ended.stdout and "simulated" in ended.stdout, ended
    assert max(map(len, ended.stdout.splitlines())) <= 100
    assert time.monotonic() - began < 20


@test
def route_explains_without_a_key(world):
    ended = world.run("route", "Prove that there are infinitely many primes.", "--prefer", "0.7", "--json")
    decision = json.loads(ended.stdout)
    assert ended.returncode == 0 and decision["target"] and len(decision["candidates"]) > 1, ended


@test
def check_names_line_and_column(world):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bad.yaml"
        path.write_text("listen: 127.0.0.1:4000\nprovidrs: {}\n")
        ended = world.run("check", str(path))
        assert ended.returncode == 1 and f"{path}:2:1:" in ended.stdout and "providers" in ended.stdout, ended


@test
def unknown_commands_are_wrong_usage(world):
    assert world.run("profile").returncode == 2


def main():
    if len(sys.argv) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    binary = str(Path(sys.argv[1]).resolve())
    wanted = sys.argv[2:]
    world = World(binary)
    passed = failed = 0
    for function in TESTS:
        name = function.__name__
        if wanted and not any(word in name for word in wanted):
            continue
        began = time.monotonic()
        try:
            function(world)
        except Exception:  # noqa: BLE001: a test may fail in any way
            failed += 1
            print(f"FAILED  {name}  ({time.monotonic() - began:.1f} s)\n{traceback.format_exc()}", flush=True)
        else:
            passed += 1
            print(f"ok      {name}  ({time.monotonic() - began:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

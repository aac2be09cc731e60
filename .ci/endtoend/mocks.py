"""Mock providers on loopback: OpenAI-like and Anthropic-like. They keep what they were sent and fail when told to."""

import json
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROVIDER_KEY = "sk-provider-secret-0123456789"


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

"""What a same-format upstream says and is told, byte for byte."""

import json
import tempfile
from pathlib import Path

from .asking import ask
from .gateway import Gateway
from .mocks import ODD, PROVIDER_KEY, stream_pieces
from .waiting import test


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

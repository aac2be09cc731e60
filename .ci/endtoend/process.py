"""Bad input, keys, the life and death of the process, and the other commands."""

import json
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from .asking import ask
from .gateway import Gateway
from .waiting import WAIT, eventually, test


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


@test
def nothing_to_route_to_says_what_to_set(world):
    ended = world.run("serve", "--listen", "127.0.0.1:0", within=WAIT)
    if ended.returncode is None or "found" in ended.stdout:
        return  # an engine of this machine's own answered
    assert ended.returncode == 2 and "OPENAI_API_KEY" in ended.stderr, ended


@test
def scores_come_back_in_the_report(world):
    with world.configured("routes: {auto: {explore: 0.5}}\n") as gateway:
        for number in range(120):
            status, headers, _ = gateway.raw("POST", "/v1/chat/completions", json.dumps(ask(f"Say {number}.")))
            assert status == 200
            score = {"decision_id": headers["x-pointsman-decision"], "label": "up"}
            assert gateway.json("POST", "/v1/feedback", score)[0] == 200
        assert gateway.json("POST", "/v1/feedback", score)[1]["error"]["code"] == "feedback_given"
        ledger = str(gateway.home / "ledger.db")
        report = world.run("report", "--ledger", ledger, "--json")
        found = json.loads(report.stdout)["routes"][0]
        assert report.returncode == 0 and found["requests"] == found["scored"] == 120, report
        assert {of["target"] for of in found["constants"]} == {"model-a", "model-b"}, found
        shown = world.run("report", "--ledger", ledger)
        assert shown.returncode == 0 and max(map(len, shown.stdout.splitlines())) <= 100, shown


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

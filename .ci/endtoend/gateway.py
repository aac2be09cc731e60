"""The binary under test: gateways over the mock providers, and commands that end."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

import openai

from .mocks import PROVIDER_KEY, AnthropicMock, OpenAiMock, Upstream
from .waiting import WAIT, eventually


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

"""Answers through the official client, without a configuration."""

import json
from concurrent.futures import ThreadPoolExecutor

from .asking import WEATHER, Weather, ask
from .mocks import AnthropicMock, OpenAiMock
from .waiting import eventually, test


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

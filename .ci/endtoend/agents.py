"""Agents, with the official A2A SDK for Python on the other side: as the agent behind the gateway, and as the client before it."""

import asyncio

import httpx
from a2a.client import ClientConfig, ClientFactory
from a2a.helpers import get_stream_response_text, new_text_message
from a2a.types import GetTaskRequest, Role, SendMessageRequest, TaskState

from .sdk_agent import SdkAgent
from .waiting import eventually, test


def config(agent):
    return f"agents:\n  weather: {{card: '{agent.url}'}}\n"


def ready(gateway):
    eventually("the card has come", lambda: any(m["id"] == "weather" for m in gateway.json("GET", "/v1/models")[1]["data"]))


def say(gateway, text, session="s", **more):
    return gateway.client().chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": text}], extra_headers={"x-session-id": session}, **more)


@test
def turns_go_to_the_sdks_agent_through_auto_or_to_a_model(world):
    for old in (False, True):
        with SdkAgent(old) as agent, world.configured(config(agent)) as gateway:
            ready(gateway)
            answer = say(gateway, "What is the weather in Oslo?")
            assert answer.headers["x-pointsman-agent"] == "weather", dict(answer.headers)
            assert answer.parse().choices[0].message.content == "In Oslo it is sunny."
            record = gateway.decision(answer.headers)
            assert record["outcome"]["status"] == "ok" and len(record["attempts"]) == 1, record
            # A question, and its answer within the agent's task.
            assert say(gateway, "Will it rain tomorrow?").parse().choices[0].message.content == "For which city?"
            answer = say(gateway, "Bergen")
            assert answer.parse().choices[0].message.content == "In Bergen it is sunny.", answer.text
            answer = say(gateway, "Prove that there are infinitely many primes")
            assert answer.headers["x-pointsman-agent"] == "none"
            assert answer.headers["x-pointsman-target"] in ("model-a", "model-b")
            stream = gateway.client().chat.completions.create(
                model="auto", messages=[{"role": "user", "content": "What is the weather in Rome?"}], stream=True)
            text = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
            assert text == "In Rome it is sunny.", text


@test
def the_sdks_agent_fails_and_a_model_answers(world):
    with SdkAgent() as agent, world.configured(config(agent)) as gateway:
        ready(gateway)
        answer = say(gateway, "What is the weather in Oslo, though you are out of order?")
        assert answer.headers["x-pointsman-agent"] == "weather failed (upstream), none", dict(answer.headers)
        record = gateway.decision(answer.headers)
        assert record["outcome"]["status"] == "ok" and len(record["attempts"]) == 2, record
        # What the agent said is its own: the record names the fault and nothing of the text.
        error = record["attempts"][0]["error"]
        assert error["code"] == "agent_failed" and "barometer" not in str(record), record


async def talk(url):
    async with httpx.AsyncClient(timeout=10) as http:
        factory = ClientFactory(ClientConfig(httpx_client=http))
        client = await factory.create_from_url(url)

        async def send(text, task=None, context=None):
            message = new_text_message(text, role=Role.ROLE_USER, task_id=task, context_id=context)
            return [event async for event in client.send_message(SendMessageRequest(message=message))]

        events = await send("Will it rain tomorrow?")
        last = events[-1].status_update
        assert last.status.state == TaskState.TASK_STATE_INPUT_REQUIRED, events
        events = await send("Rome", last.task_id, last.context_id)
        text = "".join(get_stream_response_text(event) for event in events)
        assert text == "In Rome it is sunny.", events
        task = await client.get_task(GetTaskRequest(id=last.task_id))
        assert task.status.state == TaskState.TASK_STATE_COMPLETED, task


@test
def the_sdks_client_speaks_to_an_agent_through_the_gateway(world):
    for old in (False, True):
        with SdkAgent(old) as agent, world.configured(config(agent)) as gateway:
            ready(gateway)
            asyncio.run(talk(gateway.base + "/a2a/weather"))

"""An agent made with the official Python SDK (`a2a-sdk`), on loopback: it tells the weather, asks for the city where none is named,
and fails when it is told to."""

import asyncio
import socket
import threading

import uvicorn
from a2a.helpers import new_task_from_user_message, new_text_message, new_text_part
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from starlette.applications import Starlette

from .waiting import eventually

CITIES = ("Oslo", "Bergen", "Rome")


class Weather(AgentExecutor):
    """Works in tasks, each with one artifact in two pieces."""

    def __init__(self):
        self.said = []

    async def execute(self, context, event_queue):
        said = context.get_user_input()
        self.said.append(said)
        task = context.current_task
        if task is None:
            task = new_task_from_user_message(context.message)
            await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        if "out of order" in said:
            await updater.failed(new_text_message("the barometer is broken"))
            return
        city = next((city for city in CITIES if city in said), None)
        if city is None:
            await updater.requires_input(new_text_message("For which city?"))
            return
        await updater.start_work()
        await updater.add_artifact([new_text_part(f"In {city} ")], artifact_id="a")
        await updater.add_artifact([new_text_part("it is sunny.")], artifact_id="a", append=True, last_chunk=True)
        await updater.complete()

    async def cancel(self, context, event_queue):
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


class SdkAgent:
    """The agent and its server, until the `with` ends. `old`: it speaks 0.3 too, and its card says so alone."""

    def __init__(self, old=False):
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        skill = AgentSkill(id="weather", name="weather", description="Weather forecasts for any city", tags=["weather"],
                           examples=["what is the weather in Oslo", "will it rain tomorrow", "how warm will it be on Sunday"])
        version = "0.3" if old else "1.0"
        card = AgentCard(
            name="SDK weather", description="Weather forecasts and current conditions for any city", version="1.0.0",
            supported_interfaces=[AgentInterface(url=self.url + "/rpc", protocol_binding="JSONRPC", protocol_version=version)],
            capabilities=AgentCapabilities(streaming=True), default_input_modes=["text/plain"],
            default_output_modes=["text/plain"], skills=[skill])
        self.weather = Weather()
        handler = DefaultRequestHandler(agent_executor=self.weather, task_store=InMemoryTaskStore(), agent_card=card)
        routes = create_agent_card_routes(card) + create_jsonrpc_routes(handler, "/rpc", enable_v0_3_compat=True)
        config = uvicorn.Config(Starlette(routes=routes), log_level="error", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve([taken])), daemon=True)

    def __enter__(self):
        self.thread.start()
        eventually("the SDK's agent serves", lambda: self.server.started)
        return self

    def __exit__(self, *_):
        self.server.should_exit = True
        self.thread.join(10)

"""What is asked for in the tests."""

from pydantic import BaseModel


def ask(text, **more):
    return {"model": "auto", "messages": [{"role": "user", "content": text}], **more}


WEATHER = {"type": "function", "function": {"name": "weather", "description": "Weather of a city", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}


class Weather(BaseModel):
    city: str
    degrees: int

"""instructor: what its README and its page on Google's models show.

`from_provider("google/…")` finds the emulator by GOOGLE_GEMINI_BASE_URL, since it uses google-genai. With a client of
your own that is `from_genai(genai.Client(http_options={"base_url": "http://127.0.0.1:8085"}))`.
"""

import os
from collections.abc import Iterable

import instructor
from google import genai
from instructor import Partial
from pydantic import BaseModel, field_validator

os.environ["GOOGLE_API_KEY"] = os.environ["GEMINI_API_KEY"]
MODEL = "google/gemini-3.8-flash"
MESSAGES = [{"role": "user", "content": "John is 25 years old"}]


class User(BaseModel):
    name: str
    age: int


def an_object():
    client = instructor.from_provider(MODEL)
    assert isinstance(client.create(response_model=User, messages=MESSAGES), User)


def an_object_by_another_mode():
    client = instructor.from_provider(MODEL, mode=instructor.Mode.JSON)
    assert isinstance(client.create(response_model=User, messages=MESSAGES), User)


def the_address_in_code():
    there = {"base_url": os.environ["GOOGLE_GEMINI_BASE_URL"]}
    client = instructor.from_genai(genai.Client(api_key="any-word", http_options=there))
    user = client.chat.completions.create(model="gemini-3.8-flash", response_model=User, messages=MESSAGES)
    assert isinstance(user, User)


async def an_object_async():
    client = instructor.from_provider(MODEL, async_client=True)
    assert isinstance(await client.create(response_model=User, messages=MESSAGES), User)


class Adult(BaseModel):
    name: str
    age: int

    @field_validator("age")
    @classmethod
    def _not_negative(cls, age):
        if age < 0:
            raise ValueError("Age must be positive")
        return age


def an_object_that_is_checked():
    client = instructor.from_provider(MODEL)
    assert isinstance(client.create(response_model=Adult, messages=MESSAGES, max_retries=3), Adult)


def an_object_that_grows():
    client = instructor.from_provider(MODEL)
    *_, last = client.create(response_model=Partial[User], messages=MESSAGES, stream=True)
    assert isinstance(last.name, str)
    assert isinstance(last.age, int)


def objects_one_after_another():
    client = instructor.from_provider(MODEL)
    users = list(client.create(response_model=Iterable[User], messages=MESSAGES, stream=True))
    assert all(isinstance(user, User) for user in users)


class Address(BaseModel):
    street: str
    city: str


class Resident(BaseModel):
    name: str
    addresses: list[Address]


def objects_in_objects():
    client = instructor.from_provider(MODEL)
    resident = client.create(response_model=Resident, messages=MESSAGES)
    assert all(isinstance(address, Address) for address in resident.addresses)

"""Participants, and waiting for what they notice."""

import asyncio
import time
import unittest
from collections.abc import Callable
from typing import Any

from livekit import rtc
from plenary import Server, mint

# Local and idle, everything is done within milliseconds; this is for a busy machine.
SOON = 10.0


async def eventually(condition: Callable[[], Any], what: str, within: float = SOON) -> Any:
    """The first true value of a condition that nothing announces; looks 100 times a second."""
    deadline = time.monotonic() + within
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what}")
        await asyncio.sleep(0.01)
    return value


class Person:
    """A room that keeps what it was told, with the time at which it was."""

    EVENTS = [
        "participant_connected", "participant_disconnected", "track_published", "track_unpublished",
        "track_subscribed", "track_unsubscribed", "track_muted", "track_unmuted", "data_received",
        "participant_metadata_changed", "participant_attributes_changed", "participant_name_changed",
        "active_speakers_changed", "disconnected", "reconnecting", "moved", "room_metadata_changed",
        "participant_permissions_changed", "local_track_unpublished",
    ]  # fmt: skip

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.heard: list[tuple[float, str, tuple]] = []
        for event in self.EVENTS:
            self.room.on(event, lambda *what, event=event: self.heard.append((time.monotonic(), event, what)))

    @property
    def me(self) -> rtc.LocalParticipant:
        return self.room.local_participant

    def all(self, event: str) -> list[tuple]:
        return [what for _, name, what in self.heard if name == event]

    async def told(self, event: str, within: float = SOON, matching: Callable[..., bool] = lambda *_: True) -> float:
        """When it was first told so, in monotonic seconds."""

        def look() -> float | None:
            times = (at for at, name, what in self.heard if name == event and matching(*what))
            return next(times, None)

        return await eventually(look, f"{self.me.identity} is told {event}", within)

    async def track_of(self, identity: str, kind: int, within: float = SOON) -> Any:
        """The subscribed track of that kind."""

        def look() -> Any:
            other = self.room.remote_participants.get(identity)
            publications = other.track_publications.values() if other else ()
            return next((p.track for p in publications if p.kind == kind and p.track is not None), None)

        return await eventually(look, f"{self.me.identity} gets a track of {identity}", within)

    def others(self) -> set[str]:
        return set(self.room.remote_participants)


class MeetingTest(unittest.IsolatedAsyncioTestCase):
    """Each class has a server, each test a room."""

    server: Server
    # Which of LiveKit's two dialects is spoken: one peer connection, or one up and one down.
    one_connection = True

    @classmethod
    def setUpClass(cls) -> None:
        server = Server()
        cls.server = server.__enter__()
        cls.addClassCleanup(server.__exit__)

    def setUp(self) -> None:
        self.people: list[Person] = []
        self.room = self.id().rsplit(".", 1)[-1]

    async def asyncTearDown(self) -> None:
        for person in self.people:
            if person.room.isconnected():
                await person.room.disconnect()
        self.assertTrue(self.server.alive(), "the server outlives every test")

    async def join(self, identity: str, token: str | None = None) -> Person:
        person = Person()
        self.people.append(person)
        options = rtc.RoomOptions(single_peer_connection=self.one_connection)
        await person.room.connect(self.server.url, token or mint(self.room, identity), options)
        return person

    async def join_all(self, *identities: str) -> list[Person]:
        """They join together and see each other."""
        people = await asyncio.gather(*(self.join(identity) for identity in identities))
        for person in people:
            wanted = set(identities) - {person.me.identity}
            await eventually(lambda: person.others() == wanted, f"{person.me.identity} sees {wanted}")
        return people

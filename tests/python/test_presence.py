"""PyPI's livekit, unchanged: who is there, and what is known of them."""

import asyncio
import pathlib
import subprocess
import sys
import time

from livekit import rtc
from people import MeetingTest, eventually
from plenary import mint

# Presence is right within a second of a join or a leave, and within 15 s of a client that vanished.
SEEN_WITHIN = 1.0
VANISHED_WITHIN = 15.0


class Presence(MeetingTest):
    async def test_a_join_is_seen_within_a_second(self) -> None:
        ada = await self.join("ada")
        began = time.monotonic()
        await self.join("bob")
        joined = time.monotonic()
        seen = await ada.told("participant_connected", matching=lambda p: p.identity == "bob")
        self.assertGreater(seen, began)
        self.assertLess(seen - joined, SEEN_WITHIN)

    async def test_a_leave_is_seen_within_a_second(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        left = time.monotonic()
        await bob.room.disconnect()
        seen = await ada.told("participant_disconnected", matching=lambda p: p.identity == "bob")
        self.assertLess(seen - left, SEEN_WITHIN)
        self.assertEqual(ada.others(), set())

    async def test_a_killed_client_is_gone_within_15_seconds(self) -> None:
        ada = await self.join("ada")
        program = pathlib.Path(__file__).with_name("ghost.py")
        command = [sys.executable, str(program), self.server.url, mint(self.room, "ghost")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as ghost:
            try:
                await ada.told("track_published", within=20)
            finally:
                ghost.kill()
        killed = time.monotonic()
        seen = await ada.told("participant_disconnected", within=VANISHED_WITHIN + 5)
        self.assertLess(seen - killed, VANISHED_WITHIN)

    async def test_everyone_has_the_same_list(self) -> None:
        names = [f"person-{number}" for number in range(6)]
        people = await self.join_all(*names)
        latecomer = await self.join("late")
        self.assertEqual(latecomer.others(), set(names), "whole at once for who comes later")
        for person in people:
            await eventually(lambda: person.others() == set(names) - {person.me.identity} | {"late"}, "all have it")

    async def test_names_metadata_and_attributes_of_the_token_are_seen(self) -> None:
        ada = await self.join("ada")
        token = mint(self.room, "bob", name="Bob B.", metadata='{"a":1}', attributes={"seat": "3"})
        await self.join("bob", token)
        await ada.told("participant_connected")
        bob = ada.room.remote_participants["bob"]
        # The server adds what the token makes of its holder.
        attributes = {"seat": "3", "plenary.role": "participant"}
        self.assertEqual((bob.name, bob.metadata, bob.attributes), ("Bob B.", '{"a":1}', attributes))

    async def test_changes_of_oneself_are_seen(self) -> None:
        ada = await self.join("ada")
        bob = await self.join("bob", mint(self.room, "bob", video={"canUpdateOwnMetadata": True}))
        await ada.told("participant_connected")
        await bob.me.set_metadata("new")
        await bob.me.set_name("Robert")
        await bob.me.set_attributes({"hand": "up"})
        seen = ada.room.remote_participants["bob"]
        await eventually(lambda: (seen.metadata, seen.name) == ("new", "Robert"), "metadata and name")
        await eventually(lambda: seen.attributes.get("hand") == "up", "attributes")
        await bob.me.set_attributes({"hand": ""})
        await eventually(lambda: not seen.attributes.get("hand"), "an empty attribute is gone")

    async def test_who_may_not_change_itself_does_not(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        await asyncio.wait_for(bob.me.set_metadata("forbidden"), 10)
        # An allowed message after it proves that it was read and refused.
        await bob.me.publish_data(b"after")
        await ada.told("data_received")
        self.assertEqual(ada.room.remote_participants["bob"].metadata, "")

    async def test_a_second_join_ends_the_first(self) -> None:
        ada, first = await self.join_all("ada", "bob")
        second = await self.join("bob")
        await first.told("disconnected", matching=lambda why: why == rtc.DisconnectReason.DUPLICATE_IDENTITY)
        await eventually(lambda: ada.others() == {"bob"}, "there is one bob")
        await eventually(lambda: ada.room.remote_participants["bob"].sid == second.me.sid, "the new one")

    async def test_rooms_do_not_mix(self) -> None:
        ada = await self.join("ada")
        other = await self.join("bob", mint(f"{self.room}-other", "bob"))
        cleo = await self.join("cleo")
        await ada.told("participant_connected", matching=lambda p: p.identity == "cleo")
        self.assertEqual((ada.others(), cleo.others(), other.others()), ({"cleo"}, {"ada"}, set()))


class PresenceOverTwoConnections(Presence):
    one_connection = False

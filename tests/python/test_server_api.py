"""PyPI's livekit-api, unchanged, on rooms with PyPI's livekit in them: what an application does, and who sees it."""

import asyncio
import base64
import contextlib

import aiohttp
from livekit import api, rtc
from media import camera, hear, microphone
from people import MeetingTest, Person, eventually
from plenary import KEY, SECRET, Server, mint

AUDIO, VIDEO = rtc.TrackKind.KIND_AUDIO, rtc.TrackKind.KIND_VIDEO


class ServerApiTest(MeetingTest):
    async def asyncSetUp(self) -> None:
        self.api = api.LiveKitAPI(self.server.url.replace("ws", "http", 1), KEY, SECRET)
        self.rooms = self.api.room

    async def asyncTearDown(self) -> None:
        await self.api.aclose()
        await super().asyncTearDown()

    async def call(self, method: str, body: dict, **grants: object) -> tuple[int, dict]:
        """As a program without an SDK does: JSON in, JSON out."""
        token = mint(self.room, "backend", video={"roomAdmin": True, **grants})
        url = f"http://127.0.0.1:{self.server.port}/twirp/livekit.RoomService/{method}"
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    @contextlib.asynccontextmanager
    async def refused(self, code: str):
        with self.assertRaises(api.TwirpError) as caught:
            yield
        self.assertEqual(caught.exception.code, code)

    def named(self, identity: str) -> api.RoomParticipantIdentity:
        return api.RoomParticipantIdentity(room=self.room, identity=identity)


    async def hears_nothing(self, track: rtc.RemoteAudioTrack, frequency: float) -> None:
        """The client is not told of what the server ends; what is on its way still plays."""
        for _ in range(5):
            try:
                await hear(track, frequency, within=1)
            except AssertionError:
                return
        self.fail(f"{frequency} Hz is heard on")


class Rooms(ServerApiTest):
    async def test_a_room_is_made_listed_changed_and_deleted(self) -> None:
        made = await self.rooms.create_room(
            api.CreateRoomRequest(name=self.room, empty_timeout=60, departure_timeout=7, max_participants=2, metadata="m")
        )
        self.assertTrue(made.sid.startswith("RM_"))
        settings = (made.empty_timeout, made.departure_timeout, made.max_participants, made.metadata)
        self.assertEqual(settings, (60, 7, 2, "m"))
        again = await self.rooms.create_room(api.CreateRoomRequest(name=self.room))
        self.assertEqual((again.sid, again.metadata), (made.sid, "m"), "made once")
        listed = await self.rooms.list_rooms(api.ListRoomsRequest(names=[self.room, "none"]))
        self.assertEqual([room.sid for room in listed.rooms], [made.sid])
        ada = await self.join("ada")
        self.assertEqual((await ada.room.sid, ada.room.metadata), (made.sid, "m"))
        await self.rooms.update_room_metadata(api.UpdateRoomMetadataRequest(room=self.room, metadata="new"))
        await ada.told("room_metadata_changed")
        self.assertEqual(ada.room.metadata, "new")
        await self.rooms.delete_room(api.DeleteRoomRequest(room=self.room))
        await ada.told("disconnected", matching=lambda why: why == rtc.DisconnectReason.ROOM_DELETED)
        async with self.refused("not_found"):
            await self.rooms.delete_room(api.DeleteRoomRequest(room=self.room))

    async def test_a_full_room_takes_nobody(self) -> None:
        await self.rooms.create_room(api.CreateRoomRequest(name=self.room, max_participants=1))
        await self.join("ada")
        late = Person()
        with self.assertRaises(rtc.ConnectError):
            await late.room.connect(self.server.url, mint(self.room, "bob"))
        # A program that acts for the room is not counted.
        await self.join("agent", mint(self.room, "agent", kind="agent"))

    async def test_a_token_says_how_its_room_is(self) -> None:
        config = {"maxParticipants": 3, "metadata": "by token", "emptyTimeout": 9}
        ada = await self.join("ada", mint(self.room, "ada", roomConfig=config))
        self.assertEqual(ada.room.metadata, "by token")
        listed = await self.rooms.list_rooms(api.ListRoomsRequest(names=[self.room]))
        self.assertEqual((listed.rooms[0].max_participants, listed.rooms[0].empty_timeout), (3, 9))

    async def test_json_has_underscores_and_every_field(self) -> None:
        status, made = await self.call("CreateRoom", {"name": self.room, "emptyTimeout": 30}, roomCreate=True)
        self.assertEqual(status, 200)
        self.assertEqual((made["empty_timeout"], made["active_recording"], made["turn_password"]), (30, False, ""))
        self.assertIsInstance(made["creation_time"], str)
        status, none = await self.call("GetParticipant", {"room": self.room, "identity": "none"})
        self.assertEqual((status, none["code"]), (404, "not_found"))
        status, denied = await self.call("ListRooms", {})
        self.assertEqual((status, denied["code"]), (401, "unauthenticated"))
        status, wrong = await self.call("GetParticipants", {})
        self.assertEqual((status, wrong["code"]), (404, "bad_route"))
        status, bad = await self.call("CreateRoom", {"name": 7}, roomCreate=True)
        self.assertEqual((status, bad["code"]), (400, "malformed"))


class Participants(ServerApiTest):
    async def test_who_is_there_is_told_and_removed(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        listed = await self.rooms.list_participants(api.ListParticipantsRequest(room=self.room))
        self.assertEqual({info.identity for info in listed.participants}, {"ada", "bob"})
        info = await self.rooms.get_participant(self.named("bob"))
        self.assertEqual((info.sid, info.state), (bob.me.sid, api.ParticipantInfo.State.ACTIVE))
        await self.rooms.remove_participant(self.named("bob"))
        await bob.told("disconnected", matching=lambda why: why == rtc.DisconnectReason.PARTICIPANT_REMOVED)
        await ada.told("participant_disconnected", matching=lambda p: p.identity == "bob")
        async with self.refused("not_found"):
            await self.rooms.remove_participant(self.named("bob"))

    async def test_a_mute_is_seen_by_all(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        async with microphone(400) as sound:
            await bob.me.publish_track(sound)
            await ada.track_of("bob", AUDIO)
            sid = next(iter(bob.me.track_publications))
            muted = await self.rooms.mute_published_track(
                api.MuteRoomTrackRequest(room=self.room, identity="bob", track_sid=sid, muted=True)
            )
            self.assertTrue(muted.track.muted)
            await ada.told("track_muted")
            await bob.told("track_muted")
            async with self.refused("failed_precondition"):
                await self.rooms.mute_published_track(
                    api.MuteRoomTrackRequest(room=self.room, identity="bob", track_sid=sid, muted=False)
                )
            async with self.refused("not_found"):
                await self.rooms.mute_published_track(
                    api.MuteRoomTrackRequest(room=self.room, identity="bob", track_sid="TR_none", muted=True)
                )

    async def test_what_is_known_of_someone_is_changed(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        await self.rooms.update_participant(
            api.UpdateParticipantRequest(
                room=self.room, identity="bob", name="Robert", metadata="m", attributes={"seat": "7"}
            )
        )
        seen = ada.room.remote_participants["bob"]
        await eventually(lambda: (seen.name, seen.metadata) == ("Robert", "m"), "name and metadata")
        await eventually(lambda: seen.attributes.get("seat") == "7", "attributes")
        await eventually(lambda: bob.me.name == "Robert", "bob knows it too")
        async with self.refused("invalid_argument"):
            await self.rooms.update_participant(
                api.UpdateParticipantRequest(room=self.room, identity="bob", attributes={"plenary.role": "host"})
            )

    async def test_rights_are_taken_and_given_in_flight(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        async with microphone(400) as sound, camera((200, 0, 0)) as picture:
            await bob.me.publish_track(sound, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE))
            await bob.me.publish_track(picture, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA))
            await ada.track_of("bob", AUDIO)
            await ada.track_of("bob", VIDEO)
            # Only the microphone is left to it.
            only = api.ParticipantPermission(
                can_subscribe=True, can_publish=True, can_publish_data=True,
                can_publish_sources=[api.TrackSource.MICROPHONE],
            )  # fmt: skip
            await self.permit("bob", only)
            await ada.told("track_unpublished", matching=lambda pub, _: pub.kind == VIDEO)
            kinds = [pub.kind for pub in ada.room.remote_participants["bob"].track_publications.values()]
            self.assertEqual(kinds, [AUDIO])
            await hear(await ada.track_of("bob", AUDIO), 400, within=10)
            await self.permit("ada", api.ParticipantPermission(can_subscribe=False, can_publish=True))
            await self.hears_nothing(await ada.track_of("bob", AUDIO), 400)
            before = len(ada.all("track_subscribed"))
            await self.permit("ada", api.ParticipantPermission(can_subscribe=True, can_publish=True))
            await eventually(lambda: len(ada.all("track_subscribed")) > before, "ada is given the track again")
            await hear(await ada.track_of("bob", AUDIO), 400, within=10)
            await self.permit("bob", api.ParticipantPermission(can_subscribe=True))
            await ada.told("track_unpublished", matching=lambda pub, _: pub.kind == AUDIO)

    async def permit(self, identity: str, permission: api.ParticipantPermission) -> None:
        request = api.UpdateParticipantRequest(room=self.room, identity=identity, permission=permission)
        await self.rooms.update_participant(request)

    async def test_subscriptions_are_changed_for_someone(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        async with microphone(400) as sound:
            published = await bob.me.publish_track(sound)
            await hear(await ada.track_of("bob", AUDIO), 400, within=10)
            change = {"room": self.room, "identity": "ada", "track_sids": [published.sid]}
            await self.rooms.update_subscriptions(api.UpdateSubscriptionsRequest(**change, subscribe=False))
            await self.hears_nothing(await ada.track_of("bob", AUDIO), 400)
            await self.rooms.update_subscriptions(api.UpdateSubscriptionsRequest(**change, subscribe=True))
            await eventually(lambda: len(ada.all("track_subscribed")) == 2, "subscribed again")
            await hear(await ada.track_of("bob", AUDIO), 400, within=10)

    async def test_data_reaches_those_it_is_for_and_once(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        await self.rooms.send_data(
            api.SendDataRequest(room=self.room, data=b"to bob", topic="t", destination_identities=["bob"])
        )
        # The SDK draws a nonce for each call; whoever repeats one that got no answer sends the same.
        nonce = base64.b64encode(bytes(16)).decode()
        for _ in range(2):
            status, _ = await self.call("SendData", {"room": self.room, "data": "b25jZQ==", "nonce": nonce})
            self.assertEqual(status, 200)
        await self.rooms.send_data(api.SendDataRequest(room=self.room, data=b"to all"))
        for person in (ada, bob):
            await person.told("data_received", matching=lambda packet: packet.data == b"to all")
        self.assertEqual([(p.data, p.topic, p.participant) for (p,) in bob.all("data_received")][0], (b"to bob", "t", None))
        self.assertEqual([packet.data for (packet,) in ada.all("data_received")], [b"once", b"to all"])
        self.assertEqual([packet.data for (packet,) in bob.all("data_received")], [b"to bob", b"once", b"to all"])


class Calls(ServerApiTest):
    async def perform(self, method: str, payload: str, **more: object) -> tuple[int, dict]:
        body = {"room": self.room, "destination_identity": "bob", "method": method, "payload": payload, **more}
        return await self.call("PerformRpc", body)

    async def test_a_procedure_is_called(self) -> None:
        bob = await self.join("bob")

        async def shout(call: rtc.RpcInvocationData) -> str:
            return call.payload.upper()

        async def fail(_: rtc.RpcInvocationData) -> str:
            raise rtc.RpcError(2000, "no tea", "sorry")

        async def sleep(_: rtc.RpcInvocationData) -> str:
            await asyncio.sleep(30)
            return ""

        for method in (shout, fail, sleep):
            bob.me.register_rpc_method(method.__name__, method)
        self.assertEqual(await self.perform("shout", "hello"), (200, {"payload": "HELLO"}))
        long = "long " * 8_000
        self.assertEqual(await self.perform("shout", long), (200, {"payload": long.upper()}))
        status, failed = await self.perform("fail", "")
        self.assertEqual((status, failed["meta"]), (500, {"rpc_code": "2000", "rpc_data": "sorry"}))
        status, unknown = await self.perform("nothing", "")
        self.assertEqual((status, unknown["meta"]["rpc_code"]), (400, "1400"))
        status, slow = await self.perform("sleep", "", response_timeout_ms=1000)
        self.assertEqual((status, slow["meta"]["rpc_code"]), (408, "1502"))

    async def test_who_leaves_answers_no_more(self) -> None:
        bob = await self.join("bob")

        async def sleep(_: rtc.RpcInvocationData) -> str:
            await asyncio.sleep(30)
            return ""

        bob.me.register_rpc_method("sleep", sleep)
        call = asyncio.create_task(self.perform("sleep", ""))
        await asyncio.sleep(0.5)
        await self.rooms.remove_participant(self.named("bob"))
        status, gone = await call
        self.assertEqual((status, gone["meta"]["rpc_code"]), (503, "1503"))
        status, none = await self.perform("sleep", "")
        self.assertEqual((status, none["code"]), (404, "not_found"))


class Moves(ServerApiTest):
    async def test_someone_is_moved_without_connecting_anew(self) -> None:
        other = f"{self.room}-other"
        ada, bob = await self.join_all("ada", "bob")
        cleo = await self.join("cleo", mint(other, "cleo"))
        async with microphone(400) as low, microphone(800) as middle, microphone(1200) as high:
            await ada.me.publish_track(low)
            await bob.me.publish_track(middle)
            await cleo.me.publish_track(high)
            await ada.track_of("bob", AUDIO)
            await bob.track_of("ada", AUDIO)
            sid = bob.me.sid
            await self.rooms.move_participant(
                api.MoveParticipantRequest(room=self.room, identity="bob", destination_room=other)
            )
            await ada.told("participant_disconnected", matching=lambda p: p.identity == "bob")
            await cleo.told("participant_connected", matching=lambda p: p.identity == "bob")
            await bob.told("moved")
            await eventually(lambda: bob.others() == {"cleo"}, "bob sees who is in the other room")
            self.assertEqual((bob.room.name, bob.me.sid == sid), (other, False))
            self.assertEqual((bob.all("disconnected"), bob.all("reconnecting")), ([], []), "the same connection")
            await self.hears(cleo, "bob", 800)
            await self.hears(bob, "cleo", 1200)
            here = await self.rooms.list_participants(api.ListParticipantsRequest(room=self.room))
            there = await self.rooms.list_participants(api.ListParticipantsRequest(room=other))
            self.assertEqual([info.identity for info in here.participants], ["ada"])
            self.assertEqual({info.identity for info in there.participants}, {"bob", "cleo"})
            # And back again, to a room that knew it.
            await self.rooms.move_participant(
                api.MoveParticipantRequest(room=other, identity="bob", destination_room=self.room)
            )
            await self.hears(ada, "bob", 800)
            await self.hears(bob, "ada", 400)

    async def hears(self, listener: Person, speaker: str, frequency: float) -> None:
        await hear(await listener.track_of(speaker, AUDIO), frequency, within=15)

    async def test_someone_is_forwarded_and_stays(self) -> None:
        other = f"{self.room}-other"
        ada, bob = await self.join_all("ada", "bob")
        cleo = await self.join("cleo", mint(other, "cleo"))
        async with microphone(400) as low, microphone(1200) as high:
            await ada.me.publish_track(low)
            await cleo.me.publish_track(high)
            await self.rooms.forward_participant(
                api.ForwardParticipantRequest(room=self.room, identity="ada", destination_room=other)
            )
            await self.hears(cleo, "ada", 400)
            await self.hears(bob, "ada", 400)
            self.assertEqual((ada.others(), cleo.others()), ({"bob"}, {"ada"}))
            await self.rooms.remove_participant(api.RoomParticipantIdentity(room=other, identity="ada"))
            await cleo.told("participant_disconnected", matching=lambda p: p.identity == "ada")
            self.assertEqual(bob.others(), {"ada"})

    async def test_what_cannot_be_moved_stays(self) -> None:
        await self.join("bob")
        full = f"{self.room}-full"
        await self.rooms.create_room(api.CreateRoomRequest(name=full, max_participants=1))
        await self.join("dan", mint(full, "dan"))
        for identity, destination, code in [
            ("none", "anywhere", "not_found"), ("bob", self.room, "invalid_argument"), ("bob", full, "resource_exhausted")
        ]:  # fmt: skip
            async with self.refused(code):
                await self.rooms.move_participant(
                    api.MoveParticipantRequest(room=self.room, identity=identity, destination_room=destination)
                )
        there = await self.rooms.list_participants(api.ListParticipantsRequest(room=self.room))
        self.assertEqual([info.identity for info in there.participants], ["bob"])

"""PyPI's livekit, unchanged: packets, text and byte streams, remote calls."""

import asyncio

from livekit import rtc
from people import MeetingTest, Person, eventually
from plenary import mint


def got(person: Person) -> list[tuple[bytes, str, str]]:
    """Packets in the order in which they came: payload, sender, topic."""
    return [(p.data, p.participant.identity if p.participant else "", p.topic) for (p,) in person.all("data_received")]


class Data(MeetingTest):
    async def test_reliable_packets_reach_all_others_in_order(self) -> None:
        ada, bob, cleo = await self.join_all("ada", "bob", "cleo")
        sent = [f"message {number}".encode() for number in range(200)]
        for payload in sent:
            await ada.me.publish_data(payload, reliable=True, topic="count")
        for person in (bob, cleo):
            await eventually(lambda: len(got(person)) >= len(sent), "all came")
            self.assertEqual(got(person), [(payload, "ada", "count") for payload in sent])
        self.assertEqual(got(ada), [], "nobody hears itself")

    async def test_packets_for_one_person_reach_no_other(self) -> None:
        ada, bob, cleo = await self.join_all("ada", "bob", "cleo")
        for reliable in (True, False):
            await ada.me.publish_data(b"for bob", reliable=reliable, destination_identities=["bob"])
        # What comes after it on the same way proves that nothing was before it.
        await ada.me.publish_data(b"for all", reliable=True)
        await eventually(lambda: len(got(bob)) == 3, "bob gets all three")
        await eventually(lambda: got(cleo), "cleo gets the last")
        self.assertEqual(got(cleo), [(b"for all", "ada", "")])

    async def test_lossy_packets_come_on_a_clean_network(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        await ada.me.publish_data(b"to", reliable=False)
        await bob.me.publish_data(b"fro", reliable=False)
        await eventually(lambda: got(bob) == [(b"to", "ada", "")], "bob gets it")
        await eventually(lambda: got(ada) == [(b"fro", "bob", "")], "ada gets it")

    async def test_texts_go_both_ways(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        long = "Grüße, 世界! " * 5_000
        for sender, receiver, text in ((ada, bob, "short"), (bob, ada, long), (ada, bob, long)):
            come = self.next_text(receiver)
            await sender.me.send_text(text, topic="chat", attributes={"mood": "good"})
            identity, info, received = await asyncio.wait_for(come, 10)
            self.assertEqual((identity, received), (sender.me.identity, text))
            self.assertEqual((info.topic, info.attributes.get("mood")), ("chat", "good"))

    def next_text(self, person: Person) -> asyncio.Future:
        come = asyncio.get_running_loop().create_future()

        async def read(reader: rtc.TextStreamReader, identity: str) -> None:
            come.set_result((identity, reader.info, await reader.read_all()))

        def opened(reader: rtc.TextStreamReader, identity: str) -> None:
            person.room.unregister_text_stream_handler("chat")
            come.reading = asyncio.ensure_future(read(reader, identity))

        person.room.register_text_stream_handler("chat", opened)
        return come

    async def test_a_text_that_grows_is_read_as_it_comes(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        pieces: asyncio.Queue[str] = asyncio.Queue()

        async def read(reader: rtc.TextStreamReader) -> None:
            async for piece in reader:
                await pieces.put(piece)

        bob.room.register_text_stream_handler("words", lambda reader, _: setattr(self, "task", asyncio.ensure_future(read(reader))))
        writer = await ada.me.stream_text(topic="words")
        for word in ("one ", "two ", "three"):
            await writer.write(word)
            self.assertEqual(await asyncio.wait_for(pieces.get(), 10), word)
        await writer.aclose()

    async def test_bytes_come_whole(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        payload = bytes(range(256)) * 1_000
        come = asyncio.get_running_loop().create_future()

        async def read(reader: rtc.ByteStreamReader) -> None:
            come.set_result(b"".join([piece async for piece in reader]))

        bob.room.register_byte_stream_handler("file", lambda reader, _: setattr(self, "task", asyncio.ensure_future(read(reader))))
        await ada.me.send_bytes(payload, name="file.bin", topic="file")
        self.assertEqual(await asyncio.wait_for(come, 10), payload)

    async def test_a_call_is_answered(self) -> None:
        ada, bob = await self.join_all("ada", "bob")

        async def double(call: rtc.RpcInvocationData) -> str:
            return call.payload * 2

        bob.me.register_rpc_method("double", double)
        answer = await ada.me.perform_rpc(destination_identity="bob", method="double", payload="ab")
        self.assertEqual(answer, "abab")

    async def test_who_may_not_send_data_reaches_nobody(self) -> None:
        mute = await self.join("mute", mint(self.room, "mute", video={"canPublishData": False}))
        ada, bob = await self.join("ada"), await self.join("bob")
        await eventually(lambda: bob.others() == {"ada", "mute"}, "all are there")
        try:
            await mute.me.publish_data(b"not allowed", reliable=True)
        except rtc.participant.PublishDataError:
            pass
        await ada.me.publish_data(b"allowed", reliable=True)
        await eventually(lambda: (b"allowed", "ada", "") in got(bob), "bob gets what is allowed")
        self.assertEqual([payload for payload, _, _ in got(bob)], [b"allowed"])


class DataOverTwoConnections(Data):
    one_connection = False

"""Who has no right to come in doesn't, and is told why."""

from livekit import rtc
from media import microphone
from people import MeetingTest, Person
from plenary import mint


class Refusals(MeetingTest):
    async def refused(self, token: str, status: str = "401") -> None:
        """By the SDK, and by the plain request that browsers use to learn why."""
        with self.assertRaises(rtc.ConnectError) as raised:
            await Person().room.connect(self.server.url, token)
        self.assertIn(status, str(raised.exception))
        code, body = self.server.http("/rtc/v1/validate", {"Authorization": f"Bearer {token}"})
        self.assertEqual(str(code), status, body)
        self.assertTrue(body.strip(), "an error has words")

    async def test_a_token_of_our_own_is_good(self) -> None:
        person = await self.join("ada", self.server.token(self.room, "ada", "--name", "Ada"))
        self.assertEqual((person.me.identity, person.me.name, person.room.name), ("ada", "Ada", self.room))

    async def test_a_forged_signature(self) -> None:
        await self.refused(mint(self.room, "ada", secret="guess"))

    async def test_a_foreign_key(self) -> None:
        await self.refused(mint(self.room, "ada", key="elsewhere"))

    async def test_an_expired_token(self) -> None:
        await self.refused(mint(self.room, "ada", lives=-600))

    async def test_a_token_that_is_none(self) -> None:
        await self.refused("not.a.token")

    async def test_a_signature_of_nothing(self) -> None:
        await self.refused(mint(self.room, "ada").rsplit(".", 1)[0] + ".")

    async def test_a_token_that_may_not_join(self) -> None:
        token = mint(self.room, "ada", video={"roomJoin": False})
        with self.assertRaises(rtc.ConnectError):
            await Person().room.connect(self.server.url, token)

    async def test_who_may_not_publish_is_refused_and_stays(self) -> None:
        token = mint(self.room, "ada", video={"canPublish": False})
        ada = await self.join("ada", token)
        bob = await self.join("bob")
        async with microphone(440) as track:
            with self.assertRaises(rtc.participant.PublishTrackError):
                await ada.me.publish_track(track)
        await bob.me.publish_data(b"still there?")
        await ada.told("data_received")

"""PyPI's livekit, unchanged: pictures and sound through the server."""

import asyncio
import contextlib

from livekit import rtc
from media import WIDTH, camera, hear, microphone, pictures, see
from people import SOON, MeetingTest, Person, eventually

RED, BLUE = (200, 40, 60), (30, 60, 190)
VIDEO, AUDIO = rtc.TrackKind.KIND_VIDEO, rtc.TrackKind.KIND_AUDIO

# Simulcast's highest layer comes only when the publisher has probed that the way is wide enough.
RAMP_WITHIN = 25.0


def source(kind: int) -> rtc.TrackPublishOptions:
    return rtc.TrackPublishOptions(source=kind)


CAMERA, MICROPHONE = source(rtc.TrackSource.SOURCE_CAMERA), source(rtc.TrackSource.SOURCE_MICROPHONE)


class Media(MeetingTest):
    async def asyncSetUp(self) -> None:
        self.devices = contextlib.AsyncExitStack()
        self.addAsyncCleanup(self.devices.aclose)

    async def show(self, person: Person, colour: tuple[int, int, int], **options: object) -> rtc.LocalTrackPublication:
        track = await self.devices.enter_async_context(camera(colour))
        chosen = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, **options)
        return await person.me.publish_track(track, chosen)

    async def speak(self, person: Person, frequency: float) -> rtc.LocalTrackPublication:
        track = await self.devices.enter_async_context(microphone(frequency))
        return await person.me.publish_track(track, MICROPHONE)

    async def test_two_people_see_and_hear_each_other(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        await self.show(ada, RED)
        await self.speak(ada, 440)
        await self.show(bob, BLUE)
        await self.speak(bob, 1_000)
        await see(await bob.track_of("ada", VIDEO), RED, SOON)
        await see(await ada.track_of("bob", VIDEO), BLUE, SOON)
        await hear(await bob.track_of("ada", AUDIO), 440, SOON)
        await hear(await ada.track_of("bob", AUDIO), 1_000, SOON)

    async def test_a_720p_camera_arrives_as_720p(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        await self.show(ada, RED)
        track = await bob.track_of("ada", VIDEO)
        picture = await see(track, RED, RAMP_WITHIN, width=WIDTH)
        self.assertEqual((picture.width, picture.height), (1280, 720))

    async def test_who_asks_for_a_thumbnail_gets_one(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        await self.show(ada, RED)
        track = await bob.track_of("ada", VIDEO)
        await see(track, RED, RAMP_WITHIN, width=WIDTH)
        publication = next(iter(bob.room.remote_participants["ada"].track_publications.values()))
        publication.set_video_quality(rtc.VideoQuality.VIDEO_QUALITY_LOW)
        await self.sees_at_most(track, 320)

    async def sees_at_most(self, track: rtc.RemoteVideoTrack, width: int) -> None:
        """Until ten pictures in a row are small."""
        async def look() -> None:
            small = 0
            async with contextlib.aclosing(pictures(track)) as stream:
                async for picture in stream:
                    small = small + 1 if picture.width <= width else 0
                    if small == 10:
                        return

        await asyncio.wait_for(look(), SOON)

    async def test_h264_passes(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        await self.show(ada, BLUE, video_codec=rtc.VideoCodec.H264)
        await see(await bob.track_of("ada", VIDEO), BLUE, SOON)

    async def test_who_comes_later_sees_and_hears_what_is_there(self) -> None:
        ada = await self.join("ada")
        await self.show(ada, RED)
        await self.speak(ada, 700)
        bob = await self.join("bob")
        await see(await bob.track_of("ada", VIDEO), RED, SOON)
        await hear(await bob.track_of("ada", AUDIO), 700, SOON)

    async def test_mute_is_silence_and_is_seen(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        publication = await self.speak(ada, 440)
        track = await bob.track_of("ada", AUDIO)
        await hear(track, 440, SOON)
        publication.track.mute()
        await bob.told("track_muted")
        await hear(track, None, SOON)
        publication.track.unmute()
        await bob.told("track_unmuted")
        await hear(track, 440, SOON)

    async def test_unpublish_and_publish_again(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        first = await self.show(ada, RED)
        await see(await bob.track_of("ada", VIDEO), RED, SOON)
        await ada.me.unpublish_track(first.sid)
        await bob.told("track_unpublished", matching=lambda publication, _: publication.sid == first.sid)
        await eventually(lambda: not bob.room.remote_participants["ada"].track_publications, "nothing is left")
        await self.show(ada, BLUE)
        await see(await bob.track_of("ada", VIDEO), BLUE, SOON)

    async def test_screen_and_camera_of_one_person_stay_apart(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        await self.show(ada, RED)
        screen = await self.devices.enter_async_context(camera(BLUE))
        await ada.me.publish_track(screen, source(rtc.TrackSource.SOURCE_SCREENSHARE))
        for kind, colour in ((rtc.TrackSource.SOURCE_CAMERA, RED), (rtc.TrackSource.SOURCE_SCREENSHARE, BLUE)):

            def of_source() -> rtc.RemoteVideoTrack | None:
                publications = bob.room.remote_participants["ada"].track_publications.values()
                return next((p.track for p in publications if p.source == kind and p.track), None)

            await see(await eventually(of_source, "both tracks"), colour, SOON)

    async def test_media_is_sealed_with_aes_256(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        await self.speak(ada, 440)
        await hear(await bob.track_of("ada", AUDIO), 440, SOON)
        for person in (ada, bob):
            stats = await person.room.get_rtc_stats()
            transports = [
                s.transport.transport
                for s in [*stats.publisher_stats, *stats.subscriber_stats]
                if s.WhichOneof("stats") == "transport"
            ]
            self.assertTrue(transports)
            self.assertEqual({t.srtp_cipher for t in transports}, {"AEAD_AES_256_GCM"})

    async def test_who_speaks_is_said(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        await self.speak(ada, 440)
        await bob.told("active_speakers_changed", matching=lambda now: [p.identity for p in now] == ["ada"])

    async def test_five_people_hear_one_another(self) -> None:
        names = ["ada", "bob", "cleo", "dan", "eve"]
        people = await self.join_all(*names)
        tones = {name: 400 + 200 * place for place, name in enumerate(names)}
        for person in people:
            await self.speak(person, tones[person.me.identity])
        for person in people:
            for other in person.others():
                await hear(await person.track_of(other, AUDIO), tones[other], SOON)


class MediaOverTwoConnections(Media):
    one_connection = False

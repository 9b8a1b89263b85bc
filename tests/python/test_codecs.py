"""PyPI's livekit, unchanged: what else it can encode."""

import asyncio
import contextlib

from livekit import rtc
from media import camera, pictures, see
from people import SOON, MeetingTest, Person

RED, BLUE = (200, 40, 60), (30, 60, 190)
VIDEO = rtc.TrackKind.KIND_VIDEO

# The upper layers come only when the publisher has probed that the way is wide enough.
RAMP_WITHIN = 30.0


class Codecs(MeetingTest):
    async def asyncSetUp(self) -> None:
        self.devices = contextlib.AsyncExitStack()
        self.addAsyncCleanup(self.devices.aclose)

    async def show(self, person: Person, colour: tuple[int, int, int], codec: int) -> None:
        track = await self.devices.enter_async_context(camera(colour))
        source = rtc.TrackSource.SOURCE_CAMERA
        await person.me.publish_track(track, rtc.TrackPublishOptions(source=source, video_codec=codec))

    async def layers(self, codec: int, mime: str) -> None:
        ada, bob = await self.join_all("ada", "bob")
        await self.show(ada, RED, codec)
        track = await bob.track_of("ada", VIDEO)
        await see(track, RED, SOON)
        publication = next(iter(bob.room.remote_participants["ada"].track_publications.values()))
        self.assertEqual(publication.mime_type.lower(), mime)
        high = await see(track, RED, RAMP_WITHIN, width=1280)
        self.assertEqual(high.height, 720)
        publication.set_video_quality(rtc.VideoQuality.VIDEO_QUALITY_LOW)
        await asyncio.wait_for(self.sees(track, lambda width: width <= 480), SOON)
        publication.set_video_quality(rtc.VideoQuality.VIDEO_QUALITY_HIGH)
        await asyncio.wait_for(self.sees(track, lambda width: width == 1280), SOON)

    async def sees(self, track: rtc.RemoteVideoTrack, wanted: object) -> None:
        """Until ten pictures in a row are as wanted."""
        count = 0
        async with contextlib.aclosing(pictures(track)) as stream:
            async for picture in stream:
                count = count + 1 if wanted(picture.width) else 0
                if count == 10:
                    return

    async def test_vp9_comes_in_layers(self) -> None:
        await self.layers(rtc.VideoCodec.VP9, "video/vp9")

    async def test_av1_passes(self) -> None:
        ada, bob = await self.join_all("ada", "bob")
        await self.show(ada, BLUE, rtc.VideoCodec.AV1)
        await see(await bob.track_of("ada", VIDEO), BLUE, SOON)

"""What `examples/` shows to developers does what it says."""

import asyncio
import contextlib
import os
import pathlib
import sys
from collections.abc import AsyncIterator

from livekit import rtc
from media import hear
from people import MeetingTest, eventually

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


class Examples(MeetingTest):
    async def test_the_parrot_hums_glows_and_repeats(self) -> None:
        async with self.running(sys.executable, "python/parrot.py", self.room):
            ada = await self.join("ada")
            heard = await ada.track_of("parrot", rtc.TrackKind.KIND_AUDIO, within=20)
            seen = await ada.track_of("parrot", rtc.TrackKind.KIND_VIDEO)
            await hear(heard, 220, within=20)
            frame = await asyncio.wait_for(anext(aiter(rtc.VideoStream(seen))), 20)
            self.assertGreater(frame.frame.width, 0)

            answers: list[str] = []

            async def read(reader: rtc.TextStreamReader) -> None:
                answers.append(await reader.read_all())

            ada.room.register_text_stream_handler("lk.chat", lambda reader, _: asyncio.ensure_future(read(reader)))
            await ada.me.send_text("hello", topic="lk.chat")
            await eventually(lambda: answers == ["hello, hello!"], "the parrot repeats")

    @contextlib.asynccontextmanager
    async def running(self, program: str, script: str, *arguments: str) -> AsyncIterator[None]:
        """From when it says that it is in the room until the body ends."""
        process = await asyncio.create_subprocess_exec(
            program, str(EXAMPLES / script), *arguments,
            env={**os.environ, "LIVEKIT_URL": self.server.url},
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            line = await asyncio.wait_for(process.stdout.readline(), 20)
            self.assertEqual(line.decode(), f"in the room {self.room}\n")
            yield
        finally:
            process.terminate()
            await process.wait()

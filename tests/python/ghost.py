"""A participant in a process of its own, to be killed: `python ghost.py URL TOKEN` says `joined` and stays."""

import asyncio
import sys

from livekit import rtc
from media import microphone


async def main(url: str, token: str) -> None:
    room = rtc.Room()
    await room.connect(url, token)
    async with microphone(500) as track:
        await room.local_participant.publish_track(track)
        print("joined", flush=True)
        await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))

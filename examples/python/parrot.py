"""Joins a room, hums a tone, shows a slowly changing colour, and repeats what is said in the chat."""

import asyncio
import colorsys
import math
import os
import struct
import sys

from livekit import api, rtc

URL = os.environ.get("LIVEKIT_URL", "ws://localhost:7880")
KEY = os.environ.get("LIVEKIT_API_KEY", "devkey")
SECRET = os.environ.get("LIVEKIT_API_SECRET", "secret")

CHAT = "lk.chat"
WIDTH, HEIGHT, FPS = 640, 360, 15
RATE, HUM_HZ = 48_000, 220


def token(room: str, identity: str) -> str:
    """Usually your backend makes it: it knows who somebody is."""
    grants = api.VideoGrants(room_join=True, room=room)
    return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(grants).to_jwt()


async def hum(source: rtc.AudioSource) -> None:
    """10 ms of a quiet sine at a time; `capture_frame` waits when enough is queued."""
    count, step = RATE // 100, 2 * math.pi * HUM_HZ / RATE
    at = 0
    while True:
        samples = (round(3_000 * math.sin((at + n) * step)) for n in range(count))
        wave = struct.pack(f"<{count}h", *samples)
        at += count
        await source.capture_frame(rtc.AudioFrame(wave, RATE, 1, count))


async def glow(source: rtc.VideoSource) -> None:
    """Once round the colour wheel in ten seconds."""
    number = 0
    while True:
        red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(number / (10 * FPS) % 1, 0.6, 0.8))
        pixels = bytes((red, green, blue, 255)) * (WIDTH * HEIGHT)
        source.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, pixels))
        number += 1
        await asyncio.sleep(1 / FPS)


async def main(name: str) -> None:
    room = rtc.Room()
    answers: set[asyncio.Task] = set()

    async def repeat(reader: rtc.TextStreamReader, identity: str) -> None:
        said = await reader.read_all()
        print(f"{identity}: {said}", flush=True)
        await room.local_participant.send_text(f"{said}, {said}!", topic=CHAT)

    def opened(reader: rtc.TextStreamReader, identity: str) -> None:
        answer = asyncio.create_task(repeat(reader, identity))
        answers.add(answer)
        answer.add_done_callback(answers.discard)

    room.register_text_stream_handler(CHAT, opened)
    await room.connect(URL, token(name, "parrot"))
    print(f"in the room {room.name}", flush=True)

    voice = rtc.AudioSource(RATE, 1)
    feathers = rtc.VideoSource(WIDTH, HEIGHT)
    await room.local_participant.publish_track(rtc.LocalAudioTrack.create_audio_track("hum", voice))
    await room.local_participant.publish_track(rtc.LocalVideoTrack.create_video_track("glow", feathers))
    try:
        await asyncio.gather(hum(voice), glow(feathers))
    finally:
        await room.disconnect()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python parrot.py ROOM")
    try:
        asyncio.run(main(sys.argv[1]))
    except KeyboardInterrupt:
        pass

"""Pictures and tones that can be told apart after encoding, and the eyes and ears for them."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

import numpy
from livekit import rtc

WIDTH, HEIGHT, FPS = 1280, 720, 30
RATE = 48_000
FRAME_MS = 10

# What 4:2:0 video in limited range loses on a plain colour is 2 to 3 of 255; a coarse quantiser adds some.
COLOUR_TOLERANCE = 16
# Bin width of the FFT below is 4 Hz.
TONE_TOLERANCE_HZ = 6.0


@contextlib.asynccontextmanager
async def camera(colour: tuple[int, int, int]) -> AsyncIterator[rtc.LocalVideoTrack]:
    """A 720p camera that sees nothing but one colour."""
    source = rtc.VideoSource(WIDTH, HEIGHT)
    pixels = numpy.empty((HEIGHT, WIDTH, 4), numpy.uint8)
    pixels[:] = (*colour, 255)
    frame = rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, pixels.tobytes())
    frame = frame.convert(rtc.VideoBufferType.I420)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        start, count = loop.time(), 0
        while True:
            source.capture_frame(frame, timestamp_us=int(loop.time() * 1e6))
            count += 1
            await asyncio.sleep(max(0.0, start + count / FPS - loop.time()))

    async with background(run()):
        yield rtc.LocalVideoTrack.create_video_track("camera", source)
    await source.aclose()


@contextlib.asynccontextmanager
async def microphone(frequency: float) -> AsyncIterator[rtc.LocalAudioTrack]:
    """A microphone that hears one sine."""
    source = rtc.AudioSource(RATE, 1)
    samples = RATE * FRAME_MS // 1000

    async def run() -> None:
        count = 0
        while True:
            t = (numpy.arange(samples) + count) / RATE
            wave = (numpy.sin(2 * numpy.pi * frequency * t) * 10_000).astype(numpy.int16)
            count += samples
            await source.capture_frame(rtc.AudioFrame(wave.tobytes(), RATE, 1, samples))

    async with background(run()):
        yield rtc.LocalAudioTrack.create_audio_track("microphone", source)
    await source.aclose()


@contextlib.asynccontextmanager
async def background(work: object) -> AsyncIterator[None]:
    """Runs beside the body; a failure of it is a failure of the test."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@dataclasses.dataclass
class Picture:
    """One decoded frame: its size, and the mean colour of its middle."""

    width: int
    height: int
    colour: tuple[float, float, float]

    def shows(self, wanted: tuple[int, int, int]) -> bool:
        return all(abs(a - b) <= COLOUR_TOLERANCE for a, b in zip(self.colour, wanted))


async def pictures(track: rtc.RemoteVideoTrack) -> AsyncIterator[Picture]:
    stream = rtc.VideoStream(track, format=rtc.VideoBufferType.RGBA)
    try:
        async for event in stream:
            frame = event.frame
            pixels = numpy.frombuffer(frame.data, numpy.uint8).reshape(frame.height, frame.width, 4)
            quarter_y, quarter_x = frame.height // 4, frame.width // 4
            middle = pixels[quarter_y : -quarter_y or None, quarter_x : -quarter_x or None, :3]
            yield Picture(frame.width, frame.height, tuple(middle.reshape(-1, 3).mean(axis=0)))
    finally:
        await stream.aclose()


async def see(track: rtc.RemoteVideoTrack, wanted: tuple[int, int, int], within: float, width: int = 0) -> Picture:
    """The first picture in that colour (and at least that wide)."""
    last: Picture | None = None

    async def look() -> Picture:
        nonlocal last
        async with contextlib.aclosing(pictures(track)) as stream:
            async for last in stream:
                if last.shows(wanted) and last.width >= width:
                    return last
        raise AssertionError(f"the track ended; the last picture was {last}")

    try:
        return await asyncio.wait_for(look(), within)
    except TimeoutError:
        raise AssertionError(f"no picture of {wanted}, {width} wide, in {within} s; the last was {last}") from None


async def loudest(track: rtc.RemoteAudioTrack) -> AsyncIterator[tuple[float, float]]:
    """Frequency in Hz and level (RMS, of 32,767) of each quarter of a second."""
    stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
    window, have = [], 0
    try:
        async for event in stream:
            window.append(numpy.frombuffer(event.frame.data, numpy.int16).astype(float))
            have += len(window[-1])
            if have >= RATE // 4:
                wave = numpy.concatenate(window)[: RATE // 4]
                spectrum = numpy.abs(numpy.fft.rfft(wave * numpy.hanning(len(wave))))
                yield float(spectrum.argmax()) * 4, float(numpy.sqrt((wave**2).mean()))
                window, have = [], 0
    finally:
        await stream.aclose()


async def hear(track: rtc.RemoteAudioTrack, frequency: float | None, within: float) -> None:
    """Until the tone is heard for a quarter of a second; `None` waits for silence."""
    last: tuple[float, float] | None = None

    async def listen() -> None:
        nonlocal last
        async with contextlib.aclosing(loudest(track)) as stream:
            async for last in stream:
                heard, level = last
                if frequency is None:
                    if level < 50:
                        return
                elif level > 1_000 and abs(heard - frequency) <= TONE_TOLERANCE_HZ:
                    return
        raise AssertionError(f"the track ended; the last (Hz, level) was {last}")

    try:
        await asyncio.wait_for(listen(), within)
    except TimeoutError:
        raise AssertionError(f"{frequency} Hz not heard in {within} s; the last (Hz, level) was {last}") from None

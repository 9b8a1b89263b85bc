/** How we capture and send. */

import {
  type AudioCaptureOptions,
  type RoomOptions,
  ScreenSharePresets,
  type ScreenShareCaptureOptions,
  type TrackPublishOptions,
  type VideoCaptureOptions,
  VideoPresets,
} from 'livekit-client';

export const CAMERA_CAPTURE: VideoCaptureOptions = {
  resolution: VideoPresets.h720.resolution,
  facingMode: 'user',
};

export const MICROPHONE_CAPTURE: AudioCaptureOptions = {
  autoGainControl: true,
  echoCancellation: true,
  noiseSuppression: true,
};

/** Text must stay sharp, so a shared screen has many pixels and few pictures a second. */
export const SCREEN_CAPTURE: ScreenShareCaptureOptions = {
  audio: true,
  resolution: ScreenSharePresets.h1080fps15.resolution,
  contentHint: 'detail',
  selfBrowserSurface: 'exclude',
  surfaceSwitching: 'include',
  systemAudio: 'include',
};

export const SCREEN_PUBLISH: TrackPublishOptions = {
  screenShareEncoding: ScreenSharePresets.h1080fps15.encoding,
  degradationPreference: 'maintain-resolution',
};

export interface ChosenDevices {
  cameraId: string;
  microphoneId: string;
  speakerId: string;
}

export function roomOptions(devices: ChosenDevices): RoomOptions {
  return {
    // The size of a tile decides the layer that its picture arrives in.
    adaptiveStream: true,
    dynacast: false,
    videoCaptureDefaults: { ...CAMERA_CAPTURE, ...idOf(devices.cameraId) },
    audioCaptureDefaults: { ...MICROPHONE_CAPTURE, ...idOf(devices.microphoneId) },
    ...(devices.speakerId === '' ? {} : { audioOutput: { deviceId: devices.speakerId } }),
    publishDefaults: {
      simulcast: true,
      videoCodec: 'vp8',
      backupCodec: false,
      videoEncoding: VideoPresets.h720.encoding,
      videoSimulcastLayers: [VideoPresets.h180, VideoPresets.h360],
    },
  };
}

function idOf(deviceId: string): { deviceId?: string } {
  return deviceId === '' ? {} : { deviceId };
}

import type { LocalVideoTrack } from 'livekit-client';
import { Avatar } from '../ui/Avatar';
import { IconButton } from '../ui/Button';
import { Video } from '../ui/Video';

/** How one will be seen, and the two switches that matter most. */
export function Preview({ name, camera, cameraOn, cameraStarting, microphoneOn, onCamera, onMicrophone }: {
  name: string;
  camera: LocalVideoTrack | null;
  cameraOn: boolean;
  cameraStarting: boolean;
  microphoneOn: boolean;
  onCamera: () => void;
  onMicrophone: () => void;
}) {
  return (
    <div className="preview dark">
      {camera === null ? (
        <div className="preview-empty">
          <Avatar name={name} identity={name} />
          <p>{cameraStarting ? 'Starting the camera…' : 'Your camera is off'}</p>
        </div>
      ) : (
        <Video source={camera} mirrored label="Your camera" />
      )}
      <div className="preview-controls">
        <IconButton
          className={microphoneOn ? 'control' : 'control control-off'}
          label={microphoneOn ? 'Mute microphone' : 'Unmute microphone'}
          icon={microphoneOn ? 'mic' : 'micOff'}
          onClick={onMicrophone}
        />
        <IconButton
          className={cameraOn ? 'control' : 'control control-off'}
          label={cameraOn ? 'Turn off camera' : 'Turn on camera'}
          icon={cameraOn ? 'camera' : 'cameraOff'}
          onClick={onCamera}
        />
      </div>
    </div>
  );
}

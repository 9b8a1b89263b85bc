import { useState } from 'react';
import { deviceLabel } from '../lib/devices';
import type { Devices } from '../lib/useDevices';
import { Button } from '../ui/Button';
import { type Choice, Select } from '../ui/Select';
import { testSpeaker } from './testSpeaker';

export interface DeviceIds {
  camera: string;
  microphone: string;
  speaker: string;
}

/** Camera, microphone and speaker, each only where there is something to choose. */
export function DevicePickers({ devices, chosen, onChoose }: {
  devices: Devices;
  chosen: DeviceIds;
  onChoose: (kind: keyof DeviceIds, deviceId: string) => void;
}) {
  const [silent, setSilent] = useState(false);
  return (
    <div className="pickers">
      <Picker label="Camera" none="No camera available" list={devices.cameras} value={chosen.camera} onChange={(id) => onChoose('camera', id)} />
      <Picker
        label="Microphone"
        none="No microphone available"
        list={devices.microphones}
        value={chosen.microphone}
        onChange={(id) => onChoose('microphone', id)}
      />
      {devices.speakers.length > 0 && (
        <div className="picker-row">
          <Picker label="Speaker" none="" list={devices.speakers} value={chosen.speaker} onChange={(id) => onChoose('speaker', id)} />
          <Button icon="speaker" onClick={() => void testSpeaker(chosen.speaker).then(() => setSilent(false), () => setSilent(true))}>
            Test
          </Button>
        </div>
      )}
      {silent && (
        <p className="field-error" role="alert">
          This speaker could not be used. Choose another one.
        </p>
      )}
    </div>
  );
}

function Picker({ label, none, list, value, onChange }: {
  label: string;
  none: string;
  list: readonly MediaDeviceInfo[];
  value: string;
  onChange: (id: string) => void;
}) {
  const choices: Choice[] =
    list.length === 0
      ? [{ value: '', label: none }]
      : list.map((device, index) => ({ value: device.deviceId, label: deviceLabel(device, index, label) }));
  const known = choices.some((choice) => choice.value === value);
  return <Select label={label} choices={choices} value={known ? value : (choices[0]?.value ?? '')} onChange={onChange} disabled={list.length === 0} />;
}

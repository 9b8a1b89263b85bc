/** Made-up people and pictures, to look at the meeting without a server. */

import type { TileState } from '../meeting/Tile';
import { type TileItem, tileKey } from '../meeting/tiles';
import type { VideoSource } from '../ui/Video';

const NAMES = [
  'Amara Okafor', 'Ben Lindqvist', 'Chiara Rossi', 'Dmitri', 'Eun-ji Park', 'Fatima al-Zahra Benali', 'Goran Kovač',
  'Hana Suzuki', 'Iñigo Etxeberria', 'Jonas', 'Katharina von Hohenberg-Lichtenstein', 'Liu Wei', 'María José', 'Nnamdi', 'Olu',
];

export function fakePeople(count: number): TileItem[] {
  return Array.from({ length: count }, (_, index) => {
    const identity = `person-${index}`;
    const name = NAMES[index % NAMES.length] ?? identity;
    return { key: tileKey(identity, 'camera'), identity, source: 'camera', name, local: index === 0 };
  });
}

export function fakeScreen(owner: TileItem): TileItem {
  return { ...owner, key: tileKey(owner.identity, 'screen_share'), source: 'screen_share' };
}

export function fakeState(item: TileItem, index: number): TileState {
  const screen = item.source === 'screen_share';
  return {
    video: screen ? picture(drawScreen, 1920, 1080) : index % 4 === 3 ? null : picture((pen, w, h) => drawPerson(pen, w, h, index * 47), 640, 360),
    speaking: index === 1,
    microphoneOn: index % 3 !== 2,
    quality: index % 5 === 4 ? 'poor' : index % 5 === 2 ? 'good' : 'excellent',
    mirrored: item.local,
  };
}

type Draw = (pen: CanvasRenderingContext2D, width: number, height: number) => void;

function picture(draw: Draw, width: number, height: number): VideoSource {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext('2d');
  const paint = () => pen && draw(pen, width, height);
  paint();
  const stream = canvas.captureStream(2);
  const timer = setInterval(paint, 500);
  return {
    attach: (element) => {
      element.srcObject = stream;
    },
    detach: (element) => {
      clearInterval(timer);
      element.srcObject = null;
    },
  };
}

function drawPerson(pen: CanvasRenderingContext2D, width: number, height: number, hue: number): void {
  const wall = pen.createLinearGradient(0, 0, width, height);
  wall.addColorStop(0, `hsl(${hue} 22% 62%)`);
  wall.addColorStop(1, `hsl(${hue + 30} 26% 38%)`);
  pen.fillStyle = wall;
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = `hsl(${hue + 180} 30% 30%)`;
  pen.beginPath();
  pen.ellipse(width / 2, height * 1.08, width * 0.26, height * 0.45, 0, 0, 7);
  pen.fill();
  pen.fillStyle = `hsl(${20 + (hue % 20)} 40% ${40 + (hue % 35)}%)`;
  pen.beginPath();
  pen.ellipse(width / 2, height * 0.44, width * 0.11, height * 0.25, 0, 0, 7);
  pen.fill();
}

function drawScreen(pen: CanvasRenderingContext2D, width: number, height: number): void {
  pen.fillStyle = '#fdfdfb';
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = '#20303c';
  pen.font = 'bold 64px sans-serif';
  pen.fillText('Quarterly review', 120, 180);
  pen.font = '34px sans-serif';
  ['Results against the plan', 'What customers told us', 'Next steps and who takes them'].forEach((line, index) => {
    pen.fillText(`•  ${line}`, 120, 300 + index * 80);
  });
  [320, 460, 380, 610, 540].forEach((size, index) => {
    pen.fillStyle = `hsl(${170 + index * 8} 45% ${34 + index * 6}%)`;
    pen.fillRect(1080 + index * 140, 960 - size, 100, size);
  });
}

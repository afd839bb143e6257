import path from 'node:path';
import { readPng } from '../../cli/image/read-png.ts';
import type { RgbaImage } from '../../../shared/protocol.ts';

const FOLDER = path.join(import.meta.dirname, '../truth');

/** A pair as the world's own code draws it, in several poses that no network was trained on (`models-manifest/training/truth.py`). */
export async function readTruth(subject: string, style: string): Promise<RgbaImage[]> {
  const strip = await readPng(path.join(FOLDER, `${subject}-${style}.png`));
  const size = strip.height;
  return Array.from({ length: strip.width / size }, (_, pose) => cut(strip, pose * size, size));
}

function cut({ width, data }: RgbaImage, left: number, size: number): RgbaImage {
  const part = new Uint8ClampedArray(size * size * 4);
  for (let y = 0; y < size; y++) part.set(data.subarray((y * width + left) * 4, (y * width + left + size) * 4), y * size * 4);
  return { width: size, height: size, data: part };
}

/** The root mean square difference over the pixels, in [0, 1], to the nearest of `poses`. */
export const distanceToNearest = (picture: RgbaImage, poses: readonly RgbaImage[]): number =>
  Math.min(...poses.map((pose) => rootMeanSquare(picture, pose)));

function rootMeanSquare(a: RgbaImage, b: RgbaImage): number {
  let sum = 0;
  // The opaque alpha of both adds nothing.
  for (let i = 0; i < a.data.length; i++) sum += (a.data[i]! - b.data[i]!) ** 2;
  return Math.sqrt(sum / (a.width * a.height * 3)) / 255;
}

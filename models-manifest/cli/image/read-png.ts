import { readFile } from 'node:fs/promises';
import { convertIndexedToRgb, decode } from 'fast-png';
import { DiptychError } from '../../../shared/errors.ts';
import type { RgbaImage } from '../../../shared/protocol.ts';

/** @throws DiptychError `usage` for a file that cannot be read or is no PNG */
export async function readPng(file: string): Promise<RgbaImage> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new DiptychError('usage', `${file} cannot be read`, { file }, { cause });
  });
  try {
    return decodePng(bytes);
  } catch (cause) {
    throw new DiptychError('usage', `${file} is no PNG that can be read; convert it to PNG first`, { file }, { cause });
  }
}

/** @throws Error for bytes that are no PNG */
export function decodePng(bytes: Uint8Array): RgbaImage {
  const image = decode(bytes);
  const { width, height, depth } = image;
  const data = new Uint8ClampedArray(width * height * 4);
  const samples = image.palette ? convertIndexedToRgb(image) : image.data;
  const channels = samples.length / (width * height);
  const full = image.palette ? 255 : 2 ** depth - 1;
  const at = (pixel: number, channel: number) => (255 * samples[pixel * channels + channel]!) / full;
  for (let pixel = 0; pixel < width * height; pixel++) {
    // One channel is grey, two are grey and alpha, three colours, four both.
    const alpha = channels % 2 === 0 ? at(pixel, channels - 1) : 255;
    const colour = (k: number) => at(pixel, channels < 3 ? 0 : k);
    data.set([colour(0), colour(1), colour(2), alpha], pixel * 4);
  }
  return { width, height, data };
}

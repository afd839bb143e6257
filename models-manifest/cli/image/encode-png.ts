import { encode } from 'fast-png';

/** An 8-bit RGB PNG from RGBA rows; the pictures are opaque. */
export function encodePng({ width, height, data }: { width: number; height: number; data: Uint8ClampedArray }): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) rgb.set(data.subarray(i * 4, i * 4 + 3), i * 3);
  return encode({ width, height, data: rgb, channels: 3, depth: 8 });
}

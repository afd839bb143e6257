import type { RgbaImage } from '../../shared/protocol.ts';

const GAP = 4;
const ZOOM = 2;

/** Pictures of one size side by side, each pixel twice as large, on white. */
export function strip(pictures: readonly RgbaImage[]): RgbaImage {
  const { width, height } = pictures[0]!;
  const whole = { width: pictures.length * (width * ZOOM + GAP) - GAP, height: height * ZOOM };
  const data = new Uint8ClampedArray(whole.width * whole.height * 4).fill(255);
  const target = new Uint32Array(data.buffer);
  for (const [k, picture] of pictures.entries()) {
    const source = new Uint32Array(picture.data.buffer, picture.data.byteOffset, width * height);
    const left = k * (width * ZOOM + GAP);
    for (let y = 0; y < height * ZOOM; y++)
      for (let x = 0; x < width * ZOOM; x++)
        target[y * whole.width + left + x] = source[Math.floor(y / ZOOM) * width + Math.floor(x / ZOOM)]!;
  }
  return { ...whole, data };
}

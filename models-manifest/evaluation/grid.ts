import type { RgbaImage } from '../../shared/protocol.ts';

const GAP = 4;
const ZOOM = 2;

/** Rows of pictures of one size, each pixel twice as large, on white; a cell without a picture stays empty. */
export function grid(rows: readonly (readonly (RgbaImage | undefined)[])[]): RgbaImage {
  const { width, height } = rows.flat().find((picture) => picture !== undefined)!;
  const columns = Math.max(...rows.map((row) => row.length));
  const whole = { width: columns * (width * ZOOM + GAP) - GAP, height: rows.length * (height * ZOOM + GAP) - GAP };
  const data = new Uint8ClampedArray(whole.width * whole.height * 4).fill(255);
  const target = new Uint32Array(data.buffer);
  for (const [r, row] of rows.entries())
    for (const [c, picture] of row.entries()) {
      if (!picture) continue;
      const source = new Uint32Array(picture.data.buffer, picture.data.byteOffset, width * height);
      const start = r * (height * ZOOM + GAP) * whole.width + c * (width * ZOOM + GAP);
      for (let y = 0; y < height * ZOOM; y++)
        for (let x = 0; x < width * ZOOM; x++)
          target[start + y * whole.width + x] = source[Math.floor(y / ZOOM) * width + Math.floor(x / ZOOM)]!;
    }
  return { ...whole, data };
}

import type { RgbaImage } from '../../shared/protocol.ts';

const GAP = 4;
const ZOOM = 2;

/** Rows of pictures of one size as one picture, each pixel twice as large, on white. */
export function contactSheet(rows: readonly (readonly RgbaImage[])[]): RgbaImage {
  const [{ width, height }] = rows[0] as [RgbaImage];
  const sheet = {
    width: Math.max(...rows.map((row) => row.length)) * (width * ZOOM + GAP) - GAP,
    height: rows.length * (height * ZOOM + GAP) - GAP,
  };
  const data = new Uint8ClampedArray(sheet.width * sheet.height * 4).fill(255);
  const target = new Uint32Array(data.buffer);
  for (const [r, row] of rows.entries())
    for (const [c, picture] of row.entries()) {
      const source = new Uint32Array(picture.data.buffer, picture.data.byteOffset, width * height);
      const [top, left] = [r * (height * ZOOM + GAP), c * (width * ZOOM + GAP)];
      for (let y = 0; y < height * ZOOM; y++)
        for (let x = 0; x < width * ZOOM; x++)
          target[(top + y) * sheet.width + left + x] = source[Math.floor(y / ZOOM) * width + Math.floor(x / ZOOM)]!;
    }
  return { ...sheet, data };
}

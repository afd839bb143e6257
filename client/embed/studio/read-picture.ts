import type { RgbaImage } from '../../../shared/protocol.ts';

/** Longest side in pixels: more than any image encoder looks at. */
const SIDE_MAX = 512;

/**
 * A picture of the visitor's, scaled down to `SIDE_MAX` where it is larger.
 *
 * @throws DOMException where the browser cannot read the file as a picture
 */
export async function readPicture(file: Blob): Promise<RgbaImage> {
  const bitmap = await createImageBitmap(file);
  try {
    const scale = Math.min(1, SIDE_MAX / Math.max(bitmap.width, bitmap.height));
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
    const context = new OffscreenCanvas(width, height).getContext('2d')!;
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, width, height);
    return { width, height, data: context.getImageData(0, 0, width, height).data as RgbaImage['data'] };
  } finally {
    bitmap.close();
  }
}

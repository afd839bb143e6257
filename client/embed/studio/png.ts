import type { GenerateResult } from '../../../shared/protocol.ts';

/** A canvas with the picture, pixel for pixel. */
export function drawPicture(canvas: HTMLCanvasElement, { width, height, data }: GenerateResult['image']): void {
  canvas.width = width;
  canvas.height = height;
  canvas.getContext('2d')!.putImageData(new ImageData(data, width, height), 0, 0);
}

export async function toPng(image: GenerateResult['image']): Promise<Blob> {
  const canvas = document.createElement('canvas');
  drawPicture(canvas, image);
  const { promise, resolve, reject } = Promise.withResolvers<Blob>();
  canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The browser made no PNG of the picture.'))), 'image/png');
  return promise;
}

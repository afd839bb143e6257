/** A decoder's output [1, 3, height, width] in [-1, 1] as RGBA rows from the top, 8 bits a channel, clamped and rounded. */
export function toRgba(planes: Float32Array, width: number, height: number): Uint8ClampedArray<ArrayBuffer> {
  const pixels = width * height;
  const rgba = new Uint8ClampedArray(pixels * 4);
  for (let i = 0; i < pixels; i++) {
    for (let channel = 0; channel < 3; channel++) rgba[i * 4 + channel] = (planes[channel * pixels + i]! + 1) * 127.5;
    rgba[i * 4 + 3] = 255;
  }
  return rgba;
}

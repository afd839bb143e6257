import type { SafeTensor } from '../../../shared/lora/safetensors.ts';

/** A float32 tensor full of one value. */
export function float32(shape: number[], fill = 0.1): SafeTensor {
  const values = new Float32Array(shape.reduce((product, dim) => product * dim, 1)).fill(fill);
  return { dtype: 'F32', shape, bytes: new Uint8Array(values.buffer) };
}

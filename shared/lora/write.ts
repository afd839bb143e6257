import { toFloat16 } from '../onnx/float16.ts';
import { COMPONENTS, type Lora } from './lora.ts';
import { type SafeTensor, writeSafetensors } from './safetensors.ts';

const PREFIX = { denoiser: 'unet', textEncoder: 'text_encoder', textEncoder2: 'text_encoder_2' } as const;

/**
 * A LoRA as the catalogue keeps it: safetensors with PEFT names and an explicit `.alpha` for every layer. Matrices in `dtype`, alpha in
 * float32; nothing is folded, so reading it back gives the same LoRA (to float16's precision).
 */
export function writeLora(lora: Lora, dtype: 'F32' | 'F16' = 'F32'): Uint8Array {
  const bytesOf = (values: Float32Array) => new Uint8Array((dtype === 'F16' ? toFloat16(values) : values.slice()).buffer);
  const tensors = new Map<string, SafeTensor>();
  for (const component of COMPONENTS) {
    for (const { module, rank, alpha, down, downShape, up } of lora[component]) {
      const stem = `${PREFIX[component]}.${module}`;
      tensors.set(`${stem}.lora_A.weight`, { dtype, shape: [...downShape], bytes: bytesOf(down) });
      tensors.set(`${stem}.lora_B.weight`, { dtype, shape: [up.length / rank, rank], bytes: bytesOf(up) });
      tensors.set(`${stem}.alpha`, { dtype: 'F32', shape: [], bytes: new Uint8Array(Float32Array.of(alpha).buffer) });
    }
  }
  return writeSafetensors(tensors, lora.metadata);
}

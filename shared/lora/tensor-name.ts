/** Which matrix of which layer a tensor of a LoRA is, by the end of its name. */

export type Part = 'down' | 'up' | 'alpha';

export interface TensorName {
  /** The layer's name in the file, without the ending. */
  stem: string;
  part: Part;
}

/** kohya: `.lora_down.weight`. PEFT: `.lora_A.weight`, with or without the adapter's name. */
const FACTOR = /^(.+)\.lora_(down|up|A|B)(?:\.[^.]+)?\.weight$/;
/** diffusers before PEFT, and its attention processors. */
const FACTOR_BEFORE_PEFT = /^(.+?)(?:\.lora|\.lora_linear_layer|_lora)\.(down|up)\.weight$/;
const ALPHA = /^(.+?)(?:\.lora|\.lora_linear_layer|_lora)?\.alpha$/;

const PARTS: Record<string, Part> = { down: 'down', A: 'down', up: 'up', B: 'up' };

/** `undefined` for a tensor that is no part of a low-rank pair. */
export function tensorName(key: string): TensorName | undefined {
  const factor = FACTOR.exec(key) ?? FACTOR_BEFORE_PEFT.exec(key);
  if (factor) return { stem: factor[1]!, part: PARTS[factor[2]!]! };
  const alpha = ALPHA.exec(key);
  return alpha ? { stem: alpha[1]!, part: 'alpha' } : undefined;
}

import type { Call, StaticType } from '../infer/rule.ts';

/**
 * Evaluates a node whose inputs are all constant and here: the bytes of each output, whose types are `outputs`.
 * `undefined`: it declines (an element type it does not compute with, a division by zero) and the node stays.
 */
export type Kernel = (call: Call, outputs: readonly StaticType[]) => Uint8Array[] | undefined;

import type { LoraLayer } from '../lora/lora.ts';
import type { LayerEntry } from '../manifest.ts';
import type { Feed } from './factors.ts';
import { FUSION } from './interface.ts';

/** What decides in a layer that both LoRAs have: the KLs, or one pair of gates (subject, style) for all. */
export type Decision = 'kl' | readonly [subject: number, style: number];

export interface ControlOptions {
  layers: readonly LayerEntry[];
  subject: readonly LoraLayer[];
  style: readonly LoraLayer[];
  strengths: readonly [subject: number, style: number];
  decision: Decision;
}

/**
 * The feeds that steer one run of a fused graph. Under `kl`, a layer that only one LoRA has uses that one whatever rounding says of
 * the other's KL of zero (`docs/method.md`, section 1), so its gates are given.
 */
export function controlFeeds({ layers, subject, style, strengths, decision }: ControlOptions): Feed[] {
  const has = [subject, style].map((lora) => new Set(lora.map((layer) => layer.module)));
  const rows = layers.map(({ module }) => {
    if (decision !== 'kl') return { select: 0, gates: decision };
    const present = has.map((modules) => (modules.has(module) ? 1 : 0));
    return { select: present[0]! * present[1]!, gates: present };
  });
  return [
    { name: FUSION.strengths, dims: [2], data: Float32Array.from(strengths) },
    { name: FUSION.select, dims: [layers.length, 1], data: Float32Array.from(rows, (row) => row.select) },
    { name: FUSION.gates, dims: [layers.length, 2], data: Float32Array.from(rows.flatMap((row) => [...row.gates])) },
  ];
}

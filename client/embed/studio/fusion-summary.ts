import { BRANCHES } from '../../../shared/fusion/factors.ts';
import type { FusionMap } from '../../../shared/protocol.ts';

/** Layers that stand next to each other in one block of the denoiser: rows `from` to `to` (exclusive) of the map. */
export interface LayerGroup {
  label: string;
  from: number;
  to: number;
}

/** Groups rows by block: `down_blocks.0`, `mid_block`, `up_blocks.1` become `down 0`, `mid`, `up 1`. */
export function layerGroups(modules: readonly string[]): LayerGroup[] {
  const groups: LayerGroup[] = [];
  for (const [row, module] of modules.entries()) {
    const label = blockLabel(module);
    const last = groups.at(-1);
    if (last?.label === label) last.to = row + 1;
    else groups.push({ label, from: row, to: row + 1 });
  }
  return groups;
}

function blockLabel(module: string): string {
  const [, name, index] = /^(?:single_)?([a-z]+)(?:_transformer)?_blocks?(?:\.(\d+))?/.exec(module) ?? [];
  if (name) return index === undefined ? name : `${name} ${index}`;
  return module.split('.', 1)[0] || 'layers';
}

/** How much of a cell is the subject's, by its choice: a layer with both is shared; one with neither counts for none. */
const SUBJECT_PART = [1, 0, 0.5, undefined] as const;

/** The subject's share of the (layer, step) cells in rows `from` to `to`; undefined before the first step. */
export function subjectShare({ choice, modules, steps }: FusionMap, { from, to }: { from: number; to: number }): number | undefined {
  let [won, counted] = [0, 0];
  for (let step = 0; step < steps; step++)
    for (let row = from; row < to; row++) {
      const part = SUBJECT_PART[choice[step * modules.length + row]!];
      if (part === undefined) continue;
      won += part;
      counted++;
    }
  return counted > 0 ? won / counted : undefined;
}

export interface Cell {
  row: number;
  step: number;
}

/** How clear the choice of a cell was: |a - b| / (a + b) of its distances, 0 for a tie, 1 when only one LoRA changed anything. */
export function decisiveness({ distances, modules }: FusionMap, { row, step }: Cell): number {
  const at = (step * modules.length + row) * 2;
  // A LoRA that changes nothing has a distance of zero, give or take the rounding: it may come out a little below.
  const [subject, style] = [Math.max(0, distances[at]!), Math.max(0, distances[at + 1]!)];
  const sum = subject + style;
  return sum > 0 ? Math.abs(subject - style) / sum : 0;
}

/** One cell in words. */
export function cellText(map: FusionMap, { row, step }: Cell): string {
  const at = step * map.modules.length + row;
  const [subject, style] = [map.distances[at * 2]!, map.distances[at * 2 + 1]!];
  const layer = map.modules[row] || `layer ${row + 1}`;
  const measured =
    subject !== 0 || style !== 0 ? ` (change ${distanceText(subject)} by the subject, ${distanceText(style)} by the style)` : '';
  return `Step ${step + 1}, ${layer}: ${BRANCHES[map.choice[at]!]}${measured}`;
}

function distanceText(value: number): string {
  return value <= 0 ? '0' : value >= 0.001 && value < 1000 ? value.toPrecision(2) : value.toExponential(1);
}

/** The whole map in one sentence, for those who cannot see it. */
export function mapText(map: FusionMap): string {
  const share = subjectShare(map, { from: 0, to: map.modules.length });
  if (map.steps === 0) return 'No step has been made yet.';
  if (share === undefined) return 'No LoRA acted in any layer.';
  const percent = Math.round(share * 100);
  return `${map.modules.length} layers over ${map.steps} steps: ${percent} percent went to the subject, ${100 - percent} percent to the style.`;
}

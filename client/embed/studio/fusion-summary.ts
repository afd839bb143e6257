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

/** The share of (layer, step) cells in rows `from` to `to` that the subject won; undefined before the first step. */
export function subjectShare({ choice, modules, steps }: FusionMap, { from, to }: { from: number; to: number }): number | undefined {
  if (steps === 0 || to <= from) return undefined;
  let won = 0;
  for (let step = 0; step < steps; step++) for (let row = from; row < to; row++) if (choice[step * modules.length + row] === 0) won++;
  return won / (steps * (to - from));
}

export interface Cell {
  row: number;
  step: number;
}

/** How clear the choice of a cell was: |a - b| / (a + b) of its KL pair, 0 for a tie, 1 when only one LoRA changed anything. */
export function decisiveness({ kl, modules }: FusionMap, { row, step }: Cell): number {
  const at = (step * modules.length + row) * 2;
  // A LoRA that changes nothing has a KL of zero, give or take the rounding: it may come out a little below.
  const [subject, style] = [Math.max(0, kl[at]!), Math.max(0, kl[at + 1]!)];
  const sum = subject + style;
  return sum > 0 ? Math.abs(subject - style) / sum : 0;
}

/** One cell in words. */
export function cellText(map: FusionMap, { row, step }: Cell): string {
  const at = step * map.modules.length + row;
  const winner = map.choice[at] === 0 ? 'subject' : 'style';
  const [subject, style] = [map.kl[at * 2]!, map.kl[at * 2 + 1]!];
  const layer = map.modules[row] || `layer ${row + 1}`;
  return `Step ${step + 1}, ${layer}: ${winner} (KL ${klText(subject)} for the subject, ${klText(style)} for the style)`;
}

function klText(value: number): string {
  return value <= 0 ? '0' : value >= 0.001 && value < 1000 ? value.toPrecision(2) : value.toExponential(1);
}

/** The whole map in one sentence, for those who cannot see it. */
export function mapText(map: FusionMap): string {
  const share = subjectShare(map, { from: 0, to: map.modules.length });
  if (share === undefined) return 'No step has been made yet.';
  const percent = Math.round(share * 100);
  return `${map.modules.length} layers over ${map.steps} steps: ${percent} percent of the choices went to the subject, ${100 - percent} percent to the style.`;
}

/** A report of `lora inspect` as aligned text. */
import { megabytes } from '../console.ts';
import type { Coverage } from './coverage.ts';
import type { LayerReport } from './inspect-layers.ts';
import type { LoraReport } from './inspect-lora.ts';
import type { FileComponent } from './layer-type.ts';

export const COMPONENT_NAMES: Record<FileComponent, string> = {
  denoiser: 'denoiser',
  textEncoder: 'text encoder',
  textEncoder2: 'text encoder 2',
  textEncoder3: 'text encoder 3',
};

const MOST_PROBLEMS = 5;
const MOST_LAYERS = 10;
const LONGEST_VALUE = 100;

export function reportLines(report: LoraReport): string[] {
  const lines = [
    `${report.file}: ${report.kind}, ${report.tensors} tensors, ${megabytes(report.bytes)}`,
    ...section('', about(report)),
    ...section(report.base === null ? 'layers' : `layers of ${report.base}`, report.coverage.map(coverageRow)),
    ...section('ranks and alphas', scales(report.layers)),
    ...section('largest changes, |delta W|', largest(report.layers)),
    ...section(
      'training',
      report.training.map(({ about: what, key, value }) => [what, shortened(value), key]),
    ),
  ];
  // Names and metadata come from a stranger's file: they must not steer the terminal.
  return lines.map((line) => line.replaceAll(/\p{Cc}/gu, ' '));
}

function about({ file, problems, naming, dtypes, base, norm, unplaced, trigger, tags }: LoraReport): string[][] {
  const verdict =
    problems.length === 0
      ? ['can be fused', base === null ? 'yes, where its layers fit the base' : `yes, into ${base}`]
      : ['can be fused', 'no'];
  const more = problems.length - MOST_PROBLEMS;
  return [
    verdict,
    ...problems.slice(0, MOST_PROBLEMS).map(({ message }) => ['', message.replace(`${file}: `, '')]),
    ...(more > 0 ? [['', `and ${more} more problems`]] : []),
    ['names', naming.join('; ') || 'of no known convention'],
    [
      'data types',
      Object.entries(dtypes)
        .map(([dtype, count]) => `${dtype} (${count})`)
        .join(', '),
    ],
    ['norm of all', norm.toPrecision(4)],
    ...(unplaced.length > 0 ? [['without a layer', `${unplaced.length} tensors, the first ${unplaced[0]}`]] : []),
    ['trigger', trigger ?? 'not said'],
    ...(tags.length > 0 ? [['frequent tags', tags.map(({ tag, count }) => `${tag} (${count})`).join(', ')]] : []),
  ];
}

const coverageRow = ({ component, type, covered, of }: Coverage): string[] => [
  COMPONENT_NAMES[component],
  type,
  of === null ? String(covered) : `${covered} of ${of}`,
];

/** One row for every pair of rank and alpha, the most frequent first. */
function scales(layers: readonly LayerReport[]): string[][] {
  const groups = new Map<string, { row: string[]; count: number }>();
  for (const { rank, alpha, alphaFrom } of layers) {
    if (rank === null || alpha === null || alphaFrom === null) continue;
    const key = `${rank} ${alpha} ${alphaFrom}`;
    const from = { tensor: '', configuration: ' (by its configuration)', rank: ' (none said: the rank)' }[alphaFrom];
    const nothing = alpha === 0 ? '; changes nothing' : '';
    const group = groups.get(key) ?? { row: [`rank ${rank}`, `alpha ${Number(alpha.toPrecision(5))}${from}${nothing}`], count: 0 };
    groups.set(key, { ...group, count: group.count + 1 });
  }
  return [...groups.values()].toSorted((a, b) => b.count - a.count).map(({ row, count }) => [...row, `${count} layers`]);
}

function largest(layers: readonly LayerReport[]): string[][] {
  return layers
    .filter(({ norm }) => norm !== null)
    .toSorted((a, b) => b.norm! - a.norm!)
    .slice(0, MOST_LAYERS)
    .map(({ component, name, norm }) => [norm!.toPrecision(4), COMPONENT_NAMES[component], name]);
}

/** Rows in columns as wide as their widest cell, indented below a title; nothing for no rows. */
function section(title: string, rows: readonly string[][]): string[] {
  if (rows.length === 0) return [];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) =>
    `  ${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join('  ')}`;
  return [...(title ? [title] : []), ...rows.map(line)];
}

function shortened(value: string): string {
  const flat = value.replaceAll(/\s+/g, ' ');
  return flat.length > LONGEST_VALUE ? `${flat.slice(0, LONGEST_VALUE)}...` : flat;
}

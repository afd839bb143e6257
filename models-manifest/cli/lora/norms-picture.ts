/** A picture of what a LoRA changes: one bar a layer, in network order, a panel for each component. */
import path from 'node:path';
import type { LayerReport } from './inspect-layers.ts';
import type { LoraReport } from './inspect-lora.ts';
import { FILE_COMPONENTS, LAYER_TYPES, type LayerType } from './layer-type.ts';
import { niceTicks } from './nice-ticks.ts';
import { COMPONENT_NAMES } from './report-lines.ts';

/** Told apart by people with any colour vision (Okabe and Ito 2008). */
const COLOURS: Record<LayerType, string> = {
  'self-attention': '#0072b2',
  'cross-attention': '#d55e00',
  'joint attention': '#56b4e9',
  'feed-forward': '#009e73',
  convolution: '#cc79a7',
  other: '#7a7a7a',
};

const LEFT = 74;
const RIGHT = 24;
const TOP = 88;
const PANEL_HEIGHT = 190;
const PANEL_GAP = 78;
const LEAST_WIDTH = 900;
const LEAST_BAR = 1.5;
const WIDEST_BAR = 22;
/** Of the letters of a block label, in pixels. */
const LETTER = 6.2;

type Bar = LayerReport & { norm: number };

interface Panel {
  title: string;
  bars: Bar[];
}

/** An SVG that needs no other file; every bar tells its layer and number when pointed at. */
export function normsPicture(report: LoraReport): string {
  const readable = report.layers.filter((layer): layer is Bar => layer.norm !== null);
  const panels = FILE_COMPONENTS.map((component) => ({
    title: COMPONENT_NAMES[component],
    bars: inNetworkOrder(readable.filter((layer) => layer.component === component)),
  })).filter(({ bars }) => bars.length > 0);
  const longest = Math.max(1, ...panels.map(({ bars }) => bars.length));
  const width = Math.max(LEAST_WIDTH, LEFT + RIGHT + longest * LEAST_BAR);
  const height = TOP + Math.max(1, panels.length) * (PANEL_HEIGHT + PANEL_GAP) - 14;
  const title = `What ${path.basename(report.file)} changes`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#222">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(LEFT, 30, title, 'font-size="18" font-weight="600"'),
    text(LEFT, 50, subtitle(report, readable.length), 'fill="#555"'),
    legend(readable),
    ...panels.map((panel, i) => panelOf(panel, TOP + i * (PANEL_HEIGHT + PANEL_GAP), width)),
    ...(panels.length === 0 ? [text(LEFT, TOP + 40, 'No layer can be read.')] : []),
    '</svg>\n',
  ].join('\n');
}

function subtitle({ kind, norm, base }: LoraReport, layers: number): string {
  return `${kind}; ${layers} layers${base === null ? '' : ` of ${base}`}; norm of all ${norm.toPrecision(4)}`;
}

/** Layers of a block stand together, the blocks as they first appear: exporters and trainers may list the middle before the end. */
function inNetworkOrder(bars: readonly Bar[]): Bar[] {
  const side = ({ block }: Bar) => ({ down: 0, in: 0, mid: 1, up: 2, out: 2 })[block.split(' ')[0]!] ?? (block === 'other' ? 3 : 0);
  const number = ({ block }: Bar) => Number(block.split(' ')[1] ?? 0);
  return bars.toSorted((a, b) => side(a) - side(b) || number(a) - number(b));
}

function legend(bars: readonly Bar[]): string {
  const types = LAYER_TYPES.filter((type) => bars.some((bar) => bar.type === type));
  let x = LEFT;
  return types
    .map((type) => {
      const entry = `<rect x="${x}" y="62" width="11" height="11" fill="${COLOURS[type]}"/>${text(x + 16, 72, type)}`;
      x += 36 + type.length * LETTER;
      return entry;
    })
    .join('');
}

function panelOf({ title, bars }: Panel, top: number, width: number): string {
  const ticks = niceTicks(Math.max(...bars.map(({ norm }) => norm)));
  const most = ticks.at(-1)!;
  const step = Math.min(WIDEST_BAR, (width - LEFT - RIGHT) / bars.length);
  const right = LEFT + step * bars.length;
  const bottom = top + PANEL_HEIGHT;
  const y = (value: number) => round(bottom - (value / most) * (PANEL_HEIGHT - 24));
  return [
    text(LEFT, top + 12, title, 'font-weight="600"'),
    ...blocksOf(bars).map((block, i) => band(block, i, { step, top: top + 20, bottom })),
    ...ticks.map(
      (tick) =>
        `<line x1="${LEFT}" x2="${round(right)}" y1="${y(tick)}" y2="${y(tick)}" stroke="${tick === 0 ? '#222' : '#ddd'}"/>` +
        text(LEFT - 8, y(tick) + 4, String(tick), 'text-anchor="end" fill="#555"'),
    ),
    ...bars.map((bar, i) => barOf(bar, LEFT + i * step, step, y(bar.norm), bottom)),
    `<text transform="translate(20 ${round((top + 20 + bottom) / 2)}) rotate(-90)" text-anchor="middle" fill="#555">Frobenius norm of ΔW</text>`,
    text(LEFT, bottom + 36, 'layers, from input to output, by block', 'fill="#555"'),
  ].join('\n');
}

interface Block {
  label: string;
  from: number;
  count: number;
}

/** Runs of layers of one block. */
function blocksOf(bars: readonly Bar[]): Block[] {
  const blocks: Block[] = [];
  for (const [i, { block }] of bars.entries()) {
    const last = blocks.at(-1);
    if (last?.label === block) last.count++;
    else blocks.push({ label: block, from: i, count: 1 });
  }
  return blocks;
}

/** Every other block has a tinted ground. A label that is wider than its block is cut to its number, or left out. */
function band({ label, from, count }: Block, index: number, { step, top, bottom }: { step: number; top: number; bottom: number }): string {
  const [x, width] = [LEFT + from * step, count * step];
  const fitting = [label, label.split(' ').at(-1)!].find((candidate) => candidate.length * LETTER <= width);
  const ground =
    index % 2 === 0 ? `<rect x="${round(x)}" y="${top}" width="${round(width)}" height="${bottom - top}" fill="#f4f4f1"/>` : '';
  return ground + (fitting === undefined ? '' : text(round(x + width / 2), bottom + 16, fitting, 'text-anchor="middle"'));
}

function barOf({ name, norm, type, rank, alpha }: Bar, x: number, step: number, top: number, bottom: number): string {
  const gap = step > 4 ? 1 : 0.2;
  const about = `${name}: ${norm.toPrecision(4)}, ${type}, rank ${rank}, alpha ${alpha}`;
  return `<rect x="${round(x + gap / 2)}" y="${top}" width="${round(step - gap)}" height="${round(bottom - top)}" fill="${COLOURS[type]}"><title>${escaped(about)}</title></rect>`;
}

const text = (x: number, y: number, content: string, attributes = ''): string =>
  `<text x="${x}" y="${y}" ${attributes}>${escaped(content)}</text>`;

const round = (value: number): number => Math.round(value * 100) / 100;

function escaped(content: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  // Control characters are not allowed in XML, not even as entities.
  return content.replaceAll(/[&<>"]/g, (character) => entities[character]!).replaceAll(/\p{Cc}|[\ufffe\uffff]/gu, ' ');
}

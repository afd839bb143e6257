import type { FusionMap } from '../../../shared/protocol.ts';
import type { FusionLayout } from './fusion-layout.ts';
import { type Cell, decisiveness, type LayerGroup } from './fusion-summary.ts';

/** CSS colours. */
export interface FusionColours {
  subject: string;
  style: string;
  both: string;
  empty: string;
  text: string;
}

export interface FusionPainting {
  map: FusionMap;
  /** Whether the map holds distances; else every cell is painted in full. */
  measured: boolean;
  /** Columns to leave room for. */
  steps: number;
  groups: readonly LayerGroup[];
  layout: FusionLayout;
  colours: FusionColours;
  marked: Cell | undefined;
  font: string;
}

/** A tie is faint but still tells its side. */
const FAINTEST = 0.22;

/** Layers from the top, steps from the left; hue is the winner, strength how clearly it won. */
export function paintFusion(context: CanvasRenderingContext2D, painting: FusionPainting): void {
  const { map, measured, layout, colours } = painting;
  context.clearRect(0, 0, layout.width, layout.height);
  for (const row of layout.tops.keys())
    for (let step = 0; step < painting.steps; step++) {
      const done = step < map.steps;
      context.globalAlpha = done && measured ? FAINTEST + (1 - FAINTEST) * decisiveness(map, { row, step }) : 1;
      context.fillStyle = done ? colourOf(colours, map.choice[step * map.modules.length + row]!) : colours.empty;
      fillCell(context, layout, { row, step });
    }
  context.globalAlpha = 1;
  paintLabels(context, painting);
  if (painting.marked) markCell(context, painting, painting.marked);
}

/** In the order of `BRANCHES`. */
const colourOf = ({ subject, style, both, empty }: FusionColours, choice: number): string => [subject, style, both, empty][choice]!;

function fillCell(context: CanvasRenderingContext2D, { left, tops, cellWidth, cellHeight }: FusionLayout, { row, step }: Cell): void {
  const gap = cellWidth >= 4 ? 1 : 0;
  // Whole pixels: neighbours that share one would blend.
  const [from, to] = [step, step + 1].map((column) => Math.round(left + column * cellWidth));
  context.fillRect(from!, tops[row]!, to! - from! - gap, cellHeight - (cellHeight >= 4 ? 1 : 0));
}

function paintLabels(context: CanvasRenderingContext2D, { groups, layout, colours, steps, font }: FusionPainting): void {
  context.fillStyle = colours.text;
  context.font = font;
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  for (const { label, from, to } of groups)
    context.fillText(label, 0, (layout.tops[from]! + layout.tops[to - 1]! + layout.cellHeight) / 2, layout.left - 8);
  const axis = layout.height - 8;
  context.fillText('step 1', layout.left, axis);
  context.textAlign = 'right';
  if (steps > 1) context.fillText(String(steps), layout.width, axis);
}

function markCell(context: CanvasRenderingContext2D, { layout, colours }: FusionPainting, { row, step }: Cell): void {
  context.strokeStyle = colours.text;
  context.lineWidth = 2;
  context.strokeRect(layout.left + step * layout.cellWidth - 1, layout.tops[row]! - 1, layout.cellWidth + 1, layout.cellHeight + 1);
}

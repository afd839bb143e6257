import type { Cell, LayerGroup } from './fusion-summary.ts';

/** Where everything stands in the fusion map, in CSS pixels. */
export interface FusionLayout {
  width: number;
  height: number;
  left: number;
  cellWidth: number;
  cellHeight: number;
  /** Top of each row. */
  tops: number[];
}

const LABEL_WIDTH = 62;
const GROUP_GAP = 5;
const AXIS_HEIGHT = 22;
const ROWS_HEIGHT = 300;

/** `steps` is the number of columns to leave room for, whether they are done or not. */
export function fusionLayout(groups: readonly LayerGroup[], steps: number, width: number): FusionLayout {
  const rows = groups.at(-1)?.to ?? 0;
  const cellHeight = Math.min(10, Math.max(3, Math.floor(ROWS_HEIGHT / Math.max(rows, 1))));
  const cellWidth = Math.max(1, (width - LABEL_WIDTH) / Math.max(steps, 1));
  const tops: number[] = [];
  let top = 0;
  for (const { from, to } of groups) {
    if (from > 0) top += GROUP_GAP;
    for (let row = from; row < to; row++, top += cellHeight) tops.push(top);
  }
  return { width, height: top + AXIS_HEIGHT, left: LABEL_WIDTH, cellWidth, cellHeight, tops };
}

/** The cell at a point, undefined beside the cells or in a column of a step that is still to come. */
export function cellAt({ left, cellWidth, cellHeight, tops }: FusionLayout, stepsDone: number, x: number, y: number): Cell | undefined {
  const step = Math.floor((x - left) / cellWidth);
  const row = tops.findIndex((top) => y >= top && y < top + cellHeight);
  return row >= 0 && step >= 0 && step < stepsDone ? { row, step } : undefined;
}

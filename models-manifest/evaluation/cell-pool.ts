import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import type { Cell, CellResult, Trials } from './study.ts';

export interface CellOrder {
  cell: Cell;
  trials: Trials;
}

export type CellReply = { type: 'picture' } | { type: 'made'; result: CellResult } | { type: 'failed'; reason: string };

const PROGRAM = path.join(import.meta.dirname, 'cell-process.ts');

/**
 * Makes `cells` in so many processes of one core each, in no certain order.
 *
 * @param root of the store
 * @param onPicture after each picture
 * @param onCell with each cell's result, as it is made
 * @throws what failed in a process; the others are ended
 */
export async function makeCells(
  { root, trials, processes }: { root: string; trials: Trials; processes: number },
  cells: readonly Cell[],
  onPicture: () => void,
  onCell: (cell: Cell, result: CellResult) => Promise<void>,
): Promise<void> {
  const queue = [...cells];
  const children = Array.from({ length: Math.min(processes, cells.length) }, () => fork(PROGRAM, [root]));
  try {
    await Promise.all(
      children.map(async (child) => {
        for (let cell = queue.shift(); cell; cell = queue.shift()) await onCell(cell, await makeCell(child, { cell, trials }, onPicture));
      }),
    );
  } finally {
    for (const child of children) child.kill();
  }
}

function makeCell(child: ChildProcess, order: CellOrder, onPicture: () => void): Promise<CellResult> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null, signal: string | null) => reject(new Error(`a process of the study ended (${signal ?? code})`));
    const settle = (act: () => void) => {
      child.off('exit', onExit);
      child.off('message', onMessage);
      act();
    };
    const onMessage = (reply: CellReply) => {
      if (reply.type === 'picture') onPicture();
      else if (reply.type === 'made') settle(() => resolve(reply.result));
      else settle(() => reject(new Error(reply.reason)));
    };
    child.on('exit', onExit);
    child.on('message', onMessage);
    child.send(order);
  });
}

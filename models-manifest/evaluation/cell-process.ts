/** One of a study's processes, started by `CellPool`: makes the cells that it is sent, one at a time, and sends back what it made. */
import { Store } from '../cli/store.ts';
import { CellMaker } from './cell-maker.ts';
import type { CellOrder, CellReply } from './cell-pool.ts';

const [root] = process.argv.slice(2) as [string];
const maker = CellMaker.open(new Store(root));
const reply = (message: CellReply) => process.send!(message);

process.on('message', async ({ cell, trials }: CellOrder) => {
  try {
    const result = await (await maker).make(cell, trials, () => reply({ type: 'picture' }));
    reply({ type: 'made', result });
  } catch (error) {
    reply({ type: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
// The parent is gone: nobody waits for the cell any more.
process.on('disconnect', () => process.exit());

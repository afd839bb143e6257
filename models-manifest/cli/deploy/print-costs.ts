/** Prints the cost tables of docs/operate.md, worked out again. */
import { costTables } from './costs.ts';

console.log(costTables());

/** `npm run evaluate -- [STUDY]`: what the demo's pictures are worth, by encoders and by judges that had no part in making them. */
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { withDemoStore } from '../cli/demo/with-demo-store.ts';
import type { Store } from '../cli/store.ts';
import { CellCache } from './cell-cache.ts';
import { type Progress, runStudy } from './run-study.ts';
import { STUDIES } from './studies/studies.ts';
import { type Pair, PROMPTS, type Study, type Trials } from './study.ts';
import { OUT, writeStudy } from './write-study.ts';

interface Options {
  seeds?: number;
  prompts?: number;
  steps: number;
  pairs?: string[];
  variants?: string[];
  processes: number;
  fresh?: true;
  out: string;
}

const NAMES = Object.keys(STUDIES);

const count = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('It is a whole number from 1.');
};
const list = (text: string): string[] => text.split(',').map((part) => part.trim());

const program = new Command('evaluate')
  .description('Makes pairs of the demo’s LoRAs by every variant of a study, on the same prompts and seeds, and scores the pictures.')
  .argument('[study]', `one of ${NAMES.join(', ')}`, NAMES[0])
  .option('--seeds <n>', 'seeds of each pair; a study has its own number', count)
  .option('--prompts <n>', `prompts of each pair, at most ${PROMPTS.length}; a study has its own number`, count)
  .option('--steps <n>', 'steps of each picture', count, 20)
  .option('--pairs <list>', 'some pairs only: pip:knit,zorp:riso', list)
  .option('--variants <list>', 'some of the study’s rows only', list)
  .option('--processes <n>', 'cores to use; the numbers do not depend on it', count, availableParallelism())
  .option('--fresh', 'make everything anew, also what an earlier run of the same code has made')
  .option('--out <folder>', 'where STUDY.md, STUDY.json and the contact sheet are written', OUT)
  .action(async (name: string, options: Options) => {
    const whole = STUDIES[name];
    if (!whole) return program.error(`error: there is no study ${name}; there are ${NAMES.join(', ')}`);
    const study = options.variants ? some(whole, options.variants) : whole;
    await withDemoStore((store) => evaluate(store, study, options));
  });

async function evaluate(store: Store, study: Study, { fresh, processes, out, ...asked }: Options): Promise<void> {
  const cache = await CellCache.open(await store.model(undefined));
  const trials: Trials = {
    pairs: await pairsOf(store, asked.pairs),
    prompts: Math.min(PROMPTS.length, asked.prompts ?? study.prompts),
    seeds: Array.from({ length: asked.seeds ?? study.seeds }, (_, k) => k + 1),
    steps: asked.steps,
  };
  const results = await runStudy(study.variants, { store, cache, known: fresh ? undefined : cache, processes, trials, onProgress: show });
  process.stderr.write('\n');
  console.log(await writeStudy(study, trials, results, out));
}

/** Every subject with every style, or those asked for. */
async function pairsOf(store: Store, asked: readonly string[] | undefined): Promise<Pair[]> {
  const { loras } = await store.manifest();
  const of = (kind: 'subject' | 'style') => loras.filter((lora) => lora.kind === kind);
  const all = of('subject').flatMap((subject) => of('style').map((style): Pair => ({ subject, style })));
  if (!asked) return all;
  return asked.map((name) => {
    const pair = all.find(({ subject, style }) => `${subject.id}:${style.id}` === name);
    return (
      pair ??
      program.error(
        `error: --pairs: there is no pair ${name}; there are ${all.map((one) => `${one.subject.id}:${one.style.id}`).join(', ')}`,
      )
    );
  });
}

/** Comparisons with rows that are left out are left out too. */
function some(study: Study, names: readonly string[]): Study {
  const unknown = names.find((name) => study.variants.every((variant) => variant.name !== name));
  if (unknown !== undefined)
    return program.error(
      `error: --variants: ${study.name} has no row ${unknown}; it has ${study.variants.map(({ name }) => name).join(', ')}`,
    );
  const kept = study.variants.filter(({ name }) => names.includes(name));
  const variants = kept.map(({ against = [], ...variant }) => ({ ...variant, against: against.filter((name) => names.includes(name)) }));
  const { tables: _, ...rest } = study;
  return { ...rest, variants };
}

let shown = '';
function show({ done, total, secondsLeft }: Progress): void {
  const left = secondsLeft === undefined ? '' : `, ${Math.ceil(secondsLeft / 60)} min left`;
  const line = `picture ${done} of ${total}${left}`;
  process.stderr.write(`\r${line.padEnd(shown.length)}`);
  shown = line;
}

await program.parseAsync();

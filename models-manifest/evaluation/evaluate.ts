/** `npm run evaluate -- STUDY`: what the demo's pictures are worth, by encoders and by a judge that had no part in making them. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { withDemoStore } from '../cli/demo/with-demo-store.ts';
import { encodePng } from '../cli/image/encode-png.ts';
import { contactSheet } from './contact-sheet.ts';
import { studyTable } from './report.ts';
import { runStudy, type Scored, type Study, type Variant } from './run-study.ts';
import { GUIDANCE_VARIANTS } from './studies/guidance.ts';

const STUDIES: Readonly<Record<string, readonly Variant[]>> = { guidance: GUIDANCE_VARIANTS };
const OUT = path.join(import.meta.dirname, '../../docs/evaluation');

interface Options {
  seeds: number;
  steps: number;
  out: string;
}

const count = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  return program.error(`error: ${text} must be a whole number from 1`);
};

const program = new Command('evaluate')
  .description('Makes every pair of the demo’s LoRAs by every variant of a study, on the same seeds, and scores the pictures.')
  .argument('<study>', `one of ${Object.keys(STUDIES).join(', ')}`)
  .option('--seeds <n>', 'seeds a pair', count, 4)
  .option('--steps <n>', 'steps a picture', count, 20)
  .option('--out <folder>', 'where STUDY.md, STUDY.json and STUDY.png are written', OUT)
  .action(async (name: string, { seeds, steps, out }: Options) => {
    const variants = STUDIES[name];
    if (!variants) return program.error(`error: there is no study ${name}; there are ${Object.keys(STUDIES).join(', ')}`);
    await withDemoStore(async (store) => {
      const study = { variants, seeds: Array.from({ length: seeds }, (_, k) => k + 1), steps };
      const scored = await runStudy(store, study, (done, total, left) => {
        process.stderr.write(`\rpicture ${done + 1} of ${total}${left === undefined ? '' : `, ${Math.ceil(left / 60)} min left`}   `);
      });
      process.stderr.write('\n');
      await write(name, study, scored, out);
    });
  });

async function write(name: string, { variants, seeds, steps }: Study, scored: readonly Scored[], out: string): Promise<void> {
  const pairs = new Set(scored.map(({ subject, style }) => `${subject} x ${style}`)).size;
  const title = `${pairs} pairs x ${seeds.length} seeds, ${steps} steps: mean of ${pairs * seeds.length} pictures a row, with 95 % bootstrap intervals`;
  const table = studyTable(variants, scored);
  await mkdir(out, { recursive: true });
  const file = (extension: string) => path.join(out, `${name}.${extension}`);
  await writeFile(
    file('md'),
    `# ${name}\n\n${title}. Made by \`npm run evaluate -- ${name}\`.\n\n${table}\n\n![Seed 1: a row a variant, a column a pair](${name}.png)\n`,
  );
  const record = scored.map(({ variant, subject, style, seed, scores }) => ({ variant, subject, style, seed, scores }));
  await writeFile(file('json'), `${JSON.stringify(record, null, 1)}\n`);
  const rows = variants.map((variant) =>
    scored.filter((one) => one.variant === variant.name && one.seed === 1).map(({ picture }) => picture),
  );
  await writeFile(file('png'), encodePng(contactSheet(rows)));
  console.log(`${title}\n\n${table}`);
}

await program.parseAsync();

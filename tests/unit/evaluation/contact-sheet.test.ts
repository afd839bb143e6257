import { expect, it } from 'vitest';
import { encodePng } from '../../../models-manifest/cli/image/encode-png.ts';
import { decodePng } from '../../../models-manifest/cli/image/read-png.ts';
import { pairsSheet } from '../../../models-manifest/evaluation/contact-sheet.ts';
import type { Pair } from '../../../models-manifest/evaluation/study.ts';
import type { LoraEntry } from '../../../shared/manifest.ts';

const png = (level: number): string =>
  Buffer.from(encodePng({ width: 1, height: 1, data: new Uint8ClampedArray([level, level, level, 255]) })).toString('base64');
const lora = (id: string, level: number) => ({ id, thumbnail: `data:image/png;base64,${png(level)}` }) as LoraEntry;

it('shows a subject a row and a style a column, headed by their thumbnails; pairs that were not made stay empty', () => {
  const [pip, momo, knit, riso] = [lora('pip', 1), lora('momo', 2), lora('knit', 3), lora('riso', 4)];
  const samples = new Map<Pair, string>([
    [{ subject: pip, style: knit }, png(13)],
    [{ subject: pip, style: riso }, png(14)],
    [{ subject: momo, style: riso }, png(24)],
  ]);
  const { width, data } = decodePng(pairsSheet({ name: 'kl', samples }));
  // Each picture takes two pixels, and four lie between two of them.
  const levels = [0, 1, 2].map((row) => [0, 1, 2].map((column) => data[(6 * row * width + 6 * column) * 4]));
  expect(levels).toEqual([
    [255, 3, 4],
    [1, 13, 14],
    [2, 255, 24],
  ]);
});

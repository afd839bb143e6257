import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { DiptychError } from '../../../shared/errors.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { printGraph } from '../../../shared/onnx/print.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { validateModel } from '../../../shared/onnx/validate.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { modelOfAllKinds } from './all-kinds.ts';
import { fixtureBytes } from './fixture-models.ts';

it('keeps everything through write and read', () => {
  expect(readModel(writeModel(modelOfAllKinds()), 'f.onnx')).toEqual(modelOfAllKinds());
});

it('prints everything', () => {
  expect(printGraph(modelOfAllKinds().graph)).toMatchInlineSnapshot(`
    "graph all kinds(x: float32[batch,2], condition: bool[]) {
      w = float32[2]
      e = float16[3,2] @ weights/a.bin+64
      chosen: float32[?,2] = If(condition)  # /if
        then_branch:
          graph then() {
            then_y = Add(x, w)  # /then/Add
            return then_y: float32[batch,2]
          }
        else_branch:
          graph else() {
            else_y = Mul(x, w)  # /else/Mul
            return else_y: float32[batch,2]
          }
      y, _ = com.example.Custom(chosen, _, e) {float=0.5, int=-3, big=9223372036854775807, string="é", tensor=int64[2], floats=[1,2.5], ints=[3,4], strings=["a",""]}  # custom
      return y: float32
    }
    "
  `);
});

/** Reads, checks and normalises; true if it worked, false if it was refused in the documented way. */
function survives(bytes: Uint8Array, dims: Record<string, number[]>): boolean {
  try {
    const model = readModel(bytes, 'fuzzed.onnx');
    validateModel(model);
    normalise(model, dims);
    return true;
  } catch (thrown) {
    if (thrown instanceof DiptychError) return false;
    throw thrown;
  }
}

it.each([
  ['a model of all kinds', writeModel(modelOfAllKinds()), { x: [1, 2] }, 5000],
  // Its nodes come first; flips in weights would only change numbers.
  ['an image encoder', fixtureBytes('sd15-tiny/image_encoder_dino').slice(), { pixel_values: [1, 3, 32, 32] }, 1000],
])('damaged bytes of %s are read or refused, never crash', (_, original, dims, numRuns) => {
  const position = fc.nat(Math.min(original.length, 30_000) - 1);
  const flips = fc.array(fc.tuple(position, fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 8 });
  const cut = fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: position });
  const counts = { read: 0, refused: 0 };
  fc.assert(
    fc.property(flips, cut, (changes, cut) => {
      const bytes = original.slice(0, cut ?? original.length);
      for (const [at, mask] of changes) if (at < bytes.length) bytes[at]! ^= mask;
      counts[survives(bytes, dims) ? 'read' : 'refused']++;
    }),
    { numRuns },
  );
  expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(0);
});

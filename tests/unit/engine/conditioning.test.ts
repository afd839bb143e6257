import { describe, expect, test } from 'vitest';
import { type EncoderOutputs, layConditioning } from '../../../client/engine/conditioning.ts';
import type { ConditioningInput } from '../../../shared/manifest.ts';

/** Two texts of two tokens: 2 and 1 channels, and a pooled one of 2. */
const OUTPUTS: EncoderOutputs = new Map([
  ['textEncoder', new Map([['last', { dims: [2, 2, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8) }]])],
  [
    'textEncoder2',
    new Map([
      ['hidden', { dims: [2, 2, 1], data: Float32Array.of(10, 20, 30, 40) }],
      ['pooled', { dims: [2, 2], data: Float32Array.of(-1, -2, -3, -4) }],
    ]),
  ],
]);

type Case = [about: string, input: ConditioningInput, dims: number[], zeroRow0: boolean, expected: number[][]];
const inputOf = (...blocks: Extract<ConditioningInput, { blocks: unknown }>['blocks']): ConditioningInput => ({ input: 'x', blocks });

describe('a denoiser input', () => {
  test.each<Case>([
    [
      'is one output',
      inputOf({ encoder: 'textEncoder', output: 'last', at: [0, 0] }),
      [2, 2, 2],
      false,
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
    ],
    [
      'is the first output where none is named',
      inputOf({ encoder: 'textEncoder', at: [0, 0] }),
      [2, 2, 2],
      false,
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
    ],
    [
      'is two outputs side by side',
      inputOf({ encoder: 'textEncoder', output: 'last', at: [0, 0] }, { encoder: 'textEncoder2', output: 'hidden', at: [0, 2] }),
      [2, 2, 3],
      false,
      [
        [1, 2, 10, 3, 4, 20],
        [5, 6, 30, 7, 8, 40],
      ],
    ],
    [
      'is two outputs one after the other, zero beyond them',
      inputOf({ encoder: 'textEncoder', output: 'last', at: [0, 0] }, { encoder: 'textEncoder2', output: 'hidden', at: [2, 0] }),
      [2, 5, 2],
      false,
      [
        [1, 2, 3, 4, 10, 0, 20, 0, 0, 0],
        [5, 6, 7, 8, 30, 0, 40, 0, 0, 0],
      ],
    ],
    [
      'is pooled outputs in a row',
      inputOf({ encoder: 'textEncoder2', output: 'pooled', at: [0] }, { encoder: 'textEncoder2', output: 'pooled', at: [2] }),
      [2, 4],
      false,
      [
        [-1, -2, -1, -2],
        [-3, -4, -3, -4],
      ],
    ],
    [
      'is zero in row 0',
      inputOf({ encoder: 'textEncoder2', output: 'hidden', at: [0, 0] }),
      [2, 2, 1],
      true,
      [
        [0, 0],
        [30, 40],
      ],
    ],
    [
      'of batch 1 is the prompt’s half',
      inputOf({ encoder: 'textEncoder', output: 'last', at: [0, 0] }, { encoder: 'textEncoder2', output: 'hidden', at: [0, 2] }),
      [1, 2, 3],
      true,
      [[5, 6, 30, 7, 8, 40]],
    ],
    ['of batch 1 is numbers once', { input: 'x', values: [16, 0] }, [1, 2], false, [[16, 0]]],
    [
      'is numbers, whatever the prompts',
      { input: 'x', values: [16, 0] },
      [2, 2],
      true,
      [
        [16, 0],
        [16, 0],
      ],
    ],
  ])('%s', (_, input, dims, zeroRow0, expected) => {
    expect([...layConditioning(input, dims, OUTPUTS, zeroRow0)]).toEqual(expected.flat());
  });

  test.each<[about: string, input: ConditioningInput, message: RegExp]>([
    [
      'an output that is not there',
      inputOf({ encoder: 'textEncoder', output: 'hidden', at: [0, 0] }),
      /x takes hidden of textEncoder, which is missing/,
    ],
    ['an encoder that is not there', inputOf({ encoder: 'textEncoder3', at: [0, 0] }), /of textEncoder3, which is missing/],
    [
      'an output that is too wide',
      inputOf({ encoder: 'textEncoder', output: 'last', at: [0, 1] }),
      /which is \[2, 2, 2\] and does not fit \[2, 2, 2\] at \[0, 1\]; prepare the model again/,
    ],
  ])('refuses %s', (_, input, message) => {
    expect(() => layConditioning(input, [2, 2, 2], OUTPUTS, false)).toThrowError(
      expect.objectContaining({ code: 'graph_unsupported', message: expect.stringMatching(message) }),
    );
  });
});

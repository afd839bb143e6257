import { expect, test } from 'vitest';
import { gaussianNoise } from '../../../client/sampler/noise.ts';
import { refOf } from './blob-ref.ts';

test('noise is the same to the last bit as in Node: the unit suite pins the same digest', async () => {
  const { sha256 } = await refOf(new Uint8Array(gaussianNoise(1, 10_000).buffer as ArrayBuffer));
  expect(sha256).toBe('08d5243e4caa15b7a12d718b47c7f8e6856082b2f699fc43057c7c70a64841ef');
});
